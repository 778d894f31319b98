"""A backend class of another package, as a company may have one: it does what the id says."""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace
from typing import Any

#: Every call: the kind, the id and the team.
calls: list[tuple[str, str, str | None]] = []
#: The processes that made an instance.
made: list[int] = []
#: Set while a call hangs, and set to end it.
begun, over = threading.Event(), threading.Event()
#: The chain that a class asks within its own call, and what that answered.
chain: Any = None


class AirflowSecretsBackendAccessDenied(Exception):
    """Has the name of the exception that Airflow knows."""


class Backend:
    """Has the secrets of its arguments."""

    def __init__(self, **secrets: Any) -> None:
        """Takes the secrets."""
        made.append(os.getpid())
        self.secrets = secrets

    def get_variable(self, key: str, team_name: str | None = None) -> Any:
        """The secret, or what the key asks for."""
        calls.append(("variable", key, team_name))
        return self.answer(key)

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> Any:
        """The same for a connection."""
        calls.append(("connection", conn_id, team_name))
        return self.answer(conn_id)

    def answer(self, key: str) -> Any:
        """What an id leads to."""
        if key == "raises":
            raise RuntimeError(f"canary {self.secrets}")
        if key == "denies":
            raise AirflowSecretsBackendAccessDenied(f"canary {self.secrets}")
        if key == "exits":
            raise SystemExit(7)
        if key == "hangs":
            begun.set()
            over.wait(30)
        if key == "naps":
            time.sleep(0.001)
        if key == "asks":
            return f"{chain.get_variable('asks')} and {chain.get_variable('far')}"
        return self.secrets.get(key)


class Old:
    """From before teams, with variables alone."""

    def get_variable(self, key: str) -> str:
        """The key."""
        calls.append(("variable", key, None))
        return key


class OnlyConnections:
    """Has no text of a connection, but makes it."""

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Any:
        """With few fields; none for `gone`."""
        calls.append(("connection", conn_id, team_name))
        fields = {
            "conn_type": "postgres",
            "host": conn_id,
            "port": 5432,
            "login": None,
            "password": 'pä:"s',
            "extra": "{}",
        }
        return None if conn_id == "gone" else SimpleNamespace(conn_id=conn_id, **fields)

    def get_variable(self, key: str) -> str:
        """The key."""
        return key


class Nothing:
    """No secrets backend."""


class PortalBackend(Backend):
    """That of the page: each secret is at an address."""

    def answer(self, key: str) -> Any:
        """The address."""
        return None if key == "gone" else f"{self.secrets['url']}/{key}"
