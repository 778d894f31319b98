"""Memory: the secrets are part of the configuration, and nothing can fail."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.harness import Harness, Kind, Options

FOLDERS: dict[Kind, str] = {"connection": "connections", "variable": "variables", "config": "config"}


def physical_name(kind: Kind, secret_id: str, team: str | None) -> str:
    """The name by the rules of Secrets Manager, with their defaults."""
    return f"airflow/{FOLDERS[kind]}/{f'{team}--' if team else ''}{secret_id}"


class Memory(Harness):
    """Secrets in a dict."""

    store = "memory"
    capabilities = EVERY_STORE | {Capability.TEAMS, Capability.LISTED, Capability.DESCRIBED}
    page = "memory.md"

    def __init__(self, folder: Path) -> None:
        """Begins empty."""
        super().__init__(folder)
        self.secrets: dict[str, str] = {}

    def reset(self) -> None:
        """A new dict: earlier backends keep theirs."""
        self.secrets = {}

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Into the dict."""
        self.secrets[physical_name(kind, secret_id, team)] = value

    def options(self) -> Options:
        """The dict itself."""
        return {"secrets": dict(self.secrets)}


HARNESS = Memory
