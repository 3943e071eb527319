"""What a pod's own cluster keeps from it: fixes that are made in the cluster, by whoever may change it."""

from claudecheck.diagnosis.problems.remedy import Remedy
from claudecheck.diagnosis.problems.spelling import spelled

_CLUSTER = "the cluster"
_POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: {name}, namespace: {{namespace}} }}
spec:
  podSelector: {{}}
  policyTypes: [Egress]
  egress:
{egress}"""
_DNS_EGRESS = """    - to:
        - namespaceSelector: {}
          podSelector: { matchLabels: { k8s-app: kube-dns } }
      ports:
        - { protocol: UDP, port: 53 }
        - { protocol: TCP, port: 53 }"""
_API_EGRESS = """    - to: [{ ipBlock: { cidr: 0.0.0.0/0 } }]
      ports: [{ protocol: TCP, port: {port} }]"""
_SERVICE_ENTRY = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: anthropic, namespace: {namespace} }
spec:
  hosts: [{host}]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{ number: {port}, name: tls, protocol: TLS }]"""


def _policy(name: str, egress: str) -> str:
    return _POLICY.replace("{{", "{").replace("}}", "}").replace("{name}", name).replace("{egress}", egress)


EGRESS_TO_DNS = (
    Remedy(
        text="Let the pods of this namespace ask the cluster's DNS: a network policy that forbids it makes every name fail",
        commands=spelled(yaml=_policy("allow-dns", _DNS_EGRESS)),
        when=("kubernetes",),
        kind="ask",
        place=_CLUSTER,
    ),
)
EGRESS_TO_API = (
    Remedy(
        text="Register {host} with the mesh: in the mode REGISTRY_ONLY its sidecar ends every other connection",
        commands=spelled(yaml=_SERVICE_ENTRY),
        when=("mesh",),
        kind="ask",
        place=_CLUSTER,
    ),
    Remedy(
        text="Let the pods of this namespace connect to {host}: a network policy may forbid it",
        commands=spelled(yaml=_policy("allow-claude-api", f"{_DNS_EGRESS}\n{_API_EGRESS}")),
        when=("kubernetes",),
        kind="ask",
        place=_CLUSTER,
    ),
)
