"""Names of products that stand between a client and the API, told from what they write. Pure data."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Words in the issuer or subject of a re-signed certificate → the product's name.
INSPECTORS: tuple[tuple[str, str], ...] = (
    ("zscaler", "Zscaler"),
    ("netskope|goskope", "Netskope"),
    (r"palo ?alto|pan-?os|globalprotect|prisma access", "Palo Alto Networks"),
    (r"forti(net|gate|client|os|web)|\bfgt", "Fortinet"),
    (r"cisco umbrella|opendns|cisco secure|cisco wsa|ironport", "Cisco Umbrella"),
    (r"gateway ca - cloudflare|cloudflare (gateway|for teams|zero trust|warp)", "Cloudflare Gateway"),
    ("sophos", "Sophos"),
    (r"blue ?coat|symantec (web|proxy|proxysg|ssl visibility)|broadcom (proxy|web)", "Symantec ProxySG"),
    ("forcepoint|websense", "Forcepoint"),
    (r"mcafee|skyhigh|trellix", "Skyhigh (McAfee)"),
    (r"check ?point", "Check Point"),
    ("barracuda", "Barracuda"),
    ("watchguard", "WatchGuard"),
    ("sonicwall", "SonicWall"),
    (r"cato networks", "Cato Networks"),
    ("iboss", "iboss"),
    ("menlo security", "Menlo Security"),
    (r"trend ?micro", "Trend Micro"),
    ("kaspersky", "Kaspersky"),
    (r"\beset\b", "ESET"),
    (r"avast|\bavg\b", "Avast"),
    ("bitdefender", "Bitdefender"),
    (r"norton|gen digital", "Norton"),
    (r"dr\.?web", "Dr.Web"),
    ("adguard", "AdGuard"),
    (r"lightspeed", "Lightspeed"),
    ("securly", "Securly"),
    ("goguardian", "GoGuardian"),
    ("smoothwall", "Smoothwall"),
    ("contentkeeper|linewize", "ContentKeeper"),
    (r"untangle|arista edge", "Untangle"),
    (r"pfsense|opnsense", "pfSense or OPNsense"),
    (r"\bsquid\b", "Squid"),
    ("mitmproxy", "mitmproxy"),
    (r"charles proxy", "Charles"),
    (r"do_not_trust_fiddlerroot|fiddler|telerik", "Fiddler"),
    (r"portswigger|burp", "Burp Suite"),
    ("proxyman", "Proxyman"),
    (r"http toolkit", "HTTP Toolkit"),
    (r"f5 (ssl|networks)|big-?ip", "F5"),
    (r"akamai (etp|enterprise threat)", "Akamai ETP"),
    (r"perimeter ?81|harmony sase", "Perimeter 81"),
    (r"a10 networks", "A10"),
    (r"appgate", "Appgate"),
)
_INSPECTORS = tuple((re.compile(words, re.IGNORECASE), name) for words, name in INSPECTORS)

#: Organisations whose issuing certificates are intermediates of public roots: a server must send them along.
PUBLIC_ISSUERS = (
    "let's encrypt", "google trust services", "digicert", "sectigo", "globalsign", "amazon", "entrust", "godaddy.com",
    "starfield technologies", "microsoft corporation", "actalis", "buypass", "ssl corp", "zerossl", "identrust",
    "asseco data systems", "cloudflare, inc", "geotrust", "thawte", "rapidssl", "swisssign", "harica", "telia", "gandi",
)  # fmt: skip

_PORTAL = re.compile(
    r"captive|hotspot|sign[ -]?in|log[ -]?in|wi-?fi|guest (access|network|portal)|accept (the )?terms|portal|"
    r"authenticat(e|ion) (is )?required to (use|access) (the )?(network|internet)",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    r"block(ed|page)?|den(ied|y)|polic(y|ies)|categor(y|ies)|filter|restricted|not (allowed|permitted)|forbidden|"
    r"access to this (site|page|website)|prohibited|security (service|gateway|appliance)|firewall|violat",
    re.IGNORECASE,
)


def inspector(texts: Iterable[str]) -> str:
    """The inspection product whose words stand in one of the texts, or empty."""
    joined = " | ".join(texts)
    return next((name for pattern, name in _INSPECTORS if pattern.search(joined)), "")


def issues_publicly(name: str) -> str:
    """The public authority whose words stand in a certificate's issuer, or empty."""
    return next((one for one in PUBLIC_ISSUERS if one in name.lower()), "")


def reads_like_portal(text: str) -> bool:
    return _PORTAL.search(text) is not None


def reads_like_block(text: str) -> bool:
    return _BLOCK.search(text) is not None
