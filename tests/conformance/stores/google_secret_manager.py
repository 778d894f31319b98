"""Google Cloud Secret Manager: the double that checks who asks, behind the gate."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.gate import GATE_FAULTS, Gate, gate
from tests.conformance.harness import ODD_NAMES, Harness, Kind, Options, Planting
from tests.servers.google import PROJECT, READER, GoogleServer, api_error, google

PREFIXES = {"connection": "airflow-connections", "variable": "airflow-variables", "config": "airflow-config"}
OWN_FAULTS = frozenset({Capability.DENIED, Capability.UNAUTHENTICATED, Capability.THROTTLED, Capability.SERVER_ERROR})


class OnDouble(Harness):
    """A key that signs its own tokens, so that all that goes through the gate is a read."""

    store = "google_secret_manager"
    server = "double"
    page = "google-secret-manager.md"
    capabilities = (
        EVERY_STORE
        | GATE_FAULTS
        | OWN_FAULTS
        | {
            Capability.TEAMS,
            Capability.CHANGES,
            Capability.COUNTED,
            Capability.LISTED,
            Capability.DESCRIBED,
        }
    )
    #: Google's grammar has letters, digits, - and _ only, and 255 of them.
    impossible_names = frozenset(ODD_NAMES)
    refused_reads = 2

    def __init__(self, folder: Path) -> None:
        """Not before ``running`` is there anything to talk to."""
        super().__init__(folder)
        self.gate: Gate
        self.google: GoogleServer

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Gate, double."""
        with google(self.folder) as self.google, gate(self.google.url) as self.gate:
            yield

    def reset(self) -> None:
        """An empty server with one account, which may read everything."""
        self.gate.reset()
        self.google.reset()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Adds a version."""
        name = f"{team}--{secret_id}" if team else secret_id
        self.google.put(f"{PREFIXES[kind]}-{name}", value)

    def options(self) -> Options:
        """The reader's key, and the gate as the endpoint."""
        return {"gcp_keyfile_dict": self.google.key, "endpoint_url": self.gate.url}

    def inject(self, fault: Capability) -> Options:
        """What Google would do to this account."""
        if fault is Capability.DENIED:
            self.google.set(denied=[READER])
        elif fault is Capability.UNAUTHENTICATED:
            self.google.order("disable-keys")
        elif fault is Capability.THROTTLED:
            self.google.fail("access", 429, api_error(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"))
        elif fault is Capability.SERVER_ERROR:
            self.google.fail("access", 500, api_error(500, "INTERNAL"))
        else:
            self.gate.inject(fault)
        return {}

    def heal(self) -> None:
        """Everything as it was, but for the counts of the gate."""
        self.gate.heal()
        self.google.heal()
        self.google.set(denied=[])
        self.google.new_key(READER)

    def requests(self) -> int:
        """All that goes through the gate is a read."""
        return self.gate.requests

    def plantings(self, canary: str) -> list[Planting]:
        """Every place from which credentials are read, and addresses with a password in them."""
        return [*self._keys(canary), *self._exchanges(canary), *self._addresses(canary)]

    def _file(self, label: str, content: Any) -> Iterator[Planting]:
        path = self.folder / f"{label}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        nobody = {"gcp_keyfile_dict": None, "project_id": PROJECT}
        yield Planting(label, nobody, {"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
        yield Planting(f"{label} by option", {**nobody, "gcp_credential_config_file": str(path)})
        yield Planting(f"{label} as key", {**nobody, "gcp_key_path": str(path)})

    def _keys(self, canary: str) -> Iterator[Planting]:
        key = self.google.key
        begin = "-----BEGIN PRIVATE KEY-----\n"
        yield from self._file("key", {**key, "private_key": f"{begin}{canary}\n-----END PRIVATE KEY-----\n"})
        yield from self._file("key without frame", {**key, "private_key": canary})
        yield from self._file("key of another kind", {**key, "private_key": {"a": canary}})
        yield from self._file("key cut short", json.dumps({**key, "private_key": canary})[:-20])
        yield from self._file("no object", json.dumps([canary]))
        yield from self._file("no json", canary)
        yield from self._file("other type", {"type": "gdch_service_account", "private_key": canary})

    def _exchanges(self, canary: str) -> Iterator[Planting]:
        user = {"type": "authorized_user", "client_id": "client", "client_secret": canary, "refresh_token": canary}
        yield from self._file("user", {**user, "token_uri": f"{self.google.url}/token"})
        yield from self._file("user nowhere", {**user, "token_uri": f"http://u:{canary}@[::1/"})
        token = self.folder / "subject"
        token.write_text(canary)
        account = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{self.google.url}/sts",
            "client_id": "client",
            "client_secret": canary,
        }
        yield from self._file("federation", {**account, "credential_source": {"file": str(token)}})
        headers = {"url": f"{self.gate.url}/subject", "headers": {"Authorization": canary}}
        yield from self._file("federation by address", {**account, "credential_source": headers})
        impersonated = {"type": "impersonated_service_account", "source_credentials": user}
        url = f"{self.google.url}/v1/projects/-/serviceAccounts/{READER}:generateAccessToken"
        yield from self._file("impersonation", {**impersonated, "service_account_impersonation_url": url})

    def _addresses(self, canary: str) -> Iterator[Planting]:
        with_password = self.gate.url.replace("//", f"//user:{canary}@")
        yield Planting("endpoint", {"endpoint_url": with_password})
        yield Planting("endpoint that is none", {"endpoint_url": f"http://user:{canary}@[::1/"})
        yield Planting("proxy of the environment", {}, {"HTTP_PROXY": with_password, "http_proxy": with_password})


HARNESS = OnDouble
