"""Kubernetes Secrets: the double of the API server behind the gate, and a service account."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.conformance.capability import Capability
from tests.conformance.gate import OnGuarded, written
from tests.conformance.harness import ODD_NAMES, Kind, Options, Planting
from tests.failures.way import answered, injected, over_http
from tests.servers.counting import Call
from tests.servers.kubernetes import LABELS, NAMESPACE, TEAM, Kubernetes, service_account, status
from tests.stores.description import CLOUDS, Calls, Reader
from tests.stores.guarded import GuardedStore

if TYPE_CHECKING:
    import pytest


class OnDouble(OnGuarded):
    """A token that may list the secrets of one namespace."""

    store = "kubernetes_secrets"
    double = Kubernetes
    #: The value of a label has letters, digits, dashes, underscores and dots, and no odd name is made of these.
    impossible_names = frozenset(ODD_NAMES)

    def options(self) -> Options:
        """The namespace too."""
        return {**super().options(), "namespace": NAMESPACE}

    def plantings(self, canary: str) -> list[Planting]:
        """The file of a service account, a token that no header can hold, and addresses with a password in them."""
        account = {"token": None, "service_account_path": str(service_account(self.folder / "account", canary))}
        broken = service_account(self.folder / "broken", f"{canary}\n{canary}")
        return [
            Planting("service account", account),
            Planting("service account with a line break", {**account, "service_account_path": str(broken)}),
            Planting("token with a line break", {"token": f"{canary}\n{canary}"}),
            *self.addresses(canary),
            Planting("proxy of the environment", {}, self.proxies(canary)),
        ]


class KubernetesSecrets(GuardedStore):
    """The secrets of one namespace."""

    name = "kubernetes_secrets"
    word = policy = feature = "kubernetes"
    backend = "strongroom.kubernetes.KubernetesSecretsBackend"
    official = "airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend.KubernetesSecretsBackend"
    environment = CLOUDS
    page = "kubernetes-secrets.md"
    harnesses = (OnDouble,)
    nowhere: ClassVar[Mapping[str, Any]] = {**GuardedStore.nowhere, "namespace": NAMESPACE}
    powerless = "eyJhbGciOiJSUzI1NiJ9.canary2Hq7made9up.sig"
    calls = Calls("read", "list", 500, described="describe", batch=("batch", 100))
    ways = (
        injected("429: priority and fairness", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected("403: no Role allows listing", Capability.DENIED),
        injected("401: the token has ended", Capability.UNAUTHENTICATED),
        answered("400: no label selector", written(status(400))),
        *over_http(),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """The selector that finds it."""
        return f"{f'{TEAM}={team}' if team else f'!{TEAM}'},{LABELS[kind]}={secret_id}"

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> Kubernetes:
        """The double, and a service account for it."""
        double = super().opened(request, folder)
        assert isinstance(double, Kubernetes)
        double.account = service_account(folder / "serviceaccount", double.token)
        return double

    def reader(self, server: Any, url: str) -> Reader:
        """The namespace too."""
        reader = super().reader(server, url)
        return Reader({**reader.options, "namespace": NAMESPACE}, reader.shut, reader.secrets)

    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The service account, as a pod has it."""
        return {"service_account_path": str(server.account), self.address: server.url}, {}

    def operation(self, call: Call) -> str:
        """By its query."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}
        if "limit" in query or "labelSelector" not in query:
            return "list" if query else ""
        if "resourceVersion" not in query:
            return "describe"
        return "batch" if " in (" in query["labelSelector"] else "read"


STORE = KubernetesSecrets()
