"""Kubernetes Secrets: labels, keys, teams, values and errors, both classes as the same pod."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend import KubernetesSecretsBackend as Official
from kubernetes.client.rest import ApiException
from kubernetes.config import incluster_config

from strongroom.exceptions import AccessDeniedError, ThrottledError, UnauthenticatedError
from strongroom.kubernetes import KubernetesSecretsBackend as Ours
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.comparison import ask
from tests.parity.outcomes import CONNECTION_CLASSES, Outcome, assert_parity, outcome
from tests.parity.question import Question
from tests.parity.values import CONNECTIONS, OTHERS, THROUGH
from tests.servers.double import Double, serving
from tests.servers.kubernetes import LABELS, NAMESPACE, TEAM, Kubernetes, secret, service_account
from tests.servers.tls import Certificate

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


@pytest.fixture(scope="module")
def pod(tls: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """The official class finds what a pod has at fixed places, which are elsewhere here."""
    double = Kubernetes()
    account = service_account(tmp_path_factory.mktemp("account"), double.token, tls)
    with serving(double.answer, tls) as served, pytest.MonkeyPatch.context() as patch:
        patch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(account / "token"))
        patch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(account / "ca.crt"))
        patch.setattr(Official, "SERVICE_ACCOUNT_NAMESPACE_PATH", str(account / "namespace"))
        yield Pod(double, account, served)


@pytest.fixture(autouse=True)
def _in_a_pod(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    host, port = pod.address
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "False")


def cases() -> Iterator[Case]:
    """What is found, by every kind."""
    for kind, label in LABEL.items():
        here = one("a-secret", label, "hello")
        option = {"conn": "connections", "var": "variables", "config": "config"}[kind]
        yield Case(f"{kind} found", {}, kind, objects=(here,), ends="value")
        yield Case(f"{kind} absent", {}, kind, "gone", objects=(here,), ends="none")
        yield Case(f"{kind} switched off", {f"{option}_label": None}, kind, objects=(here,), ends="none")
        mine = one("mine", "example.com/id", "hello")
        yield Case(f"{kind} label", {f"{option}_label": "example.com/id"}, kind, objects=(here, mine), ends="value")
        keyed = one("keyed", label, "hello", {"uri": "x://keyed", "value": "x://value"})
        yield Case(f"{kind} data key", {f"{option}_data_key": "uri"}, kind, objects=(keyed,), ends="value")
        yield Case(f"{kind} no such data key", {f"{option}_data_key": "gone"}, kind, objects=(keyed,), ends="none")
        yield Case(f"{kind} no data", {}, kind, objects=(one("none", label, "hello", {}),), ends="none")
        yield Case(f"{kind} empty", {}, kind, objects=(one("e", label, "hello", {"value": ""}),), ends="value")
        yield Case(
            f"{kind} twice", {}, kind, objects=(one("b", label, "hello"), one("a", label, "hello")), ends="value"
        )
        yield Case(f"{kind} not text", {}, kind, objects=(one("b", label, "hello", {"value": b"\xff"}),), ends="raises")
        yield Case(f"{kind} namespace", {"namespace": "elsewhere"}, kind, objects=(here,), ends="none")
        yield Case(f"{kind} namespace given", {"namespace": NAMESPACE}, kind, objects=(here,), ends="value")
        yield Case(f"{kind} other kind", {}, kind, objects=(one("x", "example.com/id", "hello"),), ends="none")


def team_cases() -> Iterator[Case]:
    """A team's own secret, the shared one, both, another team's."""
    for kind in ("conn", "var"):
        label = LABEL[kind]
        shared, ops, dev = (
            one("shared", label, "hello"),
            one("of-ops", label, "hello", more={TEAM: "ops"}),
            one("of-dev", label, "hello", more={TEAM: "dev"}),
        )
        for objects in ((), (shared,), (ops,), (dev,), (shared, ops), (shared, dev), (ops, dev), (shared, ops, dev)):
            names = " ".join(each[0] for each in objects)
            for team in (None, "", "ops", "red"):
                yield Case(f"{kind} {names}, team {team!r}", {}, kind, team=team, objects=objects)
                without = {"team_label": None}
                yield Case(f"{kind} {names}, team {team!r}, no label", without, kind, team=team, objects=objects)
        mine = {"team_label": "example.com/team"}
        other = one("other", label, "hello", more={"example.com/team": "ops"})
        yield Case(f"{kind} label of teams", mine, kind, team="ops", objects=(other, shared))
        yield Case(f"{kind} of a team asked as shared", {}, kind, "_ops___hello", objects=(ops,), ends="none")
        empty = one("empty", label, "hello", {}, more={TEAM: "ops"})
        yield Case(f"{kind} of a team without the key", {}, kind, team="ops", objects=(empty, shared), ends="value")
    yield Case("config, team", {}, "config", objects=(one("ops", LABEL["config"], "hello", more={TEAM: "ops"}),))


def id_cases() -> Iterator[Case]:
    """Ids that a label can have."""
    for kind, label in LABEL.items():
        for name in ("A", "a-b_c.d", "0", "x" * 63, ""):
            yield Case(f"{kind} {name[:9]!r}", {}, kind, name, objects=(one("s", label, name),), ends="value")


def value_cases() -> Iterator[Case]:
    """Every connection as text, some all the way to an object, others as variables and config values."""
    tried = [(label, "conn", value) for label, value in CONNECTIONS.items()]
    tried += [(label, lookup, value) for label, value in OTHERS.items() for lookup in ("var", "config")]
    tried += [(label, lookup, value) for label, value in THROUGH.items() for lookup in CONNECTION_CLASSES]
    for label, lookup, value in tried:
        where = LABEL.get(lookup, LABEL["conn"])
        yield Case(f"{lookup} {label}", {}, lookup, objects=(one("s", where, "hello", {"value": value}),))


@pytest.mark.parametrize("case", [*cases(), *team_cases(), *id_cases(), *value_cases()], ids=lambda case: case.id)
def test_both_end_alike(pod: Pod, case: Case) -> None:
    """The same result, and the same requests."""
    official, ours = pod.run(case)
    if case.ends:
        assert official.ending == case.ends, official
    assert_parity(official, ours)


ERRORS = {
    "denied": (Case("denied", {}, "var", denied=True), 403, AccessDeniedError),
    "an ended token": (Case("ended", {}, "var", token="ended"), 401, UnauthenticatedError),
    "throttled": (Case("throttled", {}, "var", fault=429), 429, ThrottledError),
}


@pytest.mark.parametrize("label", ERRORS)
def test_errors_are_raised_by_both_and_apart_in_ours(pod: Pod, label: str) -> None:
    case, code, kind = ERRORS[label]
    official, ours = pod.run(case)
    assert isinstance(official.error, ApiException)
    assert official.error.status == code
    assert (ours.ending, type(ours.error)) == ("raises", kind)


@pytest.mark.parametrize("name", ["a b", "a/b", "-a", "x" * 64, "dépôt", "a,b=c"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_id_that_no_label_has_is_refused_by_the_server_and_not_asked_by_ours(pod: Pod, kind: str, name: str) -> None:
    official, ours = pod.run(Case("odd", {}, kind, name))
    assert official.ending in ("raises", "none")
    assert (ours.ending, ours.asked) == ("none", ())


def test_outside_of_a_pod_both_raise(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    official, ours = pod.run(Case("outside", {}, "var"))
    assert (official.ending, ours.ending) == ("raises", "raises")
    assert "KUBERNETES_SERVICE_HOST" in str(ours.error)
    assert "KUBERNETES_SERVICE_HOST" not in os.environ


def test_without_a_namespace_both_raise(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    file = pod.account / "namespace"
    file.unlink()
    official, ours = pod.run(Case("no namespace", {}, "var"))
    file.write_text(NAMESPACE)
    assert (official.ending, ours.ending) == ("raises", "raises")
    assert "automountServiceAccountToken" in str(ours.error)
