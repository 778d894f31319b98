"""Google Secret Manager, by the key of a service account in the kwargs."""

from __future__ import annotations

from tests.airflow.session import backend_environment
from tests.airflow.stores import Secrets
from tests.servers.google import GoogleServer

SERVER = "google_server"
BACKEND = "strongroom.google.CloudSecretManagerBackend"


def environment(server: GoogleServer, secrets: Secrets) -> dict[str, str]:
    """Secrets under the prefixes that the class has by default."""
    server.reset()
    kinds = {"connections": secrets.connections, "variables": secrets.variables, "config": secrets.configs}
    for kind, values in kinds.items():
        for name, value in values.items():
            server.put(f"airflow-{kind}-{name}", value)
    return backend_environment(BACKEND, server.options())
