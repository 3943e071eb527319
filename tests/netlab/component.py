"""What a scenario can place in a namespace: a real program with its configuration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from tests.netlab.namespace import Listen

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Place:
    """Where a component writes its files, and the socket behind which the API's own logic answers."""

    folder: Path
    api_socket: Path


class Component(ABC):
    """One daemon. Its program must stay in the foreground: it is ended by its process group."""

    #: Where listening is not enough: what its log holds once it is ready.
    says_ready: str = ""

    @property
    @abstractmethod
    def program(self) -> str:
        """Its name on PATH; a scenario whose programs are missing is reported, never passed."""

    @property
    @abstractmethod
    def listens(self) -> set[Listen]:
        """Ready when all of these are there."""

    @abstractmethod
    def prepare(self, place: Place) -> list[str]:
        """Write the configuration and return the command line."""


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)
