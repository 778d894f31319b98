"""Both classes as the same pod: the fields of a case, and how each half of it is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend import KubernetesSecretsBackend as Official

from strongroom.kubernetes import KubernetesSecretsBackend as Ours
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.comparison import ask, environment_of
from tests.parity.outcomes import Outcome, outcome
from tests.parity.question import Question
from tests.servers.double import Double
from tests.servers.kubernetes import LABELS, Kubernetes, secret

LABEL = {"conn": LABELS["connection"], "var": LABELS["variable"], "config": LABELS["config"]}
KINDS = tuple(LABEL)


@dataclass(frozen=True)
class Case(Question):
    """One lookup, and the secrets of the namespace: name, labels and data of each."""

    objects: tuple[tuple[str, Mapping[str, str], Mapping[str, str | bytes]], ...] = ()
    fault: int = 0
    denied: bool = False
    token: str = Kubernetes.token
    #: How the official half ends, where the case would otherwise prove nothing.
    ends: str | None = None


def one(
    name: str,
    label: str,
    value: str,
    data: Mapping[str, str | bytes] | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """A secret with one label, and others."""
    content = {"value": f"text of {name}"} if data is None else data
    return (name, {label: value, **more}, content)


@dataclass
class Pod:
    """The double over https, and the files that a pod has."""

    double: Kubernetes
    account: Path
    served: Double
    #: How many requests came before the present half.
    before: int = 0

    @property
    def address(self) -> tuple[str, str]:
        """Host and port."""
        host, _, port = self.served.url.removeprefix("https://").rpartition(":")
        return host, port

    def run(self, case: Case) -> tuple[Outcome, Outcome]:
        """Both halves of a case: the official one, then ours."""
        own = {"cache_ttl": 0, "max_attempts": 1, "service_account_path": str(self.account), **case.kwargs}

        def half(look_up: Callable[[], object]) -> Outcome:
            self._set(case)
            return outcome(look_up, self.asked)

        host, port = self.address
        environment = {
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            "AIRFLOW__CORE__MULTI_TEAM": str(case.multi_team),
            **case.environment,
        }
        with environment_of(environment):
            official = half(lambda: ask(Official(**case.kwargs), case))
            return official, ours_in_both_forms(Ours, own, lambda backend: ask(backend, case), half)

    def asked(self) -> tuple[str, ...]:
        """The requests so far: namespace and conditions, whose order means nothing."""
        found = []
        for request in self.requests:
            query = {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}
            conditions = ",".join(sorted(query["labelSelector"].split(",")))
            found.append(f"{request.path.split('/')[4]} {conditions} {query.get('resourceVersion')}")
        return tuple(found)

    @property
    def requests(self) -> list[Any]:
        """Those of the present half."""
        return self.served.requests[self.before :]

    def _set(self, case: Case) -> None:
        self.double.reset()
        self.double.fault = case.fault
        self.double.tokens = {Kubernetes.token: not case.denied}
        self.double.others = [secret(name, dict(labels), dict(data)) for name, labels, data in case.objects]
        (self.account / "token").write_text(case.token)
        self.before = len(self.served.requests)
