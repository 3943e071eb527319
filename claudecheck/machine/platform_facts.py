"""What the platform tells about itself: system, shell, container, proxies it knows, local network.

It reads files, the registry and the kernel; it sends no packet and judges nothing.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from claudecheck.clients.snapshot import Setting
from claudecheck.machine import child, editor_proxies, reading, scutil

System = Literal["Linux", "Darwin", "Windows"]
Shell = Literal["sh", "fish", "powershell", "cmd"]
Variables = Mapping[str, str]

#: Seconds for a settings tool of the platform to answer; they take about 20 ms.
TOOL_LIMIT_S = 1.0
LONGEST_OUTPUT = 1 << 20
#: The API's published addresses: what the kernel's routes are asked for.
API_IPV4 = "160.79.104.10"
API_IPV6 = "2607:6bc0::10"
API_URL = "https://api.anthropic.com/"
_MOST_ANCESTORS = 32

_SHELLS: Mapping[str, Shell] = {
    **dict.fromkeys(("bash", "zsh", "dash", "ash", "ksh", "sh"), "sh"),
    "fish": "fish",
    "pwsh": "powershell",
}
_CI = {
    "GITHUB_ACTIONS": "github",
    "GITLAB_CI": "gitlab",
    "CIRCLECI": "circleci",
    "BUILDKITE": "buildkite",
    "TF_BUILD": "azure",
    "JENKINS_URL": "jenkins",
    "CI": "ci",
}
_CONTAINER_VARIABLES = {
    "KUBERNETES_SERVICE_HOST": "kubernetes",
    "CODESPACES": "codespaces",
    "GITPOD_WORKSPACE_ID": "gitpod",
}
_CONTAINER_FILES = {".dockerenv": "docker", "run/.containerenv": "podman"}
_CGROUPS = {"kubepods": "kubernetes", "docker": "docker", "containerd": "containerd", "libpod": "podman", "lxc": "lxc"}


def system() -> System:
    name = platform.system()
    return cast("System", name) if name in ("Darwin", "Windows") else "Linux"


def release(name: System, root: Path) -> str:
    """The system's own name for itself: "Debian GNU/Linux 12 (bookworm)", "14.5"."""
    if name == "Darwin":
        return platform.mac_ver()[0]
    told = re.search(r'^PRETTY_NAME="?([^"\n]*)', reading.text(root / "etc/os-release"), re.MULTILINE)
    return told[1] if told else platform.release()


def shell(name: System, variables: Variables, started_by: str = "") -> Shell:
    """The shell that pasted commands will meet: the one that started us, else what the variables say."""
    if name == "Windows":
        if "MSYSTEM" in variables or "SHELL" in variables:
            return "sh"  # Git Bash and its kin
        # The machine's own value has two folders; a PowerShell puts the user's before them.
        return "powershell" if len(variables.get("PSMODULEPATH", "").split(";")) > 2 else "cmd"
    if started_by in _SHELLS:
        return _SHELLS[started_by]
    if "PSModulePath" in variables:
        return "powershell"
    return "fish" if Path(variables.get("SHELL", "")).name == "fish" else "sh"


def ancestors(root: Path) -> list[str]:
    """Names of the programs that started this one, the nearest first; empty where the system does not tell them."""
    return [name for name, _ in _ancestors(root)]


def shell_program(root: Path) -> str:
    """The shell that somebody types into: `sh -c`, as of make and npm, only passed a command on."""
    shells = [(name, line) for name, line in _ancestors(root) if name in _SHELLS]
    typed_into = [name for name, line in shells if re.match(r"[^\0]*\0-\w*c\0", line) is None]
    return next(iter([*typed_into, *(name for name, _ in shells)]), "")


def _ancestors(root: Path) -> list[tuple[str, str]]:
    """Names and command lines; the arguments of a command line end in NUL."""
    found: list[tuple[str, str]] = []
    process = os.getppid()
    while process > 0 and len(found) < _MOST_ANCESTORS:
        status = reading.text(root / f"proc/{process}/stat")  # pid (name) state parent …
        name, end, rest = status.partition("(")[2].rpartition(")")
        if not end:
            return found
        found.append((name, reading.text(root / f"proc/{process}/cmdline")))
        process = int(rest.split()[1])
    return found


def container(variables: Variables, root: Path) -> str:
    for variable, name in _CONTAINER_VARIABLES.items():
        if variables.get(variable):
            return name
    for file, name in _CONTAINER_FILES.items():
        if reading.exists(root / file):
            return name
    groups = reading.text(root / "proc/self/cgroup")
    for mark, name in _CGROUPS.items():
        if mark in groups:
            return name
    return variables.get("container", "")  # systemd-nspawn, Flatpak and others set it


def wsl(variables: Variables, root: Path) -> bool:
    return bool(variables.get("WSL_DISTRO_NAME")) or "microsoft" in reading.text(root / "proc/version").lower()


def ssh(variables: Variables) -> bool:
    return any(variables.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))


def ci(variables: Variables) -> str:
    return next((name for variable, name in _CI.items() if variables.get(variable) not in (None, "", "false")), "")


def editor(variables: Variables) -> str:
    if variables.get("CURSOR_TRACE_ID"):
        return "cursor"
    if variables.get("TERM_PROGRAM") == "vscode" or variables.get("VSCODE_GIT_ASKPASS_MAIN"):
        return "vscode"
    return "jetbrains" if "JetBrains" in variables.get("TERMINAL_EMULATOR", "") else ""


# -- proxies that stand outside the variables --------------------------------------------------------


def system_proxies(name: System) -> dict[str, str]:
    """What `urllib.request.getproxies()` takes from macOS's settings or Windows's registry, by scheme."""
    if name == "Linux":
        return {}
    import urllib.request

    reader = {"Darwin": "getproxies_macosx_sysconf", "Windows": "getproxies_registry"}[name]
    read: Any = getattr(urllib.request, reader)
    return dict(read())


def proxy_script(name: System, desktop: Mapping[str, str]) -> str:
    """The URL of the system's PAC file; empty when there is none or nobody can tell."""
    if name == "Darwin":
        return scutil.proxy_script(_ask("scutil", "--proxy"))
    if name == "Windows":
        return _registry_value("AutoConfigURL")
    return desktop.get("autoconfig-url", "") if desktop.get("mode") == "auto" else ""


def name_servers_on_macos(host: str) -> tuple[list[str], list[str]]:
    """(nameservers, search domains) that macOS asks for this host; empty where it does not tell."""
    return scutil.asked_for(host, _ask("scutil", "--dns"))


def known_proxies(
    name: System, desktop: Mapping[str, str], variables: Variables, home: str, root: Path
) -> tuple[Setting, ...]:
    """Proxies for https that other programs of this machine use, and no Python client reads."""
    found = _on_linux(desktop, home, root) if name == "Linux" else []
    found += editor_proxies.found(name, variables, home)
    return tuple(Setting(value, source) for value, source in found if value)


def _on_linux(desktop: Mapping[str, str], home: str, root: Path) -> list[tuple[str, str]]:
    return [
        (_etc_environment(reading.text(root / "etc/environment")), "/etc/environment"),
        (_git_proxy(Path(home) / ".gitconfig", home), "~/.gitconfig"),
        (_git_proxy(Path(home) / ".config/git/config", home), "~/.config/git/config"),
        (_git_proxy(root / "etc/gitconfig", home), "/etc/gitconfig"),
        (_desktop_proxy(desktop), "the desktop's settings"),
    ]


def _etc_environment(text: str) -> str:
    """PAM's file: NAME=value lines, quotes and `export` allowed."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        told = re.match(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$", line)
        if told:
            values.setdefault(told[1].lower(), told[2].strip("\"'"))
    return values.get("https_proxy") or values.get("all_proxy") or values.get("http_proxy") or ""


def _git_proxy(config: Path, home: str) -> str:
    """`http.proxy` for the API's URL: git itself knows what its files include, and which section is the nearest."""
    if not reading.text(config):
        return ""
    command = ("git", "config", "--includes", "--file", str(config), "--get-urlmatch", "http.proxy", API_URL)
    return _ask(*command, variables={"HOME": home}).strip()


def desktop_settings(name: System, variables: Variables) -> dict[str, str]:
    """GNOME's proxy settings; only where a desktop session runs."""
    if name != "Linux" or not (variables.get("DBUS_SESSION_BUS_ADDRESS") and variables.get("XDG_CURRENT_DESKTOP")):
        return {}
    told = _ask("gsettings", "list-recursively", "org.gnome.system.proxy", variables=variables)
    found: dict[str, str] = {}
    for line in told.splitlines():
        schema, _, rest = line.partition(" ")
        key, _, value = rest.partition(" ")
        group = schema.removeprefix("org.gnome.system.proxy").lstrip(".")
        found[f"{group}.{key}".lstrip(".")] = value.strip("'")
    return found


def _desktop_proxy(desktop: Mapping[str, str]) -> str:
    if desktop.get("mode") != "manual" or not desktop.get("https.host"):
        return ""
    return f"http://{desktop['https.host']}:{desktop.get('https.port', '')}"


def _registry_value(name: str) -> str:
    """A value of the user's Internet Settings; empty when it is not there."""
    try:
        import winreg
    except ImportError:
        return ""
    registry: Any = winreg
    try:
        with registry.OpenKey(
            registry.HKEY_CURRENT_USER, r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
        ) as key:
            return str(registry.QueryValueEx(key, name)[0])
    except OSError:
        return ""


# -- the local network -------------------------------------------------------------------------------


def interfaces(name: System) -> tuple[str, ...]:
    """Names of those that are up, without loopback; empty where the system does not tell."""
    if name == "Linux":
        try:
            return tuple(one for _, one in socket.if_nameindex() if _is_up(one))
        except OSError:  # no descriptor is left, or a sandbox forbids it
            return ()
    if name == "Darwin":
        return tuple(one for one in _ask("ifconfig", "-lu").split() if not one.startswith("lo"))
    return ()


def _is_up(interface: str) -> bool:
    """The kernel's flags for it. Not /sys: what is mounted there may be another network namespace's."""
    if sys.platform == "win32":
        raise NotImplementedError
    import fcntl
    import struct

    get_flags, up, loopback, running = 0x8913, 0x1, 0x8, 0x40  # linux/sockios.h, linux/if.h
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        try:
            answer = fcntl.ioctl(kernel, get_flags, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return False
    flags = int(struct.unpack_from("H", answer, 16)[0])
    return bool(flags & up and flags & running) and not flags & loopback


def has_route(family: Literal["ipv4", "ipv6"]) -> bool:
    """Would the kernel know a way to the API's published address? Connecting a UDP socket sends nothing."""
    kind, address = (socket.AF_INET, API_IPV4) if family == "ipv4" else (socket.AF_INET6, API_IPV6)
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 443))
            source = str(probe.getsockname()[0])
    except OSError:
        return False
    return not source.lower().startswith("fe80")  # a link-local source reaches no further than the link


def _ask(*command: str, variables: Variables | None = None) -> str:
    """What a settings tool prints; empty when it is missing, slow or fails."""
    tool = shutil.which(command[0])
    if tool is None:
        return ""
    ended = child.run(
        [tool, *command[1:]],
        variables=child.for_tools(variables or {}),
        limit_s=TOOL_LIMIT_S,
        longest=LONGEST_OUTPUT,
    )
    return ended.out.decode("utf-8", "replace") if ended.status == 0 else ""
