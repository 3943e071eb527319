"""What decides which commands can be pasted on this machine: rights, programs, mounts, who started us, what sets what.

It reads files and the kernel's tables; it runs nothing, sends no packet and judges nothing. No value of a variable
leaves it: files are searched for the values that the environment has, and only names and lines are told.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from claudecheck.clients import claude_settings
from claudecheck.clients.snapshot import Snapshot
from claudecheck.machine import platform_facts, reading
from claudecheck.observations import SetVariable, Surroundings

#: Every program that a command of the catalogue may need; a test holds that none is missing.
TOOLS = (
    "apk",
    "apt-get",
    "aws",
    "az",
    "claude",
    "curl",
    "dnf",
    "gcloud",
    "gh",
    "hwclock",
    "ip",
    "iptables-save",
    "jq",
    "kubectl",
    "mtr",
    "nft",
    "nmcli",
    "nslookup",
    "openssl",
    "pipx",
    "resolvectl",
    "ss",
    "ssh",
    "sudo",
    "tailscale",
    "timedatectl",
    "update-ca-certificates",
    "update-ca-trust",
    "warp-cli",
    "xdg-open",
)
#: Ports on which a sidecar listens in the pod's own network, and whose they are.
#: Programs that filter, inspect or carry a machine's traffic, by what their installers leave: on Linux and macOS.
#: That one is installed says nothing about what failed.
_AGENTS = {
    "Zscaler": ("opt/zscaler", "Applications/Zscaler"),
    "Netskope": ("opt/netskope", "Library/Application Support/Netskope"),
    "GlobalProtect": ("opt/paloaltonetworks/globalprotect", "Applications/GlobalProtect.app"),
    "Cisco Secure Client": ("opt/cisco/secureclient", "opt/cisco/anyconnect", "Applications/Cisco"),
    "FortiClient": ("opt/forticlient", "Applications/FortiClient.app"),
    "Cloudflare WARP": ("usr/bin/warp-svc", "Applications/Cloudflare WARP.app"),
    "Sophos": ("opt/sophos-spl", "Library/Sophos Anti-Virus"),
    "Kaspersky": ("opt/kaspersky", "Library/Application Support/Kaspersky Lab"),
    "ESET": ("opt/eset", "Applications/ESET Endpoint Security.app"),
    "Bitdefender": ("opt/bitdefender-security-tools", "Library/Bitdefender"),
    "CrowdStrike Falcon": ("opt/CrowdStrike", "Applications/Falcon.app"),
    "Little Snitch": ("Applications/Little Snitch.app",),
    "OpenSnitch": ("usr/bin/opensnitchd",),
}
_CAP_NET_ADMIN = 12  # linux/capability.h
_SIDECARS = {15001: "istio", 15006: "istio", 4140: "linkerd", 4143: "linkerd"}
_VARIABLE = re.compile(
    r"(?i)(ANTHROPIC|CLAUDE|AWS|CLOUD_ML|VERTEX|SSL_CERT|GOOGLE|AZURE|DISABLE)_\w+"
    r"|NODE_(EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED|OPTIONS|USE_ENV_PROXY|USE_SYSTEM_CA)"
    r"|(REQUESTS|CURL)_CA_BUNDLE|PYTHONHTTPSVERIFY|REQUEST_METHOD|SSLKEYLOGFILE|OPENSSL_CONF|\w+_PROXY"
)
_SET = re.compile(
    r"""^\s*(?:-\s*)?(?:export\s+|set\s+-gx\s+|set\s+-x\s+|setenv\s+)?["']?(?P<name>[A-Za-z_]\w*)["']?(?:\s*[=:]\s*|\s+)(?P<value>.*?)\s*;?\s*$"""
)
Kind = Literal["environment", "settings", "dotenv", "profile", "compose", "system"]


def read(snapshot: Snapshot, *, root: str = "/") -> Surroundings:
    base = Path(root)
    service = _service(snapshot, base)
    return Surroundings(
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        tools=[tool for tool in TOOLS if shutil.which(tool, path=snapshot.variables.get("PATH"))],
        run_by="" if shutil.which("claudecheck", path=snapshot.variables.get("PATH")) else sys.executable,
        shell=platform_facts.shell_program(base),
        terminal=sys.stdin is not None and sys.stdin.isatty(),
        desktop=snapshot.os != "Linux" or bool(snapshot.get("DISPLAY") or snapshot.get("WAYLAND_DISPLAY")),
        network_rights=_network_rights(base),
        in_dotenv=sorted(_in_dotenv(snapshot, base)),
        mounted=list(_mounted(base)),
        namespace=reading.text(base / "var/run/secrets/kubernetes.io/serviceaccount/namespace").strip()[:64],
        mesh=_mesh(base) if snapshot.container == "kubernetes" else "",
        service=service,
        unit=_unit(base) if service == "systemd" else "",
        agents=[name for name, places in _AGENTS.items() if any(reading.exists(base / one) for one in places)],
        variables=list(_variables(snapshot, base)),
    )


# -- who started us ----------------------------------------------------------------------------------


def _service(snapshot: Snapshot, base: Path) -> str:
    parents = platform_facts.ancestors(base)
    if any(name in ("cron", "crond", "anacron", "atd") for name in parents):
        return "cron"
    if snapshot.os == "Linux" and snapshot.get("INVOCATION_ID") and parents[:1] == ["systemd"]:
        return "systemd"
    if snapshot.os == "Darwin" and snapshot.get("XPC_SERVICE_NAME") not in ("", "0") and parents[:1] == ["launchd"]:
        return "launchd"
    return ""


def _unit(base: Path) -> str:
    found = re.search(r"/([\w@.:\\-]+\.service)\s*$", reading.text(base / "proc/self/cgroup"), re.MULTILINE)
    return found[1] if found else ""


# -- what is mounted, who listens --------------------------------------------------------------------


def _mounted(base: Path) -> Iterator[str]:
    """Files that a container's engine mounts from outside: they can be written, not replaced."""
    points = {
        parts[4] for line in reading.text(base / "proc/self/mountinfo").splitlines() if len(parts := line.split()) > 4
    }
    yield from (path for path in ("/etc/hosts", "/etc/resolv.conf") if path in points)


def _network_rights(base: Path) -> bool:
    """A container's root mostly lacks CAP_NET_ADMIN, and no `sudo` gives it back. True where nothing tells."""
    bounding = re.search(r"^CapBnd:\s*([0-9a-f]+)", reading.text(base / "proc/self/status"), re.MULTILINE)
    return bounding is None or bool(int(bounding[1], 16) >> _CAP_NET_ADMIN & 1)


def _mesh(base: Path) -> str:
    """Whose sidecar listens in this network namespace, by the kernel's table."""
    for table in ("proc/self/net/tcp", "proc/self/net/tcp6"):
        for line in reading.text(base / table).splitlines()[1:]:
            fields = line.split()
            if len(fields) > 3 and fields[3] == "0A" and (name := _SIDECARS.get(int(fields[1].rpartition(":")[2], 16))):
                return name
    return ""


# -- which file sets what ----------------------------------------------------------------------------


def _variables(snapshot: Snapshot, base: Path) -> Iterator[SetVariable]:
    """Every variable that decides a route, with each place that sets it; the place that counts comes last."""
    named = {name for name in snapshot.variables if _VARIABLE.fullmatch(name)}
    for name in sorted(named):
        yield SetVariable(name=name)
    for kind, file in _files(snapshot, base):
        for line, (name, value) in _assignments(reading.text(base / file.lstrip("/"))):
            if name in named and value == snapshot.get(name):
                yield SetVariable(name=name, kind=kind, file=_short(file, snapshot.home), line=line)
    settings = claude_settings.read(snapshot)
    for name, file in sorted(settings.sources.items()):
        if _VARIABLE.fullmatch(name):
            yield SetVariable(name=name, kind="settings", file=file)


def _in_dotenv(snapshot: Snapshot, base: Path) -> set[str]:
    text = reading.text(base / f"{snapshot.cwd.strip('/')}/.env")
    return {
        name
        for _, (name, value) in _assignments(text)
        if value and not snapshot.get(name) and _VARIABLE.fullmatch(name)
    }


def _files(snapshot: Snapshot, base: Path) -> Iterator[tuple[Kind, str]]:
    """Where a variable of a shell or a container usually comes from; the nearest last."""
    home, cwd = snapshot.home.rstrip("/"), snapshot.cwd.rstrip("/")
    yield from (("system", path) for path in ("/etc/environment", "/etc/profile", "/etc/bash.bashrc", "/etc/zshenv"))
    added = reading.names_in(base / "etc/profile.d", ".sh")
    yield from (("system", f"/etc/profile.d/{name}") for name in added[:50])
    for name in (".profile", ".bash_profile", ".bashrc", ".zshenv", ".zprofile", ".zshrc", ".config/fish/config.fish"):
        yield "profile", f"{home}/{name}"
    yield from (("compose", f"{cwd}/{name}") for name in ("docker-compose.yml", "docker-compose.yaml", "compose.yaml"))
    yield from (("dotenv", f"{cwd}/{name}") for name in (".env", ".envrc", ".env.local"))


def _assignments(text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Line numbers, names and values: of shells, of `.env`, and of a compose file's environment."""
    for number, line in enumerate(text.splitlines(), 1):
        found = _SET.match(line)
        if found:
            value = found["value"]
            if value[:1] in ('"', "'") and value[-1:] == value[:1] and len(value) > 1:
                value = value[1:-1]
            yield number, (found["name"], value)


def _short(file: str, home: str) -> str:
    return f"~{file[len(home) :]}" if home not in ("", "/") and file.startswith(f"{home}/") else file
