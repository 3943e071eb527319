"""The ways to trust a private CA, for each client and system. Remedies that several problems share."""

from __future__ import annotations

from claudecheck.diagnosis.change import Filed
from claudecheck.diagnosis.problems.facts import Fact
from claudecheck.diagnosis.problems.remedy import Remedy, System
from claudecheck.diagnosis.problems.spelling import JOINED, assign, exported, joined, joined_with_certifi, spelled
from claudecheck.report import Command

STRICT = "it replaces the whole store, and on Python 3.13 and later it turns strict checks on, which some of these certificates do not pass"
PYTHON, CURL, ON_NODE = ("python",), ("curl",), ("typescript", "node", "claude-code")
#: Those that read the system's store. Node itself does so only with an option.
_SYSTEM = ("python", "claude-code", "curl")
ROOT = "corporate-root.pem"
_NEEDS_ROOT = (f"the root certificate, as {ROOT}",)
_GET = "Get the root certificate from your network team as `corporate-root.pem`"
REPLACES_IN_CURL = "it takes the place of curl's own file, so it must hold the public CA certificates too"
#: By what the matrix of `claudecheck trust` and the rules find them.
HELD_KEY, GIVEN_KEY, SYSTEM_KEY, IMAGE_KEY = "root-from-a-store", "root-from-people", "root-for-the-system", "image"
_VARIABLES = {"python": "SSL_CERT_FILE", "curl": "CURL_CA_BUNDLE"}
_HELD_HERE = "Another store of this machine holds the root: take it from there, and hand it to this client"


def _with_root(
    text: str,
    commands: tuple[Command, ...],
    clients: tuple[str, ...],
    *,
    key: str,
    systems: tuple[System, ...] = (),
    when: tuple[Fact, ...] = (),
    unless: tuple[Fact, ...] = (),
    tools: tuple[str, ...] = (),
    caution: str | None = None,
    needs: tuple[str, ...] = (),
) -> Remedy:
    """`commands` write the joined file, and this client's variable then names it."""
    if key == GIVEN_KEY and not needs:
        needs = _NEEDS_ROOT
    usual = STRICT if clients == PYTHON else REPLACES_IN_CURL
    return Remedy(
        text=text,
        commands=commands,
        change=assign(_VARIABLES[clients[0]], JOINED),
        clients=clients,
        systems=systems,
        when=when,
        unless=unless,
        tools=tools,
        caution=usual if caution is None else caution,
        key=key,
        needs=needs,
        proved_by="tls:joined-store" if key == HELD_KEY else "",
    )


#: First, where a store of this machine was seen to hold the root.
HELD = (
    _with_root(
        _HELD_HERE,
        exported(ROOT, joined("{cafile}", ROOT)),
        PYTHON,
        key=HELD_KEY,
        systems=("Linux",),
        when=("root-held",),
        unless=("store-unknown",),
    ),
    _with_root(
        _HELD_HERE,
        exported(ROOT, joined("{cafile}", ROOT)),
        CURL,
        key=HELD_KEY,
        systems=("Linux",),
        when=("root-held",),
        unless=("store-unknown",),
    ),
    _with_root(
        _HELD_HERE,
        exported(ROOT, joined_with_certifi(ROOT)),
        PYTHON,
        key=HELD_KEY,
        when=("root-held", "store-unknown"),
    ),
    Remedy(
        text=_HELD_HERE,
        commands=exported(ROOT),
        change=assign("NODE_EXTRA_CA_CERTS", Filed(ROOT, at_home=False)),
        clients=ON_NODE,
        when=("root-held",),
        key=HELD_KEY,
        proved_by="tls:joined-store",
    ),
)
#: Trusting a private CA. The root must come from people or from a store of this machine, never from the connection
#: that it is to vouch for.
TRUST_ROOT = (
    *HELD,
    _with_root(
        f"{_GET}, and join it with the store that this client uses now",
        joined("{cafile}", ROOT),
        PYTHON,
        key=GIVEN_KEY,
        systems=("Linux",),
        unless=("root-held", "store-unknown"),
    ),
    _with_root(
        f"{_GET}, and join it with the CA certificates that curl uses now (or name the file after `--cacert`)",
        joined("{cafile}", ROOT),
        CURL,
        key=GIVEN_KEY,
        systems=("Linux",),
        unless=("root-held", "store-unknown"),
    ),
    _with_root(
        f"{_GET}, and join it with certifi's public CA certificates (or name the file after `--cacert`)",
        joined_with_certifi(ROOT),
        CURL,
        key=GIVEN_KEY,
        when=("store-unknown",),
        unless=("root-held",),
    ),
    _with_root(
        f"{_GET}, and join it with certifi's public CA certificates",
        joined_with_certifi(ROOT),
        PYTHON,
        key=GIVEN_KEY,
        when=("store-unknown",),
        unless=("root-held",),
    ),
    Remedy(
        text=f"{_GET}; Node and Claude Code take it in addition to their own CA certificates",
        change=assign("NODE_EXTRA_CA_CERTS", Filed(ROOT, at_home=False)),
        clients=ON_NODE,
        unless=("root-held",),
        key=GIVEN_KEY,
        needs=_NEEDS_ROOT,
    ),
    Remedy(
        text=f"{_GET}, and add it to the system's store, which the SDK 1.x and 2.x, Claude Code, curl and browsers read",
        commands=spelled(
            sh="{sudo} cp corporate-root.pem \\\n  /usr/local/share/ca-certificates/corporate-root.crt &&\n  {sudo} update-ca-certificates"
        ),
        systems=("Linux",),
        clients=_SYSTEM,
        unless=("root-held", "sdk-0"),
        tools=("update-ca-certificates",),
        key=SYSTEM_KEY,
        needs=_NEEDS_ROOT,
    ),
    Remedy(
        text=f"{_GET}, and add it to the system's store, which the SDK 1.x and 2.x, Claude Code, curl and browsers read",
        commands=spelled(
            sh="{sudo} cp corporate-root.pem \\\n  /etc/pki/ca-trust/source/anchors/corporate-root.pem &&\n  {sudo} update-ca-trust"
        ),
        systems=("Linux",),
        clients=_SYSTEM,
        unless=("root-held", "sdk-0"),
        tools=("update-ca-trust",),
        key=SYSTEM_KEY,
        needs=_NEEDS_ROOT,
    ),
    Remedy(
        text=f"{_GET}, and add it to the system's store, which the SDK 1.x and 2.x read",
        commands=spelled(
            sh="{sudo} security add-trusted-cert -d -r trustRoot \\\n  -k /Library/Keychains/System.keychain corporate-root.pem"
        ),
        systems=("Darwin",),
        clients=_SYSTEM,
        unless=("root-held", "sdk-0"),
        key=SYSTEM_KEY,
        needs=_NEEDS_ROOT,
    ),
    Remedy(
        text=f"{_GET}, and add it to the system's store, which the SDK 1.x and 2.x read",
        commands=spelled(
            powershell="certutil -user -addstore Root corporate-root.pem",
            cmd="certutil -user -addstore Root corporate-root.pem",
        ),
        systems=("Windows",),
        clients=_SYSTEM,
        unless=("root-held", "sdk-0"),
        key=SYSTEM_KEY,
        needs=_NEEDS_ROOT,
    ),
    Remedy(
        text="To keep it, put the root certificate into the image, in one file with the public CA certificates",
        commands=spelled(
            dockerfile="COPY corporate-root.pem /usr/local/share/ca-certificates/root.crt\nRUN update-ca-certificates\nENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
        ),
        clients=PYTHON,
        when=("container",),
        caution=STRICT,
        place="the Dockerfile",
        key=IMAGE_KEY,
    ),
    Remedy(
        text="To keep it, put the root certificate into the image's store, which curl reads",
        commands=spelled(
            dockerfile="COPY corporate-root.pem /usr/local/share/ca-certificates/root.crt\nRUN update-ca-certificates"
        ),
        clients=CURL,
        when=("container",),
        place="the Dockerfile",
        key=IMAGE_KEY,
    ),
    Remedy(
        text="To keep it, put the root certificate into the image: Node and Claude Code take it in addition to their own",
        commands=spelled(
            dockerfile="COPY corporate-root.pem /usr/local/share/ca-certificates/root.crt\nENV NODE_EXTRA_CA_CERTS=/usr/local/share/ca-certificates/root.crt"
        ),
        clients=ON_NODE,
        when=("container",),
        place="the Dockerfile",
        key=IMAGE_KEY,
    ),
)
OTHERS_ON_NODE = Remedy(
    text="Claude Code and Node take the root in addition to their own CA certificates",
    change=assign("NODE_EXTRA_CA_CERTS", Filed(ROOT, at_home=False)),
)


def joined_with_public(text: str, root: str, *, caution: str = "") -> tuple[Remedy, ...]:
    """Trusting what is in the file `root` beside the public CA certificates, in each client's way. `text` ends there."""
    beside, added = (
        f"{text}, joined with the public CA certificates",
        f"{text}: Node adds it to its own CA certificates",
    )
    strict = f"{caution}; {STRICT}" if caution else STRICT
    return (
        _with_root(beside, joined_with_certifi(root), PYTHON, key=GIVEN_KEY, caution=strict, needs=(root,)),
        _with_root(
            beside,
            joined_with_certifi(root),
            CURL,
            key=GIVEN_KEY,
            caution=caution or REPLACES_IN_CURL,
            needs=(root,),
        ),
        Remedy(
            text=added,
            change=assign("NODE_EXTRA_CA_CERTS", Filed(root, at_home=False)),
            clients=ON_NODE,
            caution=caution,
            key=GIVEN_KEY,
            needs=(root,),
        ),
    )


def converted(text: str, file: str) -> tuple[Remedy, ...]:
    """The same after `file`, in DER form, was written as PEM."""
    line = f"openssl x509 -inform der -in {file} -out {ROOT}"
    together = f"{text}, then join it with the public CA certificates"

    def first(then: tuple[Command, ...]) -> tuple[Command, ...]:
        return tuple(
            Command(shell=one.shell, line=f"{line}{_CHAINED.get(one.shell, chr(10))}{one.line}") for one in then
        )

    return (
        _with_root(
            together,
            first(joined_with_certifi(ROOT)),
            PYTHON,
            key="converted",
            when=("der-file",),
            tools=("openssl",),
            caution="",
        ),
        _with_root(
            together,
            first(joined_with_certifi(ROOT)),
            CURL,
            key="converted",
            when=("der-file",),
            tools=("openssl",),
            caution="",
        ),
        Remedy(
            text=f"{text}, then name it",
            commands=spelled(sh=line, fish=line, powershell=line),
            change=assign("NODE_EXTRA_CA_CERTS", Filed(ROOT, at_home=False)),
            clients=ON_NODE,
            when=("der-file",),
            tools=("openssl",),
        ),
    )


_CHAINED = {"sh": " &&\n  ", "fish": " &&\n  "}
