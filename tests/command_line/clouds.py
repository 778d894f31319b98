"""Backends on the doubles of Google and Azure, for the tests of the command line."""

from __future__ import annotations

from typing import Any

from tests.command_line.shell import Run, Shell
from tests.servers.azure import CLIENT, SECRET, TENANT, VAULT, Azure
from tests.servers.google import GoogleServer

CANARY = "canary-c41d07"
URI = f"postgres://app:{CANARY}@db.example:5432/sales"
DAY = 86_400


class OnGoogle:
    """A backend on the double of Google."""

    store = "google"

    def __init__(self, shell: Shell, server: GoogleServer) -> None:
        server.reset()
        self.shell, self.server = shell, server
        shell.secrets += [CANARY, server.key["private_key"].splitlines()[5]]
        self.configure()

    def configure(self, **options: Any) -> None:
        """Uses other options than usual."""
        self.shell.backend("google", **{**self.server.options(), **options})

    def put(self, kind: str, secret_id: str, value: str = URI) -> None:
        """One secret."""
        self.server.put(f"airflow-{kind}-{secret_id}", value)

    def calls(self) -> list[str]:
        """The requests to Secret Manager since this was last called."""
        return [place for place in self.server.places() if place != "metadata"]


class OnAzure:
    """A backend on the double of Azure, under Azure's real names."""

    store = "azure"

    def __init__(self, shell: Shell, server: Azure) -> None:
        server.reset()
        self.shell, self.server = shell, server
        shell.secrets += [CANARY, SECRET]
        shell.variables |= {"HTTPS_PROXY": server.proxy, "REQUESTS_CA_BUNDLE": str(server.tls.authority)}
        self.configure()

    def configure(self, **options: Any) -> None:
        """Uses other options than usual."""
        usual = {"vault_url": VAULT, "tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET}
        self.shell.backend("azure", **{**usual, **options})

    def put(self, kind: str, secret_id: str, value: str = URI, **attributes: Any) -> None:
        """One secret."""
        self.server.put(f"airflow-{kind}-{secret_id}", value, **attributes)

    def calls(self) -> list[str]:
        """The requests to the vault since this was last called."""
        found = [asked for asked in self.server.log() if asked.startswith(("Get", "unknown"))]
        self.server.asked.clear()
        return [asked for asked in found if asked != "unknown"]


Cloud = OnGoogle | OnAzure

#: A read; a page of a list; a description; a description of an absent secret; why a secret is absent.
CALLS = {
    "google": (["access"], ["list"], ["secret", "version"], ["secret"], ["secret"]),
    "azure": (
        ["GetSecret"],
        ["GetSecrets"],
        ["GetSecretVersions"],
        ["GetSecretVersions", "GetDeletedSecret"],
        ["GetDeletedSecret"],
    ),
}


def finding(run: Run, check: str) -> dict[str, str]:
    """The finding of one check; it is an error if there is none."""
    found: list[dict[str, str]] = [each for each in run.json["findings"] if each["check"] == check]
    assert found, run.out
    return found[0]


def checks(run: Run) -> dict[str, str]:
    """Check to severity."""
    return {each["check"]: each["severity"] for each in run.json["findings"]}
