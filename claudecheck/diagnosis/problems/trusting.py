"""The ways to trust a private authority, for each client and system. Remedies that several problems share."""

from claudecheck.diagnosis.problems.problem import Remedy
from claudecheck.diagnosis.problems.spelling import (
    added_for_node,
    spelled,
    taken_from_a_store,
    trusted_together,
    trusted_with_certifi,
)

STRICT = "it replaces the whole store, and on Python 3.13 and later it turns strict checks on, which some of these certificates do not pass"
PYTHON, CURL, ON_NODE = ("python",), ("curl",), ("typescript", "node", "claude-code")
#: Those that read the system's store. Node itself does so only with an option.
_SYSTEM = ("python", "claude-code", "curl")
ROOT = "corporate-root.pem"
_GET = "Get the root certificate from your network team as `corporate-root.pem`"
REPLACES_IN_CURL = "it takes the place of curl's own file, so it must hold the public authorities too"

#: Trusting a private authority. The root must come from people or from a store of this machine, never from the
#: connection that it is to vouch for.
TRUST_ROOT = (
    Remedy(
        text=f"{_GET}, and hand it to the container in one file with the public authorities",
        commands=spelled(
            dockerfile="COPY corporate-root.pem /usr/local/share/ca-certificates/root.crt\nRUN update-ca-certificates\nENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
        ),
        clients=PYTHON,
        only_in="container",
        caution=STRICT,
    ),
    Remedy(
        text=f"{_GET}, and add it to the container's store, which curl reads",
        commands=spelled(
            dockerfile="COPY corporate-root.pem /usr/local/share/ca-certificates/root.crt\nRUN update-ca-certificates"
        ),
        clients=CURL,
        only_in="container",
    ),
    Remedy(
        text=f"{_GET}, and hand it to the container: Node and Claude Code take it in addition to their own authorities",
        commands=spelled(
            dockerfile="COPY corporate-root.pem /usr/local/share/ca-certificates/root.crt\nENV NODE_EXTRA_CA_CERTS=/usr/local/share/ca-certificates/root.crt"
        ),
        clients=ON_NODE,
        only_in="container",
    ),
    Remedy(
        text=f"{_GET}, and join it with the store that this client uses now",
        commands=trusted_together("{cafile}", ROOT),
        systems=("Linux",),
        clients=PYTHON,
        caution=STRICT,
    ),
    Remedy(
        text=f"{_GET}, and join it with the authorities that curl uses now (or name the file after `--cacert`)",
        commands=trusted_together("{cafile}", ROOT, "CURL_CA_BUNDLE"),
        systems=("Linux",),
        clients=CURL,
        caution=REPLACES_IN_CURL,
    ),
    Remedy(
        text=f"{_GET}; Node and Claude Code take it in addition to their own authorities",
        commands=added_for_node(ROOT),
        clients=ON_NODE,
    ),
    Remedy(
        text="Or add it to the system's store, which the SDK 1.x and 2.x, Claude Code, curl and browsers read (Debian and Ubuntu; on Fedora it is the folder `/etc/pki/ca-trust/source/anchors`, then `update-ca-trust`)",
        commands=spelled(
            sh="sudo cp corporate-root.pem \\\n  /usr/local/share/ca-certificates/corporate-root.crt &&\n  sudo update-ca-certificates"
        ),
        systems=("Linux",),
        clients=_SYSTEM,
    ),
    Remedy(
        text=f"{_GET}, and add it to the system's store, which the SDK 1.x and 2.x read",
        commands=spelled(
            sh="sudo security add-trusted-cert -d -r trustRoot \\\n  -k /Library/Keychains/System.keychain corporate-root.pem"
        ),
        systems=("Darwin",),
        clients=_SYSTEM,
    ),
    Remedy(
        text=f"{_GET}, and add it to the system's store, which the SDK 1.x and 2.x read",
        commands=spelled(
            powershell="certutil -user -addstore Root corporate-root.pem",
            cmd="certutil -user -addstore Root corporate-root.pem",
        ),
        systems=("Windows",),
        clients=_SYSTEM,
    ),
    Remedy(
        text="For the SDK 0.x, which reads certifi and not the system's store, join the root with certifi's authorities",
        commands=trusted_with_certifi(ROOT),
        systems=("Darwin", "Windows"),
        clients=PYTHON,
        caution=STRICT,
    ),
)
HELD_HERE = "Another store of this machine holds the root: take it from there, and hand it to this client"
#: Shown, and then first, only where a store was seen to hold it.
HELD = (
    Remedy(
        text=HELD_HERE,
        commands=taken_from_a_store(ROOT, trusted_together("{cafile}", ROOT)),
        systems=("Linux",),
        clients=PYTHON,
        caution=STRICT,
    ),
    Remedy(
        text=HELD_HERE,
        commands=taken_from_a_store(ROOT, trusted_together("{cafile}", ROOT, "CURL_CA_BUNDLE")),
        systems=("Linux",),
        clients=CURL,
        caution=REPLACES_IN_CURL,
    ),
    Remedy(
        text=HELD_HERE,
        commands=taken_from_a_store(ROOT, trusted_with_certifi(ROOT)),
        systems=("Darwin", "Windows"),
        clients=PYTHON,
        caution=STRICT,
    ),
    Remedy(text=HELD_HERE, commands=taken_from_a_store(ROOT, added_for_node(ROOT)), clients=ON_NODE),
)
OTHERS_ON_NODE = Remedy(
    text="Claude Code and Node take the root in addition to their own authorities",
    commands=added_for_node(ROOT),
)


def joined_with_public(text: str, root: str, *, caution: str = "") -> tuple[Remedy, ...]:
    """Trusting what is in the file `root` beside the public authorities, in each client's way. `text` ends there."""
    beside, added = f"{text}, joined with the public authorities", f"{text}: Node adds it to its own authorities"
    return (
        Remedy(
            text=beside,
            commands=trusted_with_certifi(root),
            clients=PYTHON,
            caution=f"{caution}; {STRICT}" if caution else STRICT,
        ),
        Remedy(
            text=beside,
            commands=trusted_with_certifi(root, "CURL_CA_BUNDLE"),
            clients=CURL,
            caution=caution or REPLACES_IN_CURL,
        ),
        Remedy(text=added, commands=added_for_node(root), clients=ON_NODE, caution=caution),
    )


def converted(text: str, file: str) -> tuple[Remedy, ...]:
    """The same after `file`, in DER form, was written as PEM."""
    line = f"openssl x509 -inform der -in {file} -out {ROOT}"
    to_pem = spelled(sh=line, fish=line, powershell=line)
    together = f"{text}, then join it with the public authorities"
    return (
        Remedy(text=together, commands=(*to_pem, *trusted_with_certifi(ROOT)), clients=PYTHON),
        Remedy(text=together, commands=(*to_pem, *trusted_with_certifi(ROOT, "CURL_CA_BUNDLE")), clients=CURL),
        Remedy(text=f"{text}, then name it", commands=(*to_pem, *added_for_node(ROOT)), clients=ON_NODE),
    )
