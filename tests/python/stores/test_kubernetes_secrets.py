"""Kubernetes Secrets: what only this store has, and how many requests it gets."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from strongroom.chain import ChainBackend
from strongroom.exceptions import AccessDeniedError, ConfigurationError, UnauthenticatedError
from strongroom.kubernetes import KubernetesSecretsBackend
from tests.python.backends import messages
from tests.python.stores.doubles import alone, in_child, native_threads, soon
from tests.servers.double import Answer, Double, serving
from tests.servers.kubernetes import LABELS, NAMESPACE, TEAM, Kubernetes, secret, service_account
from tests.servers.process import REPOSITORY
from tests.servers.tls import Certificate

NEXT = "eyJhbGciOiJSUzI1NiJ9.canary6Tm2made8up.sig"


class Pod:
    """A double over https, and the files of a service account."""

    def __init__(self, kubernetes: Kubernetes, served: Double, account: Path) -> None:
        self.kubernetes, self.served, self.account = kubernetes, served, account

    def backend(self, **options: Any) -> KubernetesSecretsBackend:
        """A backend of its own: no earlier one has the same configuration."""
        own = {
            "service_account_path": str(self.account),
            "on_error": "raise",
            **alone(),
        }
        return KubernetesSecretsBackend(**{**own, **options})

    def fill(self, *keys: str, value: str = "") -> list[str]:
        """Variables whose value is their key; returns the keys."""
        self.kubernetes.secrets |= {f"!{TEAM},{LABELS['variable']}={key}": value or key for key in keys}
        return list(keys)

    def asked(self) -> list[str]:
        """The label selectors since the last time."""
        queries = [parse_qs(urlsplit(request.target).query) for request in self.served.requests]
        self.served.requests.clear()
        return [query["labelSelector"][0].removeprefix(f"!{TEAM},{LABELS['variable']}") for query in queries]


@pytest.fixture
def pod(tls: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pod]:
    """An empty namespace."""
    kubernetes = Kubernetes()
    kubernetes.reset()
    account = service_account(tmp_path / "serviceaccount", kubernetes.token, tls)
    with serving(kubernetes.answer, tls) as served:
        host, port = served.url.removeprefix("https://").rsplit(":", 1)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        yield Pod(kubernetes, served, account)


def test_a_cold_lookup_is_one_request_and_a_warm_or_absent_one_none(pod: Pod) -> None:
    pod.fill("a")
    reader = pod.backend()
    assert [reader.get_variable("a"), reader.get_variable("gone")] == ["a", None]
    assert pod.asked() == ["=a", "=gone"]
    assert [reader.get_variable("a"), reader.get_variable("gone")] == ["a", None]
    assert pod.asked() == []


def test_many_instances_ask_once(pod: Pod) -> None:
    pod.fill("a")
    options = alone()
    assert {pod.backend(**options).get_variable("a") for _ in range(10_000)} == {"a"}
    assert pod.asked() == ["=a"]


def test_fifty_names_are_one_request(pod: Pod) -> None:
    keys = pod.fill(*(f"k{number:02}" for number in range(50)))
    reader = pod.backend(prefetch={"variables": keys[:49]})
    assert [reader.get_variable(key) for key in keys[:49]] == keys[:49]
    (batch,) = pod.asked()
    assert batch == f" in ({','.join(keys[:49])})"
    assert [reader.get_variable("k49"), pod.asked()] == ["k49", ["=k49"]]


def test_a_team_asks_for_its_own_secret_and_never_for_another_teams(pod: Pod) -> None:
    label = LABELS["variable"]
    pod.kubernetes.secrets = {
        f"{TEAM}=ops,{label}=a": "of ops",
        f"!{TEAM},{label}=a": "shared",
        f"{TEAM}=dev,{label}=b": "x",
    }
    reader = pod.backend()
    assert [reader.get_variable("a", "ops"), reader.get_variable("a")] == ["of ops", "shared"]
    assert [reader.get_variable("b", "ops"), reader.get_variable("b"), reader.get_variable("b", "dev")] == [
        None,
        None,
        "x",
    ]
    assert [selector for selector in pod.asked() if "dev" in selector] == [f"{TEAM}=dev,{label}=b"]


def test_a_new_token_is_read_from_its_file(pod: Pod) -> None:
    pod.fill("a", "b")
    reader = pod.backend()
    assert reader.get_variable("a") == "a"
    pod.kubernetes.tokens = {NEXT: True}
    (pod.account / "token").write_text(f"{NEXT}\n")
    assert reader.get_variable("b") == "b"
    assert [request.bearer for request in pod.served.requests] == [pod.kubernetes.token, NEXT]


def test_a_token_that_ends_on_the_way_is_replaced_within_the_lookup(pod: Pod) -> None:
    pod.fill("a")
    answer = pod.kubernetes.read

    def ends(request: Any) -> Any:
        pod.kubernetes.tokens = {NEXT: True}
        (pod.account / "token").write_text(NEXT)
        pod.kubernetes.read = answer  # type: ignore[method-assign]
        return pod.kubernetes.error(401)

    pod.kubernetes.read = ends  # type: ignore[method-assign]
    assert pod.backend().get_variable("a") == "a"
    assert pod.asked() == ["=a", "=a"]


def test_a_refused_token_is_not_sent_twice(pod: Pod) -> None:
    pod.kubernetes.tokens = {}
    with pytest.raises(UnauthenticatedError, match="does not accept the token"):
        pod.backend().get_variable("a")
    assert pod.asked() == ["=a"]


def test_what_is_missing_is_named(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    (pod.account / "token").unlink()
    with pytest.raises(UnauthenticatedError, match=r'serviceaccount/token"'):
        pod.backend().get_variable("a")
    (pod.account / "namespace").unlink()
    with pytest.raises(ConfigurationError, match=r'serviceaccount/namespace"'):
        pod.backend().get_variable("a")
    with pytest.raises(ConfigurationError, match="cannot be the name of a namespace"):
        pod.backend(namespace="../nodes").get_variable("a")
    monkeypatch.delenv("KUBERNETES_SERVICE_PORT")
    with pytest.raises(ConfigurationError, match="KUBERNETES_SERVICE_PORT"):
        pod.backend().get_variable("a")
    assert pod.served.requests == []


def test_another_authority_is_not_trusted(pod: Pod, tmp_path: Path) -> None:
    from tests.servers.tls import certificate

    pod.fill("a")
    other = tmp_path / "other"
    other.mkdir()
    (pod.account / "ca.crt").write_bytes(certificate(other).authority.read_bytes())
    with pytest.raises(Exception, match=r"ca\.crt"):
        pod.backend(max_attempts=1).get_variable("a")
    assert pod.served.requests == []


def test_odd_secrets_are_warned_of(pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    label = LABELS["variable"]
    pod.kubernetes.others = [
        secret("b-second", {label: "twice"}, {"value": "2"}),
        secret("a-first", {label: "twice"}, {"value": "1"}),
        secret("other-key", {label: "keyless"}, {"password": "canary-77"}),
    ]
    with caplog.at_level(logging.WARNING):
        assert [pod.backend().get_variable(key) for key in ("twice", "keyless")] == ["1", None]
    twice, keyless = messages(caplog)
    assert "`a-first` answers, the first by name" in twice
    assert "`other-key` of Kubernetes has no key `value`" in keyless
    assert "canary" not in caplog.text


@pytest.mark.parametrize("secret_id", ["a,b", "a=b", "a b", "a/b", f"x) ,{TEAM}=dev", "_dev___a", "é", "n" * 64])
def test_no_id_changes_the_question(pod: Pod, secret_id: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert pod.backend().get_variable(secret_id) is None
        assert pod.backend().get_variable(secret_id, "ops") is None
    assert pod.asked() == []


def test_the_token_goes_where_the_page_says(pod: Pod) -> None:
    """To the API server alone, in one header, never in the address or in a body."""
    pod.fill("a")
    pod.backend().get_variable("a")
    (request,) = pod.served.requests
    carrying = [name for name, value in request.headers.items() if pod.kubernetes.token in value]
    assert (carrying, pod.kubernetes.token in request.target, request.body) == (["authorization"], False, b"")
    page = (REPOSITORY / "docs" / "kubernetes-secrets.md").read_text()
    assert "| the token | the API server, with each request | the header `Authorization: Bearer ...` |" in page


def test_a_child_reads_with_a_connection_of_its_own(pod: Pod) -> None:
    """And no lookup leaves a thread behind."""
    pod.fill("a", "b")
    before = native_threads()
    reader = pod.backend(cache_ttl=0)
    assert reader.get_variable("a") == "a"
    for _ in range(20):
        assert in_child(lambda: reader.get_variable("b") == "b")
    assert reader.get_variable("a") == "a"
    assert soon(lambda: native_threads() <= before)


def test_denied_names_the_role(pod: Pod) -> None:
    pod.kubernetes.tokens = {pod.kubernetes.token: False}
    with pytest.raises(AccessDeniedError, match=f"denied in namespace `{NAMESPACE}`.*strongroom policy kubernetes"):
        pod.backend().get_variable("a")


def test_a_lookup_that_is_throttled_goes_on_after_the_wait(pod: Pod, tls: Certificate) -> None:
    pod.fill("a")
    refusals = [Answer(429, {"kind": "Status", "reason": "TooManyRequests", "code": 429}, {"Retry-After": "1"})]
    with serving(lambda request: refusals.pop() if refusals else pod.kubernetes.answer(request), tls) as double:
        began = time.monotonic()
        assert pod.backend(endpoint_url=double.url, max_attempts=2).get_variable("a") == "a"
        assert time.monotonic() - began >= 1
        assert len(double.requests) == 2


def test_a_member_of_a_chain_answers_what_the_first_lacks(pod: Pod) -> None:
    pod.fill("a")
    members = [
        {"store": "memory", "secrets": {"airflow/variables/first": "1"}},
        {"store": "kubernetes", "service_account_path": str(pod.account)},
    ]
    chain = ChainBackend(stores=members, on_error="raise")
    assert [chain.get_variable(key) for key in ("first", "a", "gone", "a")] == ["1", "a", None, "a"]
    assert pod.asked() == ["=a", "=gone"]


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("service_account_path", "variables_label"),
        ("serviceAccountPath", "variablesLabel"),
        ("service-account-path", "variables-label"),
    ],
)
def test_keys_may_be_in_snake_camel_and_kebab_case(pod: Pod, path: str, label: str) -> None:
    pod.kubernetes.secrets[f"!{TEAM},own=a"] = "x"
    written: dict[str, Any] = {path: str(pod.account), label: "own", "strict": True}
    assert KubernetesSecretsBackend(**written, **alone()).get_variable("a") == "x"
