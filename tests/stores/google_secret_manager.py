"""Google Cloud Secret Manager: the double that checks identities, behind the gate."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.gate import GATE_FAULTS, Answer, Gated, gate
from tests.conformance.harness import ODD_NAMES, Kind, Options, Planting
from tests.failures.way import Way, answered, injected, over_http, way
from tests.servers.counting import Call
from tests.servers.google import PROJECT, READER, GoogleServer, api_error, google
from tests.stores.description import CLOUDS, Calls, Reader, Secrets, Store, below_prefix

OWN_FAULTS = frozenset({Capability.DENIED, Capability.UNAUTHENTICATED, Capability.THROTTLED, Capability.SERVER_ERROR})


class OnDouble(Gated):
    """A key that signs its own tokens, so that every request through the gate is a read."""

    store = "google_secret_manager"
    server = "double"
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
    #: Google's grammar allows up to 255 letters, digits, - and _.
    impossible_names = frozenset(ODD_NAMES)
    refused_reads = 2

    def __init__(self, folder: Path) -> None:
        """There is no server to talk to before ``running``."""
        super().__init__(folder)
        self.google: GoogleServer

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Gate, double."""
        with google(self.folder) as self.google, gate(self.google.url) as self.gate:
            yield

    def reset(self) -> None:
        """An empty server with one account, which may read everything."""
        super().reset()
        self.google.reset()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Adds a version."""
        self.google.put(STORE.place(kind, secret_id, team), value)

    def options(self) -> Options:
        """The reader's key, and the gate as the endpoint."""
        return {"gcp_keyfile_dict": self.google.key, "endpoint_url": self.gate.url}

    def inject(self, fault: Capability) -> Options:
        """Makes Google do what it would do to this account."""
        if fault is Capability.DENIED:
            self.google.set(denied=[READER])
        elif fault is Capability.UNAUTHENTICATED:
            self.google.order("disable-keys")
        elif fault is Capability.THROTTLED:
            self.google.fail("access", 429, api_error(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"))
        elif fault is Capability.SERVER_ERROR:
            self.google.fail("access", 500, api_error(500, "INTERNAL"))
        else:
            return super().inject(fault)
        return {}

    def heal(self) -> None:
        """Everything as it was, except for the counts of the gate."""
        super().heal()
        self.google.heal()
        self.google.set(denied=[])
        self.google.new_key(READER)

    def plantings(self, canary: str) -> list[Planting]:
        """Every source of credentials, and addresses with a password in them."""
        proxy = Planting("proxy of the environment", {}, self.proxies(canary))
        return [*self._keys(canary), *self._exchanges(canary), *self.addresses(canary), proxy]

    def _file(self, label: str, content: Any) -> Iterator[Planting]:
        path = self.folder / f"{label}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        no_key = {"gcp_keyfile_dict": None, "project_id": PROJECT}
        yield Planting(label, no_key, {"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
        yield Planting(f"{label} by option", {**no_key, "gcp_credential_config_file": str(path)})
        yield Planting(f"{label} as key", {**no_key, "gcp_key_path": str(path)})

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


def google_error(http: int, status: str, reason: str = "", message: str = "made up") -> Answer:
    """An error as Google writes it."""
    kind = ("Content-Type", "application/json; charset=UTF-8")
    return Answer(http, (kind,), json.dumps(api_error(http, status, reason, message)).encode())


def version(what: str, note: str = "", **properties: Any) -> Way:
    """The newest version has these properties."""
    return way(what, lambda harness: harness.google.put("airflow-variables-hello", "world", **properties), note=note)


class GoogleStore(Store):
    """Secrets of one project."""

    name = "google_secret_manager"
    word = feature = "google"
    policy = "gcp"
    backend = "strongroom.google.CloudSecretManagerBackend"
    official = "airflow.providers.google.cloud.secrets.secret_manager.CloudSecretManagerBackend"
    environment = CLOUDS
    page = "google-secret-manager.md"
    harnesses = (OnDouble,)
    needed: ClassVar[Mapping[str, Any]] = {"project_id": "my-project"}
    nowhere: ClassVar[Mapping[str, Any]] = {"endpoint_url": "http://127.0.0.1:9", "project_id": "p"}
    server = "google_server"
    address = "endpoint_url"
    calls = Calls("access", "list", 1000, why=("describe",))
    ways = (
        injected("429 RESOURCE_EXHAUSTED", Capability.THROTTLED, waits=True),
        injected("500 INTERNAL", Capability.SERVER_ERROR),
        answered("503 UNAVAILABLE", google_error(503, "UNAVAILABLE")),
        answered("504 DEADLINE_EXCEEDED", google_error(504, "DEADLINE_EXCEEDED")),
        injected(
            "403 PERMISSION_DENIED",
            Capability.DENIED,
            note="The official class answers None, so Airflow asks its next backend; here too, with a warning that "
            "names role, secret and project. The old value is dropped.",
        ),
        answered("403: the API is not enabled", google_error(403, "PERMISSION_DENIED", "SERVICE_DISABLED")),
        answered("403: no such project", google_error(403, "PERMISSION_DENIED", "CONSUMER_INVALID")),
        injected("401 UNAUTHENTICATED", Capability.UNAUTHENTICATED),
        answered("400 INVALID_ARGUMENT", google_error(400, "INVALID_ARGUMENT")),
        version(
            "the version is disabled",
            "The newest version counts, whatever its state: an older one is not read in its place.",
            state="DISABLED",
        ),
        version("the version is destroyed", state="DESTROYED"),
        version(
            "the value does not have its checksum",
            "It is read again, since it may have been damaged in transit.",
            damaged=True,
        ),
        answered("404 NOT_FOUND", google_error(404, "NOT_FOUND")),
        *over_http(),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """Prefix and id."""
        return below_prefix("-", kind, secret_id, team)

    def fill(self, server: GoogleServer, secrets: Secrets) -> None:
        """Secrets, or new versions of them."""
        for (kind, secret_id), value in secrets.items():
            server.put(self.place(kind, secret_id), value)

    def reader(self, server: GoogleServer, url: str) -> Reader:
        """The key of the one account."""

        def shut() -> Mapping[str, Any]:
            server.set(denied=[READER])
            return {}

        options = {"gcp_keyfile_dict": server.key, "endpoint_url": url}
        return Reader(options, shut, [server.key["private_key"].splitlines()[2]])

    def operation(self, call: Call) -> str:
        """The operation of a request, by its path."""
        path, _, _ = call.path.partition("?")
        if path.endswith(":access"):
            return "access"
        if path.endswith("/secrets"):
            return "list"
        return "describe" if "/secrets/" in path else "other"

    def deployed(self, server: GoogleServer) -> tuple[dict[str, Any], dict[str, str]]:
        """With the key of a service account in the kwargs."""
        return server.options(), {}


STORE = GoogleStore()
