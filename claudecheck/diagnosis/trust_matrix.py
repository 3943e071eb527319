"""Which client trusts a chain, which does not, and what would give it to the others. Pure: reads one handshake.

Theory. A chain that is refused has one certificate missing: the authority above the last one that was sent, or
that last one itself where it is a root. Every client looks for it in another place. So the answer is who has
it, and how the others get it: by a variable that adds (Node's) or by one that replaces (all the others).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from claudecheck.clients import registry
from claudecheck.diagnosis import products
from claudecheck.diagnosis.problems import CATALOGUE
from claudecheck.diagnosis.problems.facts import Fact
from claudecheck.diagnosis.problems.machine import Machine
from claudecheck.diagnosis.problems.offer import offer
from claudecheck.diagnosis.problems.trusting import GIVEN_KEY, HELD_KEY
from claudecheck.failures import Failure
from claudecheck.observations import Certificate, ClientVerdict, StoreVerdict, TlsHandshake
from claudecheck.report import Fix, Layer

#: OpenSSL's numbers for "nobody vouches for it": only these are mended with an authority.
_LACKS = (2, 18, 19, 20, 21, 27)
_STRICT_CODES = range(79, 95)
_BREAKS: Mapping[str, str] = {
    "SSL_CERT_FILE": "it replaces the whole store for every program in this shell that uses OpenSSL, and what is added "
    "to the system's store later is not in the file; Python 3.13 and later then check strictly",
    "CURL_CA_BUNDLE": "it replaces curl's file of authorities, and that of requests unless REQUESTS_CA_BUNDLE is set",
}
_ADDS = "nothing: it only adds. It is read when a program starts, so start again what runs"


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """The authority that the chain needs. `sha256` is empty where nobody here has it; `files` hold it."""

    subject: str
    sha256: str = ""
    sent: bool = False  # the server showed it itself, which proves nothing
    stores: list[str] = []
    files: list[str] = []


class Mend(msgspec.Struct, frozen=True, kw_only=True):
    """What would make some clients trust the chain, and what it costs."""

    clients: list[str]
    fix: Fix
    variable: str = ""  # empty where none mends it
    breaks: str = ""


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """`answer` is for those who read nothing else. `missing` is None where no authority is missing.

    `refused` says why no client takes the certificate, whatever it trusts. `needs` tells the variable that
    would make a client trust the chain, by the client's title.
    """

    url: str
    answer: list[str]
    chain: list[Certificate]
    clients: list[ClientVerdict]
    stores: list[StoreVerdict]
    refused: str = ""
    missing: Missing | None = None
    needs: dict[str, str] = {}
    mends: list[Mend] = []


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """There is no chain to judge: the layer at which the walk ended, and its error."""

    url: str
    layer: Layer
    error: str


def matrix(seen: TlsHandshake, *, url: str, machine: Machine, values: Mapping[str, str]) -> Matrix:
    return Matrix(
        url=url,
        answer=list(_answer(seen, machine)),
        chain=[msgspec.structs.replace(certificate, pem="") for certificate in seen.chain],
        clients=seen.clients,
        stores=seen.stores,
        refused=_refused(seen),
        missing=missing(seen),
        needs={one.title: _variable(one) for one in seen.clients if _lacks(one, seen)},
        mends=list(_mends(seen, machine, values)),
    )


# -- names -------------------------------------------------------------------------------------------


def common_name(name: str) -> str:
    """The CN of a distinguished name, else its O, else all of it."""
    parts = dict(part.strip().split("=", 1) for part in reversed(name.split(",")) if "=" in part)
    return parts.get("CN") or parts.get("O") or name


def store_name(store: StoreVerdict) -> str:
    return {"os": "the OS store", "node": "Node's own roots"}.get(store.store, store.store)


def together(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


# -- what is missing ---------------------------------------------------------------------------------

_INTERMEDIATE_WORDS = ("intermediate", "issuing", "subordinate", "sub ca", "subca", "server ca", "tls ca")


def holders(seen: TlsHandshake) -> list[StoreVerdict]:
    """The stores of this machine that trust the chain, strictness aside."""
    return [store for store in seen.stores if store.trusted and not store.strict]


def incomplete(seen: TlsHandshake) -> str:
    """Why the missing issuer is an intermediate that the server should send; empty when it is not.

    A root is never sent, so one certificate alone proves nothing: its issuer must look like an
    intermediate, or belong to an organisation whose root some store holds (told by the probe). A store
    that trusts the chain as it was sent, by the last one's own issuer, proves that nothing was left out.
    """
    chain = seen.chain
    if not chain or chain[-1].self_signed:
        return ""
    issuer = chain[-1].issuer
    if any(store.root == issuer for store in holders(seen)) or _built(seen):
        return ""
    if any(store.knows_organisation for store in seen.stores):
        return f'"{common_name(issuer)}" was not sent; a root of the same organisation is trusted here'
    if products.issues_publicly(issuer):
        return f'"{common_name(issuer)}" belongs to a public authority, and it was not sent'
    if chain[-1].issuer_url or any(word in issuer.lower() for word in _INTERMEDIATE_WORDS):
        return f'"{common_name(issuer)}" is an intermediate, and it was not sent'
    return ""


def _built(seen: TlsHandshake) -> str:
    """What a store found wrong with the chain after it had found its end: dates, names, a signature."""
    return next((one.message for one in seen.stores if not one.strict and one.code and one.code not in _LACKS), "")


def _refused(seen: TlsHandshake) -> str:
    if seen.failure is Failure.HOSTNAME_MISMATCH:
        return f"the certificate is for {', '.join(seen.chain[0].names[:3])}" if seen.chain else "it is for other names"
    return _built(seen)


def _lacks(one: ClientVerdict, seen: TlsHandshake) -> bool:
    """An authority is all that this client lacks."""
    return one.trusted is False and one.code in _LACKS and not _refused(seen)


def missing(seen: TlsHandshake) -> Missing | None:
    """None where every client has it, or where something else is wrong than a lack of authority."""
    if not seen.chain or not any(_lacks(one, seen) for one in seen.clients):
        return None
    last, held = seen.chain[-1], holders(seen)
    return Missing(
        subject=last.subject if last.self_signed else last.issuer,
        sha256=last.sha256 if last.self_signed else next((one.root_sha256 for one in held if one.root_sha256), ""),
        sent=last.self_signed,
        stores=list(dict.fromkeys(store_name(one) for one in held)),
        files=list(dict.fromkeys(one.file for one in held if one.file)),
    )


# -- who trusts it -----------------------------------------------------------------------------------


def public_file(seen: TlsHandshake) -> str:
    """Where a client has no file of its own (a folder, a keychain), a root is joined with the public ones."""
    return next((store.path for store in seen.stores if store.store == "certifi"), "")


def others_told(seen: TlsHandshake) -> str:
    """Of a chain that this client trusts: which clients that are installed here do not."""
    fails = [one.title for one in _found(seen) if one.trusted is False]
    if not fails:
        return ""
    return f"; {together(fails)} will not trust it, and `claudecheck trust` says what would mend that"


def clients_told(seen: TlsHandshake) -> list[str]:
    """Evidence for a finding: which clients that are installed here trust the chain, and which do not."""
    trusts = [f"{one.title} ({one.by})" for one in _found(seen) if one.trusted]
    fails = [f"{one.title} ({one.source})" for one in _found(seen) if one.trusted is False]
    told = f"trusted here by {together(trusts)}" if trusts else ""
    if fails and len(_found(seen)) > 1:
        told = f"{told}; not by {together(fails)}" if told else f"trusted by no client here: not by {together(fails)}"
    return [text for text in (told, *_upgrade(seen)) if text]


def _found(seen: TlsHandshake) -> list[ClientVerdict]:
    return [one for one in seen.clients if one.installed]


def _answer(seen: TlsHandshake, machine: Machine) -> Iterator[str]:
    if refused := _refused(seen):
        yield f"No client takes this certificate, whatever it trusts: {refused}."
        return
    works = [one.title for one in _found(seen) if one.trusted]
    fails = [one.title for one in _found(seen) if one.trusted is False]
    unknown = [one.title for one in _found(seen) if one.trusted is None]
    if works and fails:
        yield f"{together(works)} {_verb(works, 'work')}; {together(fails)} {_verb(fails, 'do')} not."
    elif fails:
        yield "No client that was found here trusts this certificate."
    elif works:
        yield "Every client that was found here trusts this certificate."
        yield from _private(seen)
    if unknown:
        yield f"{together(unknown)} {_verb(unknown, 'ask')} the platform's own verifier, which cannot be asked offline."
    yield from _why(seen)
    yield from _upgrade(seen)
    yield from _strictness(seen)
    if fails and machine.container:
        yield "A browser outside this container has its host's store: what works there says nothing about this one."


def _private(seen: TlsHandshake) -> Iterator[str]:
    if seen.root_is_public is False:
        root = next((store.root for store in holders(seen) if store.root), "")
        name = f'"{common_name(root)}" is' if root else "its authority is"
        yield f"But {name} no public one: containers and other machines lack it until somebody adds it."


def _verb(subjects: Sequence[str], verb: str) -> str:
    several = len(subjects) > 1 or " and " in subjects[0]
    return verb if several else {"do": "does"}.get(verb, f"{verb}s")


def _why(seen: TlsHandshake) -> Iterator[str]:
    if (told := missing(seen)) is None:
        return
    name = common_name(told.subject)
    lacking = [one.title for one in _found(seen) if _lacks(one, seen)]
    if why := incomplete(seen):
        yield f"The server leaves out a certificate, and who runs it should mend that: {why}."
    elif told.sent and len(seen.chain) == 1:
        yield "The server signed its certificate itself: nobody else vouches for it."
    elif told.stores and lacking:
        all_of_them = lacking == [one.title for one in _found(seen) if one.trusted is False]
        who = "they lack" if all_of_them else f"{together(lacking)} {_verb(lacking, 'lack')}"
        yield f'"{name}" is what {who}; {together(told.stores)} {_verb(told.stores, "hold")} it.'
    elif not told.stores:
        yield f'"{name}" is in no store of this machine.'


def _upgrade(seen: TlsHandshake) -> Iterator[str]:
    """Where the other generation of the Python SDK would come to another end."""
    here = next((one for one in seen.clients if "python" in one.clients), None)
    if here is None or here.trusted is None:
        return
    for other in seen.clients:
        if other.clients or other.trusted in (None, here.trusted):
            continue
        old = other.generation == 0
        if other.trusted:
            so = "so it worked before the upgrade" if old else "so an upgrade would mend it"
            yield f"{other.title} would trust it ({other.by}), {so}"
        else:
            so = "with it the same call fails here" if old else "an upgrade would break it"
            yield f"{other.title} would not trust it ({other.source}): {so}"


def _strictness(seen: TlsHandshake) -> Iterator[str]:
    lacks = [
        f'"{common_name(one.subject)}" lacks {together(one.missing)}' for one in seen.chain if one.missing
    ]  # as the strict checks want it
    why = f": {'; '.join(lacks)}" if lacks else ""
    for one in seen.clients:
        if not one.clients or one.passes_strict is not False:
            continue
        if one.trusted:
            yield f"On Python 3.13 and later {one.title} would refuse it with {one.source}, by its strict checks{why}."
        elif one.code in _STRICT_CODES:
            yield f"{one.title} refuses it by the strict checks of Python 3.13{why}."


def _breaks(one: ClientVerdict, variable: str) -> str:
    adds = registry.named(one.clients[0]).ca.adds
    return _BREAKS.get(variable) or (_ADDS if adds else f"it replaces the whole store of {one.title}")


def _variable(one: ClientVerdict) -> str:
    """What hands this client a file; an SDK that is not installed reads what the installed one does."""
    return registry.named((one.clients or ["python"])[0]).ca.name


# -- what would mend it ------------------------------------------------------------------------------


def _mends(seen: TlsHandshake, machine: Machine, values: Mapping[str, str]) -> Iterator[Mend]:
    groups: dict[str, list[ClientVerdict]] = {}
    for one in _found(seen):
        if _lacks(one, seen):
            groups.setdefault(_variable(one), []).append(one)
    for variable, sharing in groups.items():
        here = {**values, "cafile": public_file(seen)}
        fix = _fix(_code(seen), HELD_KEY, seen, sharing[0], machine, here)
        fix = fix or _fix(_code(seen), GIVEN_KEY, seen, sharing[0], machine, here)
        if fix is not None:
            breaks = _breaks(sharing[0], variable) + _refusal(variable, seen)
            yield Mend(clients=[one.title for one in sharing], variable=variable, fix=fix, breaks=breaks)
    for one in _found(seen):
        if one.trusted is False and one.code in _STRICT_CODES:
            key = "not-strict-0" if one.generation == 0 else "not-strict"
            fix = _fix("tls-strict-certificate", key, seen, one, machine, values)
            if fix is not None:
                yield Mend(clients=[one.title], fix=fix)


def _fix(
    code: str, key: str, seen: TlsHandshake, one: ClientVerdict, machine: Machine, values: Mapping[str, str]
) -> Fix | None:
    """The remedy of this name, for this client, without what it says of side effects: they are told beside it."""
    own = {"cafile": one.file} if one.file else {}
    held: list[Fact] = ["root-held"] if holders(seen) else []
    here = msgspec.structs.replace(machine, client=one.clients[0], facts=machine.facts | frozenset(held))
    for remedy in CATALOGUE[code].fixes:
        if remedy.key == key:
            made = offer(msgspec.structs.replace(remedy, caution=""), {**values, **own}, here)
            if made is not None:
                return made.fix
    return None


def _code(seen: TlsHandshake) -> str:
    if incomplete(seen):
        return "tls-incomplete-chain"
    alone = len(seen.chain) == 1 and seen.chain[0].self_signed
    return "tls-self-signed" if alone and not holders(seen) else "tls-untrusted-issuer"


def _refusal(variable: str, seen: TlsHandshake) -> str:
    """Whether strict checks would refuse this very chain: then the variable is no help there."""
    strict = [store for store in seen.stores if store.strict and any(store.store == h.store for h in holders(seen))]
    refused = bool(strict) and not any(store.trusted for store in strict)
    refused = refused or (not strict and any(one.missing for one in seen.chain))
    return ", and refuse this chain" if variable == "SSL_CERT_FILE" and refused else ""
