"""`make pictures`: what a terminal of 80 columns shows of real runs against the embedded lab, as SVG."""

from __future__ import annotations

import io
import re
import subprocess
import sys

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests import doctor

FOLDER = doctor.ROOT / "docs" / "pictures"
WIDTH = 80
#: A picture's name, and the command that it shows.
COMMANDS = {
    "healthy": "demo",
    "tls-intercepted": "demo tls-intercepted",
    "dns-name-not-found": "demo dns-name-not-found",
    "proxy-auth-required": "demo proxy-auth-required",
    "intermittent": "demo intermittent-handshake",
    "evidence": "demo tls-name-filtered -v",
}
#: Colours that are told apart on a light page and on a dark one, and by those who see fewer of them.
_THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [(110, 118, 129), (255, 123, 114), (126, 231, 135), (242, 204, 96), (121, 192, 255), (210, 168, 255),
     (118, 227, 234), (230, 237, 243)],
)  # fmt: skip
#: A font from elsewhere would be fetched by whoever looks.
_FONT_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def shown(command: str) -> str:
    """What it prints on a terminal with colours."""
    terminal = {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    variables = {name: value for name, value in doctor.clean_environment(terminal).items() if name != "NO_COLOR"}
    done = subprocess.run(
        [sys.executable, "-m", "claudecheck", *command.split()],
        env=variables, capture_output=True, text=True, check=False, cwd=doctor.ROOT, timeout=120,
    )  # fmt: skip
    if done.returncode == 2:
        raise SystemExit(done.stderr)
    return done.stdout.replace(str(doctor.ROOT) + "/", "").replace(sys.executable, "python3")


def picture(command: str, text: str) -> str:
    console = Console(record=True, width=WIDTH, force_terminal=True, color_system="truecolor", file=io.StringIO())
    console.print(Text.from_ansi(text))
    svg = console.export_svg(title=f"claudecheck {command}", theme=_THEME, unique_id=re.sub(r"\W", "", command))
    return _FONT_FROM_ELSEWHERE.sub("", svg)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, command in COMMANDS.items():
        (FOLDER / f"{name}.svg").write_text(picture(command, shown(command)), encoding="utf-8")
        print(f"docs/pictures/{name}.svg")


if __name__ == "__main__":
    main()
