"""Which authorities a Python client believes, and what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from claudecheck.clients.ca_files import PUBLIC_ENDINGS
from claudecheck.clients.sdk import Sdk
from claudecheck.clients.snapshot import FileFact, Snapshot, Wanted
from claudecheck.observations import Concern, Interpreter
from claudecheck.route import Endpoint, Trust

_SYSTEM = "the system's store"
_BY_TRUSTSTORE = "the system's store, by truststore"
FILE, DIRECTORY = "SSL_CERT_FILE", "SSL_CERT_DIR"
#: Variables of other clients, which no Python SDK reads.
FOREIGN = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def folders(value: str, os: str) -> list[str]:
    """SSL_CERT_DIR may name several; OpenSSL parts them like PATH."""
    return [part for part in value.split(";" if os == "Windows" else ":") if part]


def files(snapshot: Snapshot) -> Iterator[Wanted]:
    """What the variables of this and other clients name as authorities."""
    named = [snapshot.get(variable) for variable in (FILE, *FOREIGN)]
    for path in dict.fromkeys(filter(None, [*named, *folders(snapshot.get(DIRECTORY), snapshot.os)])):
        yield Wanted(path, authorities=True)


@dataclass(frozen=True)
class Scene:
    snapshot: Snapshot
    sdk: Sdk
    interpreter: Interpreter
    endpoint: Endpoint
    trust: Trust

    def store(self) -> list[FileFact]:
        """The files and directories that the client loads its authorities from."""
        paths = [self.trust.cafile, *folders(self.trust.capath, self.snapshot.os)]
        return [self.snapshot.file(path) for path in paths if path]


def choose(snapshot: Snapshot, sdk: Sdk, interpreter: Interpreter) -> Trust:
    """What the SDK loads; and beside it the system's store, where truststore has taken the place of the SSL context."""
    loaded = _loaded(snapshot, sdk, interpreter)
    if "truststore" not in interpreter.ssl_context.split("."):
        return loaded
    source = _BY_TRUSTSTORE if loaded.source == _SYSTEM else f"{_BY_TRUSTSTORE} and {loaded.source}"
    if snapshot.os != "Linux":
        return Trust("native", source=source)
    # On Linux it asks OpenSSL for its default places, which the variables change each for its own half.
    cafile = snapshot.get(FILE) or interpreter.system_cafile
    capath = snapshot.get(DIRECTORY) or interpreter.system_capath
    further = (loaded.cafile,) if loaded.cafile not in ("", cafile) else ()
    return Trust("os", cafile=cafile, capath=capath, further=further, strict=loaded.strict, source=source)


def _loaded(snapshot: Snapshot, sdk: Sdk, interpreter: Interpreter) -> Trust:
    """A variable replaces the store; the file stands before the directory."""
    file, directory = snapshot.get(FILE), snapshot.get(DIRECTORY)
    strict = interpreter.strict_x509
    if file and not (sdk.forgives_missing_ca and snapshot.file(file).kind != "file"):
        return Trust("file", cafile=file, strict=strict, source=FILE)
    if directory and not (sdk.forgives_missing_ca and snapshot.file(directory).kind != "directory"):
        return Trust("directory", capath=directory, strict=strict, source=DIRECTORY)
    cafile, capath = interpreter.cafile, interpreter.capath
    if sdk.reads_certifi:
        return Trust("certifi", cafile=cafile, strict=strict, source="certifi")
    if snapshot.os != "Linux":
        return Trust("native", source=_SYSTEM)
    # httpx2 builds a bare context here, on which the strict flag is off in every Python.
    return Trust("os" if cafile or capath else "empty", cafile=cafile, capath=capath, source=_SYSTEM)


# -- what can be wrong with it -----------------------------------------------------------------------


def concerns(scene: Scene) -> Iterator[Concern]:
    for check in CHECKS:
        yield from check(scene)


def broken_file(scene: Scene) -> Iterable[Concern]:
    path = scene.snapshot.get(FILE)
    if not path:
        return
    fact = scene.snapshot.file(path)
    used = scene.trust.source == FILE
    if not fact.exists:
        yield _ca("ca-file-missing", FILE, path, "names a file that does not exist", stops=used)
    elif why := _file_fault(fact):
        yield _ca("ca-file-invalid", FILE, path, why, stops=used, facts=form_of(fact))


def broken_directory(scene: Scene) -> Iterable[Concern]:
    """OpenSSL takes any directory without a word; then no certificate can be verified."""
    if scene.trust.source != DIRECTORY or scene.endpoint.scheme != "https":
        return
    value = scene.snapshot.get(DIRECTORY)
    facts = [scene.snapshot.file(path) for path in folders(value, scene.snapshot.os)]
    if not any(fact.exists for fact in facts):
        yield _ca("ca-file-missing", DIRECTORY, value, "names a directory that does not exist", stops=True)
    elif all(fact.kind != "directory" for fact in facts):
        yield _ca("ca-file-invalid", DIRECTORY, value, "names something that is not a directory", stops=True)
    elif not any(fact.authorities and fact.authorities.fingerprints for fact in facts):
        why = "names a directory without certificates under OpenSSL's hashed names (made by c_rehash)"
        held = [path for path in folders(value, scene.snapshot.os) if scene.snapshot.file(path).kind == "directory"]
        yield _ca("ca-file-invalid", DIRECTORY, value, why, stops=True, facts=["folder"] if held == [value] else [])


def form_of(fact: FileFact) -> list[str]:
    """What decides how the file can be mended, as facts of the catalogue."""
    return ["der-file"] if fact.authorities is not None and fact.authorities.form == "der" else []


def _file_fault(fact: FileFact) -> str:
    if fact.kind == "directory":
        return "names a directory, not a file"
    if not fact.readable or fact.authorities is None:
        return "names a file that this user may not read"
    match fact.authorities.form:
        case "empty":
            return "names an empty file"
        case "der":
            return "names a certificate in DER form; PEM is needed"
        case "other":
            return "names a file without a PEM certificate"
        case "pem" | "directory":
            return f"names a file that OpenSSL refuses: {fact.authorities.error}" if fact.authorities.error else ""


def _ca(kind: str, variable: str, path: str, detail: str, *, stops: bool, facts: Sequence[str] = ()) -> Concern:
    return Concern(
        kind=kind,
        subject=variable,
        detail=f"{detail}: {path}",
        values={"variable": variable, "value": path, "file": path, "cafile": path},
        facts=list(facts),
        stops_client=stops,
    )


def ignored_variable(scene: Scene) -> Iterable[Concern]:
    """A variable of another client names private authorities that this client's store lacks."""
    own = scene.store()
    known = scene.snapshot.public_roots.union(*(_held(fact) for fact in own))
    if not any(map(_held, own)):
        return  # a native verifier, or a store that nobody could read: nothing to compare with
    told: set[str] = set()
    for variable in FOREIGN:
        fact = scene.snapshot.file(scene.snapshot.get(variable))
        extra = _held(fact) - known
        if not extra or fact.real_path in told or fact.real_path.endswith(PUBLIC_ENDINGS):
            continue
        told.add(fact.real_path)
        count = f"{len(extra)} certificate" + ("s" if len(extra) > 1 else "")
        yield Concern(
            kind="ca-variable-ignored",
            subject=variable,
            detail=f"names {fact.path} with {count} that this SDK's store lacks; it does not read {variable}",
            values={"variable": variable, "value": fact.path, "file": fact.path, "count": str(len(extra))},
        )


def _held(fact: FileFact) -> frozenset[str]:
    return fact.authorities.fingerprints if fact.authorities else frozenset()


def empty_store(scene: Scene) -> Iterable[Concern]:
    """Only on Linux can it be told; without a variable, and for a client that needs TLS."""
    if not scene.interpreter.sdk or scene.endpoint.scheme != "https" or scene.trust.source in (FILE, DIRECTORY):
        return
    if scene.trust.sort == "native":
        return
    stores = scene.store()
    looked_at = [fact for fact in stores if fact.authorities is not None]
    if stores and (len(looked_at) < len(stores) or any(map(_held, looked_at))):
        return
    where = " and ".join(fact.path for fact in stores)
    yield Concern(
        kind="trust-store-empty",
        subject=scene.interpreter.path,
        detail=f"{where} holds no certificate" if where else "no store of certificates was found in any known place",
        values={"file": where, "python": scene.interpreter.path},
        stops_client=True,
    )


def disabled_verification(scene: Scene) -> Iterable[Concern]:
    for variable in ("NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY"):
        if scene.snapshot.get(variable) == "0":
            yield Concern(
                kind="verification-disabled",
                subject=variable,
                detail=f"{variable}=0 switches verification off for other clients; the Python SDK goes on verifying",
                values={"variable": variable, "value": "0"},
            )


Check = Callable[[Scene], Iterable[Concern]]

CHECKS: tuple[Check, ...] = (broken_file, broken_directory, ignored_variable, empty_store, disabled_verification)
