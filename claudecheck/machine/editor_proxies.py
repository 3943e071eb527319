"""The proxies that editors are told: VS Code and what is made of it, and the JetBrains programs. Judges nothing.

An editor's own downloads work through such a proxy, and no terminal in it takes anything from there: what
works in the editor and not in its terminal has no other sign.
Sources: VS Code's documentation ("settings", "network"), and `proxy.settings.xml` as IntelliJ 2024 to 2026 writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from claudecheck.machine import reading

#: Folders below the one of configurations, and what people call the program.
_OF_VS_CODE = {
    "Code": "VS Code",
    "Code - Insiders": "VS Code Insiders",
    "VSCodium": "VSCodium",
    "Cursor": "Cursor",
    "Windsurf": "Windsurf",
}
_JETBRAINS = "JetBrains"
#: The program writes one element a setting, always in this order.
_OPTION = re.compile(r'<option name="(\w+)" value="([^"<>&]*)"')
_PROXY = re.compile(r'"http\.proxy"\s*:\s*("(?:[^"\\]|\\.)*")')


def found(system: str, variables: Mapping[str, str], home: str) -> Iterator[tuple[str, str]]:
    """Each proxy with the place that names it; empty ones are left out."""
    folder = _configurations(system, variables, home)
    for name, title in _OF_VS_CODE.items():
        if proxy := _of_settings(reading.text(folder / name / "User" / "settings.json")):
            yield proxy, f"http.proxy in {title}'s settings"
    if proxy := _of_settings(reading.text(Path(home, ".vscode-server", "data", "Machine", "settings.json"))):
        yield proxy, "http.proxy in the settings of VS Code's server"
    for product in reading.names_in(folder / _JETBRAINS):
        if proxy := _of_jetbrains(reading.text(folder / _JETBRAINS / product / "options" / "proxy.settings.xml")):
            yield proxy, f"the proxy settings of {product}"


def _configurations(system: str, variables: Mapping[str, str], home: str) -> Path:
    if system == "Windows":
        return Path(variables.get("APPDATA") or f"{home}/AppData/Roaming")
    if system == "Darwin":
        return Path(home, "Library", "Application Support")
    return Path(variables.get("XDG_CONFIG_HOME") or f"{home}/.config")


def _of_settings(text: str) -> str:
    """JSON with comments: only a value on a line that is no comment counts."""
    for line in text.splitlines():
        told = None if line.lstrip().startswith("//") else _PROXY.search(line)
        if told is not None:
            try:
                return str(json.loads(told[1])).strip()
            except ValueError:
                return ""
    return ""


def _of_jetbrains(text: str) -> str:
    options = dict(_OPTION.findall(text))
    host, port = options.get("PROXY_HOST", ""), options.get("PROXY_PORT", "80")
    if options.get("USE_HTTP_PROXY") != "true" or not host:
        return ""
    scheme = "socks5h" if options.get("PROXY_TYPE_IS_SOCKS") == "true" else "http"
    return f"{scheme}://{host}:{port}"
