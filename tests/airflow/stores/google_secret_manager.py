"""Google Secret Manager, by the key of a service account in a file."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import mkdtemp

from tests.airflow.session import backend_environment
from tests.airflow.stores import Secrets
from tests.servers.google import GoogleServer

SERVER = "google_server"
BACKEND = "strongroom.google.CloudSecretManagerBackend"


def environment(server: GoogleServer, secrets: Secrets) -> dict[str, str]:
    """Secrets under the prefixes that the class has by default; application default credentials."""
    server.reset()
    kinds = {"connections": secrets.connections, "variables": secrets.variables, "config": secrets.configs}
    for kind, values in kinds.items():
        for name, value in values.items():
            server.put(f"airflow-{kind}-{name}", value)
    key = Path(mkdtemp(), "key.json")
    key.write_text(json.dumps(server.key))
    key.chmod(0o600)
    credentials = {"GOOGLE_APPLICATION_CREDENTIALS": str(key)}
    return {**backend_environment(BACKEND, {"endpoint_url": server.url}), **credentials}
