"""HashiCorp Vault on OpenBao: what a refusal may cost, and that similar causes are distinguished."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    StrongroomError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from strongroom.hashicorp import VaultBackend
from tests.conformance.gate import Answer, Gate, gate
from tests.python.vault import refusal
from tests.servers import vault_logins
from tests.servers.counting import Counter, counting_proxy
from tests.servers.tls import Certificate
from tests.servers.vault import Vault, openbao

READ, MOUNTS, LOOK = "GET /v1/secret/data/", "GET /v1/sys/internal/ui/mounts/", "GET /v1/auth/token/lookup-self"
CONNECTIONS_ONLY = {"secret/data/connections/*": ["read"]}


@dataclass(frozen=True)
class Way:
    """From a backend to the server: requests are counted, then a gate may answer instead."""

    url: str
    counter: Counter
    gate: Gate

    def asked(self) -> list[str]:
        """The requests since this was last called, as ``METHOD path``."""
        calls = [f"{call.method} {call.path}" for call in self.counter.calls]
        self.counter.clear()
        return calls


@pytest.fixture
def way(vault: Vault) -> Iterator[Way]:
    with gate(vault.plain_url) as opened, counting_proxy(opened.url) as counter:
        yield Way(counter.url, counter, opened)


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")


def refused(status: int) -> Answer:
    """A refusal in the server's own format."""
    content = json.dumps({"errors": ["made up"]}).encode()
    return Answer(status, (("Content-Type", "application/json"),), content)


def fill(vault: Vault, *ids: str) -> None:
    for each in ids:
        vault.put(f"connections/{each}", {"conn_uri": f"http://{each}"})


def test_a_refused_path_does_not_cost_a_valid_token(vault: Vault, way: Way) -> None:
    """The secret id is valid for one login, as is common."""
    fill(vault, "a", "b")
    login = vault_logins.approle(vault, vault.policy(CONNECTIONS_ONLY), secret_id_num_uses=1)
    backend = VaultBackend(url=way.url, **login.options)
    assert backend.get_conn_value("a") == "http://a"
    way.asked()
    denied = refusal(backend.get_variable)
    assert isinstance(denied, AccessDeniedError)
    assert 'path "secret/data/variables/a"' in str(denied)
    assert way.asked() == [f"{READ}variables/a", f"POST /v1/{login.path}", LOOK, f"{MOUNTS}secret"]
    assert backend.get_conn_value("b") == "http://b"
    assert way.asked() == [f"{READ}connections/b"]


def test_a_revoked_token_and_a_failed_login_are_not_hidden(vault: Vault, way: Way) -> None:
    fill(vault, "a", "b")
    login = vault_logins.approle(vault, vault.policy(), secret_id_num_uses=1)
    backend = VaultBackend(url=way.url, **login.options)
    assert backend.get_conn_value("a") == "http://a"
    vault.write("sys/leases/revoke-prefix/auth/approle/login")
    way.asked()
    assert isinstance(refusal(backend.get_conn_value, "b"), UnauthenticatedError)
    assert way.asked() == [f"{READ}connections/b", f"POST /v1/{login.path}", LOOK]
    assert isinstance(refusal(backend.get_conn_value, "b"), UnauthenticatedError)
    assert way.asked() == [f"POST /v1/{login.path}"]


def test_many_refused_paths_cost_one_login(vault: Vault, way: Way) -> None:
    fill(vault, "a")
    login = vault_logins.approle(vault, vault.policy(CONNECTIONS_ONLY))
    backend = VaultBackend(url=way.url, **login.options)
    assert backend.get_conn_value("a") == "http://a"
    way.asked()
    for number in range(9):
        assert isinstance(refusal(backend.get_variable, f"x{number}"), AccessDeniedError)
    calls = way.asked()
    assert calls.count(f"POST /v1/{login.path}") == 1
    assert calls[-3:] == [f"{READ}variables/x8", LOOK, f"{MOUNTS}secret"]
    # A token that was revoked is still replaced at once.
    vault.write("sys/leases/revoke-prefix/auth/approle/login")
    fill(vault, "b")
    assert backend.get_conn_value("b") == "http://b"
    assert way.asked() == [f"{READ}connections/b", LOOK, f"POST /v1/{login.path}", f"{READ}connections/b"]


def test_a_used_up_token_is_not_reported_as_a_missing_mount(vault: Vault, way: Way) -> None:
    login = vault_logins.approle(vault, vault.policy(CONNECTIONS_ONLY), token_num_uses=1)
    backend = VaultBackend(url=way.url, **login.options, on_error="raise")
    denied = refusal(backend.get_variable)
    assert 'path "secret/data/variables/a"' in str(denied)
    assert way.asked() == [f"POST /v1/{login.path}", f"{READ}variables/a"]
    assert [backend.get_conn_value(each) for each in "abcd"] == [None] * 4
    assert way.asked() == [call for each in "abcd" for call in (f"POST /v1/{login.path}", f"{READ}connections/{each}")]


def test_absent_is_not_reported_as_a_missing_mount_without_permission_to_see_mounts(vault: Vault, way: Way) -> None:
    backend = VaultBackend(url=way.url, token=vault.token(), on_error="raise")
    way.gate.spoils = lambda path: "/internal/" in path
    way.gate.inject(refused(403))
    assert [backend.get_conn_value(each) for each in "abcd"] == [None] * 4
    assert way.asked().count(f"{MOUNTS}secret") == 1


@pytest.mark.parametrize(("status", "kind"), [(429, ThrottledError), (500, UnreachableError)])
def test_a_version_that_cannot_be_read_now_is_requested_again(
    vault: Vault, way: Way, status: int, kind: type[StrongroomError]
) -> None:
    fill(vault, "a")
    backend = VaultBackend(url=way.url, token=vault.token(), kv_engine_version="auto", max_attempts=2)
    way.gate.spoils = lambda path: "/internal/" in path
    way.gate.inject(refused(status))
    error = refusal(backend.get_conn_value)
    assert isinstance(error, kind)
    assert error.temporary
    assert way.asked() == [f"{MOUNTS}secret"] * 2
    way.gate.heal()
    assert backend.get_conn_value("a") == "http://a"


def test_a_revoked_token_is_replaced_when_the_version_is_requested_too(vault: Vault, way: Way) -> None:
    vault.put("connections/a", {"conn_uri": "http://a"}, "kv1", version=1)
    login = vault_logins.approle(vault, vault.policy())
    backend = VaultBackend(url=way.url, **login.options, kv_engine_version="auto", mount_point=None)
    assert backend.get_conn_value("secret/a") is None
    vault.write("sys/leases/revoke-prefix/auth/approle/login")
    way.asked()
    assert backend.get_conn_value("kv1/a") == "http://a"
    asks = f"{MOUNTS}kv1"
    assert way.asked() == [asks, f"POST /v1/{login.path}", asks, "GET /v1/kv1/connections/a"]


def test_a_version_that_cannot_be_read_is_reported_as_policy_or_token(vault: Vault) -> None:
    def error(**options: Any) -> StrongroomError:
        backend = VaultBackend(url=vault.plain_url, kv_engine_version="auto", **options)
        return refusal(backend.get_conn_value)

    unseen = error(token=vault.token(), mount_point="nowhere")
    assert isinstance(unseen, AccessDeniedError)
    assert "no mount `nowhere`" in str(unseen)
    assert isinstance(error(token="s.unknown"), UnauthenticatedError)
    vault.write("sys/mounts/pki", {"type": "pki"})
    other = error(token=vault.token(vault.policy({"pki/*": ["read"]})), mount_point="pki", on_error="raise")
    assert "another engine than KV" in str(other)
    assert "kv_engine_version" not in str(other)


def test_a_login_says_that_the_server_is_sealed(tls: Certificate, tmp_path: Path) -> None:
    with openbao(tmp_path, tls) as server:
        login = vault_logins.userpass(server, server.policy())
        vault_logins.approle(server, server.policy())
        wrapped = {"auth_type": "approle", "role_id": "r", "wrapped_secret_id": vault_logins.wrapped_secret_id(server)}
        server.seal()
        for options in (login.options, wrapped):
            backend = VaultBackend(url=server.plain_url, **options, max_attempts=1)
            error = refusal(backend.get_conn_value)
            assert isinstance(error, UnreachableError)
            assert "the server is sealed" in str(error)


def test_kwargs_that_airflow_could_not_read_are_reported_and_do_not_stop_the_import(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Airflow then passes no kwargs, so that the token is missing; but the cause is the JSON."""
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"url": "http://127.0.0.1:9",\n "token": "canary",}')
    backend = VaultBackend()
    [logged] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "AIRFLOW__SECRETS__BACKEND_KWARGS is not valid JSON (line 2, column 20)" in logged
    assert "canary" not in logged
    with pytest.raises(ConfigurationError, match="the auth_type `token` needs `token` or `token_path`"):
        backend.get_variable("hello")
    monkeypatch.delenv("AIRFLOW__SECRETS__BACKEND_KWARGS")
    with pytest.raises(ConfigurationError, match="needs `token`"):
        VaultBackend(namespace="of this test alone")
