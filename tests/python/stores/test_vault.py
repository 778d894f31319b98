"""HashiCorp Vault on OpenBao: how many requests, whose token, and what is reported when something fails."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

import strongroom
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
from tests.python.backends import messages
from tests.python.scripts import environment
from tests.servers import vault_logins
from tests.servers.counting import Counter
from tests.servers.tls import Certificate
from tests.servers.vault import Vault, openbao

URI = "postgres://u:p%40@h:5432/db"
READ, LOGIN, MOUNTS = "GET /v1/secret/data/", "POST /v1/auth/", "GET /v1/sys/internal/ui/mounts/"


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty home, so that a ``~/.vault-token`` of the caller's is not read."""
    monkeypatch.setenv("HOME", "/nonexistent")


def asked(counted: Counter) -> list[str]:
    """The requests since this was last called, as ``METHOD path``."""
    calls = [f"{call.method} {call.path}" for call in counted.calls]
    counted.clear()
    return calls


def fill(vault: Vault, *ids: str) -> None:
    """Stores connections with a URI."""
    for each in ids:
        vault.put(f"connections/{each}", {"conn_uri": f"{URI}?id={each}"})


def outcome(lookup: Any, *arguments: str) -> StrongroomError:
    """The error of a lookup."""
    with pytest.raises(StrongroomError) as caught:
        lookup(*arguments)
    return caught.value


# Requests


def test_requests_of_reads_cold_warm_absent_and_after_expiry(vault: Vault, counted_vault: Counter) -> None:
    fill(vault, "a", "b", "c")
    login = vault_logins.approle(vault, vault.policy(), token_ttl="2s", token_max_ttl="2s")
    backend = VaultBackend(url=counted_vault.url, **login.options)
    assert backend.get_conn_value("a") == f"{URI}?id=a"
    assert asked(counted_vault) == [f"POST /v1/{login.path}", f"{READ}connections/a"]
    assert backend.get_conn_value("b") == f"{URI}?id=b"
    assert backend.get_conn_value("b") == f"{URI}?id=b"
    assert asked(counted_vault) == [f"{READ}connections/b"]
    assert backend.get_variable("absent") is None
    assert asked(counted_vault) == [f"{READ}variables/absent"]
    time.sleep(2.1)  # past token_max_ttl: only a new login helps
    assert backend.get_conn_value("c") == f"{URI}?id=c"
    assert asked(counted_vault) == [f"POST /v1/{login.path}", f"{READ}connections/c"]


def test_ten_thousand_instances_log_in_once(vault: Vault, counted_vault: Counter) -> None:
    fill(vault, "a")
    login = vault_logins.approle(vault, vault.policy())
    for _ in range(10_000):
        backend = VaultBackend(url=counted_vault.url, **login.options)
    assert asked(counted_vault) == []
    assert [backend.get_conn_value("a"), VaultBackend(url=counted_vault.url, **login.options).get_conn_value("a")]
    assert asked(counted_vault) == [f"POST /v1/{login.path}", f"{READ}connections/a"]


def test_concurrent_lookups_share_one_login(vault: Vault, counted_vault: Counter) -> None:
    ids = [f"c{number}" for number in range(16)]
    fill(vault, *ids)
    login = vault_logins.userpass(vault, vault.policy())
    backend = VaultBackend(url=counted_vault.url, **login.options)
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda each=each: found.append(backend.get_conn_value(each))) for each in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(filter(None, found)) == sorted(f"{URI}?id={each}" for each in ids)
    calls = asked(counted_vault)
    assert calls.count(f"POST /v1/{login.path}") == 1
    assert len(calls) == 1 + len(ids)


def test_a_failed_login_fails_for_every_waiting_lookup(vault: Vault) -> None:
    login = vault_logins.userpass(vault, vault.policy())
    with gate(vault.plain_url) as slow:
        backend = VaultBackend(url=slow.url, **{**login.options, **login.wrong})
        errors: list[StrongroomError] = []
        start = threading.Barrier(8)

        def look_up(each: str) -> None:
            start.wait(30)
            errors.append(outcome(backend.get_conn_value, each))

        threads = [threading.Thread(target=look_up, args=(f"c{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert {type(error) for error in errors} == {UnauthenticatedError}
        assert len(errors) == 8
        # A lookup that starts after the first failure tries again; those that waited do not.
        assert slow.requests < 8


# Tokens


def test_a_token_is_renewed_before_it_ends(vault: Vault, counted_vault: Counter) -> None:
    fill(vault, "a", "b")
    login = vault_logins.approle(vault, vault.policy(), token_ttl="6s", token_max_ttl="1h")
    backend = VaultBackend(url=counted_vault.url, **login.options)
    assert backend.get_conn_value("a")
    asked(counted_vault)
    time.sleep(5.0)  # a token of 6 s is due, and still valid
    assert backend.get_conn_value("b") == f"{URI}?id=b"
    assert asked(counted_vault) in (
        ["POST /v1/auth/token/renew-self", f"{READ}connections/b"],
        # On a busy machine the six seconds may already be over.
        [f"POST /v1/{login.path}", f"{READ}connections/b"],
    )


def test_a_revoked_token_is_replaced_once(vault: Vault, counted_vault: Counter) -> None:
    fill(vault, "a", "b")
    login = vault_logins.approle(vault, vault.policy())
    backend = VaultBackend(url=counted_vault.url, **login.options)
    assert backend.get_conn_value("a")
    vault.write("sys/leases/revoke-prefix/auth/approle/login")
    asked(counted_vault)
    assert backend.get_conn_value("b") == f"{URI}?id=b"
    assert asked(counted_vault) == [f"{READ}connections/b", f"POST /v1/{login.path}", f"{READ}connections/b"]


def test_a_missing_policy_costs_one_login_and_not_one_each_time(vault: Vault, counted_vault: Counter) -> None:
    fill(vault, "a")
    policy = vault.policy({"secret/data/connections/a": ["read"]})
    login = vault_logins.approle(vault, policy)
    backend = VaultBackend(url=counted_vault.url, **login.options)
    assert backend.get_conn_value("a")
    asked(counted_vault)
    denied = outcome(backend.get_variable, "x")
    assert isinstance(denied, AccessDeniedError)
    assert 'path "secret/data/variables/x" { capabilities = ["read"] }' in str(denied)
    assert asked(counted_vault).count(f"POST /v1/{login.path}") == 1
    assert isinstance(outcome(backend.get_variable, "x"), AccessDeniedError)
    assert asked(counted_vault) == [f"{READ}variables/x", f"{MOUNTS}secret"]


def test_a_counted_token_is_not_used_more_often_than_it_may(vault: Vault, counted_vault: Counter) -> None:
    fill(vault, "a", "b", "c", "d", "e")
    login = vault_logins.approle(vault, vault.policy(), token_num_uses=2)
    backend = VaultBackend(url=counted_vault.url, **login.options)
    assert all(backend.get_conn_value(each) for each in "abcde")
    calls = asked(counted_vault)
    assert calls.count(f"POST /v1/{login.path}") == 3
    assert len(calls) == 3 + 5


def test_a_wrapped_secret_id_is_unwrapped_once(vault: Vault, counted_vault: Counter) -> None:
    fill(vault, "a", "b", "c")
    login = vault_logins.approle(vault, vault.policy(), token_ttl="1s", token_max_ttl="1s")
    wrapped = vault_logins.wrapped_secret_id(vault)
    options = {**login.options, "secret_id": None, "wrapped_secret_id": wrapped}
    backend = VaultBackend(url=counted_vault.url, **options)
    assert backend.get_conn_value("a")
    unwrap = "POST /v1/sys/wrapping/unwrap"
    assert asked(counted_vault) == [unwrap, f"POST /v1/{login.path}", f"{READ}connections/a"]
    time.sleep(1.1)  # past token_max_ttl: only a new login helps
    assert backend.get_conn_value("b")
    assert asked(counted_vault) == [f"POST /v1/{login.path}", f"{READ}connections/b"]
    # The unwrapped secret id stays in the process: another backend, or a new CA file, causes no second unwrapping.
    other = VaultBackend(url=counted_vault.url, **options, cache_ttl=61)
    assert other.get_conn_value("c")
    assert asked(counted_vault) == [f"POST /v1/{login.path}", f"{READ}connections/c"]


def test_a_wrapped_secret_id_that_was_already_unwrapped_is_reported(vault: Vault) -> None:
    login = vault_logins.approle(vault, vault.policy())
    wrapped = vault_logins.wrapped_secret_id(vault)
    vault.write("sys/wrapping/unwrap", token=wrapped)
    backend = VaultBackend(url=vault.plain_url, **{**login.options, "secret_id": None, "wrapped_secret_id": wrapped})
    error = outcome(backend.get_conn_value, "a")
    assert isinstance(error, UnauthenticatedError)
    assert "wrapping token" in str(error)


def test_a_token_in_a_file_may_be_replaced(vault: Vault, counted_vault: Counter, tmp_path: Path) -> None:
    fill(vault, "a", "b")
    first, second = vault.token(), vault.token()
    file = tmp_path / "token"
    file.write_text(f" {first}\n")
    backend = VaultBackend(url=counted_vault.url, token_path=str(file), token="not looked at")
    assert backend.get_conn_value("a")
    vault.write("auth/token/revoke", {"token": first})
    file.write_text(second)
    assert backend.get_conn_value("b")
    assert asked(counted_vault) == [f"{READ}connections/a", f"{READ}connections/b"]


def test_the_environment_names_server_token_namespace_and_authority(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = vault.create_namespace("outer")
    vault.put("connections/a", {"conn_uri": URI}, namespace=namespace)
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(vault.authority))
    monkeypatch.setenv("VAULT_NAMESPACE", f"/{namespace}/")
    monkeypatch.setenv("VAULT_TOKEN", vault.token(namespace=namespace))
    assert VaultBackend().get_conn_value("a") == URI
    assert VaultBackend(namespace=namespace).get_conn_value("a") == URI
    error = outcome(VaultBackend(namespace="nowhere", on_error="raise").get_conn_value, "a")
    assert isinstance(error, ConfigurationError)
    assert "`namespace`" in str(error)


def test_the_file_of_vault_login_is_read_where_the_variable_is_empty(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(vault, "a")
    (tmp_path / ".vault-token").write_text(vault.token())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VAULT_TOKEN", "")
    assert VaultBackend(url=vault.plain_url).get_conn_value("a") == f"{URI}?id=a"


# Paths and values


def test_values_are_those_of_the_official_class(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    vault.put("connections/fields", {"conn_type": "http", "port": 1, "extra": {"a": [1.0, None, "ü"]}})
    vault.put("connections/empty uri", {"conn_uri": "", "host": "h"})
    vault.put("connections/nothing", {})
    for label, value in {"text": "x", "empty": "", "null": None, "number": 5, "object": {"a": [True]}}.items():
        vault.put(f"variables/{label}", {"value": value})
    vault.put("variables/other", {"values": "x"})
    backend = VaultBackend(url=vault.plain_url, token=vault.token())
    fields = '{"conn_type": "http", "extra": {"a": [1.0, null, "\\u00fc"]}, "port": 1}'
    assert backend.get_conn_value("fields") in (fields, fields.replace("1.0", "1"))
    assert backend.get_conn_value("empty uri") == '{"conn_uri": "", "host": "h"}'
    assert backend.get_conn_value("nothing") == "{}"
    read = [backend.get_variable(each) for each in ("text", "empty", "null", "number", "object", "other")]
    assert read == ["x", "", None, 5, {"a": [True]}, None]
    warnings = messages(caplog, logging.WARNING)
    assert len(warnings) == 1
    assert '"other"' in warnings[0]
    assert '"value"' in warnings[0]


def test_a_list_of_paths_is_tried_in_order(vault: Vault, counted_vault: Counter) -> None:
    vault.put("b/x", {"value": "of b"})
    vault.put("shared/y", {"value": "of all"})
    vault.put("a/empty", {})
    vault.put("b/empty", {"value": "not reached"})
    backend = VaultBackend(
        url=counted_vault.url, token=vault.token(), variables_path=["a", "b/"], global_secrets_path="shared"
    )
    assert [backend.get_variable(each) for each in ("x", "y", "empty")] == ["of b", "of all", None]
    paths = ["a/x", "b/x", "a/y", "b/y", "shared/y", "a/empty"]
    assert asked(counted_vault) == [f"{READ}{path}" for path in paths]


def test_a_deleted_version_is_absent_and_reported_once(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    fill(vault, "gone")
    vault.delete("secret/data/connections/gone")
    backend = VaultBackend(url=vault.plain_url, token=vault.token(), cache_ttl=0)
    assert [backend.get_conn_value("gone") for _ in range(3)] == [None] * 3
    warnings = messages(caplog, logging.WARNING)
    assert len(warnings) == 1
    assert "vault kv undelete" in warnings[0]


def test_names_that_would_change_on_the_way_are_not_sent(
    vault: Vault, counted_vault: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    backend = VaultBackend(url=counted_vault.url, token=vault.token(), cache_ttl=0)
    for name in ("../x", "a/../../x", "./a", "a\nb", "a/.."):
        assert [backend.get_variable(name) for _ in range(2)] == [None, None]
    assert asked(counted_vault) == []
    # One warning for all names of a kind.
    (warning,) = messages(caplog, logging.WARNING)
    assert "which no secret can have" in warning


def test_names_are_listed_folder_by_folder(vault: Vault, counted_vault: Counter) -> None:
    fill(vault, "a", "b", "deep/er/c", "deep/d")
    vault.put("variables/v", {"value": "x"})
    rules = {"secret/data/*": ["read"], "secret/metadata/connections/*": ["list"]}
    token = vault.token(vault.policy(rules))
    backend = VaultBackend(url=counted_vault.url, token=token, prefetch=["*"])
    assert backend.get_conn_value("deep/er/c") == f"{URI}?id=deep/er/c"
    calls = asked(counted_vault)
    lists = [call for call in calls if call.startswith("LIST")]
    assert sorted(lists) == [f"LIST /v1/secret/metadata/connections{tail}" for tail in ("", "/deep", "/deep/er")]
    strict = VaultBackend(url=counted_vault.url, token=token, prefetch=["*"], strict_http=True)
    assert strict.get_conn_value("a") == f"{URI}?id=a"
    assert "GET /v1/secret/metadata/connections?list=true" in asked(counted_vault)


# Causes


def test_mount_version_and_token_are_distinguished(vault: Vault) -> None:
    fill(vault, "a")
    token = vault.token()

    def error(**options: Any) -> StrongroomError:
        backend = VaultBackend(url=vault.plain_url, on_error="raise", **{"token": token, **options})
        return outcome(backend.get_conn_value, "a")

    expired = error(token="s.unknown")
    assert isinstance(expired, UnauthenticatedError)
    assert (expired.code, expired.store) == ("403", "hashicorp_vault")
    assert "vault token lookup" in str(expired)
    nowhere = error(mount_point="nowhere")
    assert isinstance(nowhere, AccessDeniedError)
    assert "no mount `nowhere`" in str(nowhere)
    version = error(kv_engine_version=1)
    assert isinstance(version, ConfigurationError)
    assert "version 2" in str(version)
    policy = error(token=vault.token(vault.policy({"secret/data/other": ["read"]})))
    assert isinstance(policy, AccessDeniedError)
    assert 'path "secret/data/connections/a"' in str(policy)
    login = vault_logins.approle(vault, vault.policy())
    refused = error(**{**login.options, **login.wrong, "token": None})
    assert isinstance(refused, UnauthenticatedError)
    assert (refused.code, refused.operation) == ("400", "login")
    assert "role_id" in str(refused)


def test_a_wrong_version_is_checked_once_and_reported(
    vault: Vault, counted_vault: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    backend = VaultBackend(url=counted_vault.url, token=vault.token(), mount_point="kv1", cache_ttl=0)
    assert [backend.get_variable(each) for each in "abc"] == [None] * 3
    assert asked(counted_vault).count(f"{MOUNTS}kv1") == 1
    assert "version 1" in messages(caplog, logging.WARNING)[0]


@pytest.mark.parametrize(("mount", "version"), [("kv1", 1), ("secret", 2)])
def test_the_version_is_asked_for_once(vault: Vault, counted_vault: Counter, mount: str, version: int) -> None:
    for each in "ab":
        vault.put(f"variables/{each}", {"value": each}, mount, version=version)
    options = {"token": vault.token(), "mount_point": mount, "kv_engine_version": "auto"}
    backend = VaultBackend(url=counted_vault.url, **options)
    assert [backend.get_variable(each) for each in "ab"] == ["a", "b"]
    assert len(asked(counted_vault)) == 3


def test_a_quota_is_throttling(vault: Vault) -> None:
    vault.quota(1, "secret")
    vault.names("secret/metadata")
    backend = VaultBackend(url=vault.plain_url, token=vault.token(), max_attempts=1)
    error = outcome(backend.get_variable, "x")
    assert isinstance(error, ThrottledError)
    assert error.code == "429"
    assert error.temporary


@pytest.fixture
def own_vault(tls: Certificate, tmp_path: Path) -> Iterator[Vault]:
    """A separate server that the test may seal."""
    with openbao(tmp_path, tls) as server:
        yield server


def test_a_sealed_server_says_so_and_old_values_are_served(own_vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    fill(own_vault, "a")
    backend = VaultBackend(
        url=own_vault.url, ca_bundle=str(own_vault.authority), token=own_vault.token(), cache_ttl="100ms"
    )
    assert backend.get_conn_value("a") == f"{URI}?id=a"
    own_vault.seal()
    time.sleep(0.2)  # past cache_ttl
    assert backend.get_conn_value("a") == f"{URI}?id=a"
    error = outcome(backend.get_conn_value, "b")
    assert isinstance(error, UnreachableError)
    assert "sealed" in str(error)
    assert "vault operator unseal" in str(error)
    assert any("is served" in text for text in messages(caplog, logging.WARNING))


# Network


@pytest.fixture
def before(vault: Vault) -> Iterator[Gate]:
    """A gate in front of the server that can answer in its place."""
    with gate(vault.plain_url) as opened:
        yield opened


def test_a_redirect_to_another_host_is_not_followed(vault: Vault, before: Gate) -> None:
    with gate(vault.plain_url) as elsewhere:
        place = f"{elsewhere.url}/v1/secret/data/connections/a"
        before.inject(Answer(307, (("Location", place),)))
        backend = VaultBackend(url=before.url, token=vault.token())
        error = outcome(backend.get_conn_value, "a")
        assert isinstance(error, ConfigurationError)
        assert elsewhere.url in str(error)
        assert elsewhere.requests == 0


def test_a_redirect_within_the_address_is_followed_twice(vault: Vault, before: Gate) -> None:
    before.inject(Answer(307, (("Location", "/v1/secret/data/connections/b"),)))
    backend = VaultBackend(url=before.url, token=vault.token())
    assert isinstance(outcome(backend.get_conn_value, "a"), ConfigurationError)
    assert before.requests == 3
    refusing = VaultBackend(url=before.url, token=vault.token(), allow_redirects=False)
    assert isinstance(outcome(refusing.get_conn_value, "a"), ConfigurationError)
    assert before.requests == 4


def test_an_unknown_authority_is_not_trusted(vault: Vault) -> None:
    error = outcome(VaultBackend(url=vault.url, token=vault.token()).get_conn_value, "a")
    assert isinstance(error, UnreachableError)
    assert "VAULT_CACERT" in str(error)


# The constructor


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`token`"),
        ({"auth_type": "nonsense"}, "`auth_type`"),
        ({"token": "t", "kv_engine_version": 4}, "`kv_engine_version`"),
        ({"auth_type": "github"}, "`token`"),
        ({"auth_type": "approle"}, "`role_id`"),
        ({"auth_type": "kubernetes"}, "`kubernetes_role`"),
        ({"auth_type": "jwt", "jwt_role": "r"}, "`jwt_token`"),
        ({"auth_type": "azure", "azure_resource": "r"}, "`azure_tenant_id`"),
        ({"auth_type": "radius"}, "`radius_host`"),
        ({"auth_type": "gcp", "gcp_scopes": "s"}, "`role_id`"),
        ({"token": "t", "connections_path": [1]}, "`connections_path`"),
    ],
)
def test_an_impossible_configuration_fails_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        VaultBackend(**options)


def test_a_misspelt_key_is_named_where_its_option_is_missing() -> None:
    misspelt: dict[str, Any] = {"tokne": "canary-2f6e"}
    with pytest.raises(ConfigurationError, match="Did you mean `token`") as caught:
        VaultBackend(**misspelt)
    assert "canary" not in str(caught.value)


def test_a_token_in_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "t")
    assert repr(VaultBackend()) == "<strongroom.hashicorp.VaultBackend on hashicorp_vault>"


def test_the_store_is_listed() -> None:
    store = next(store for store in strongroom.stores() if store["name"] == "hashicorp_vault")
    assert store["python_class"] == "strongroom.hashicorp.VaultBackend"


# Forks

FORK = """
    import os, sys
    from strongroom.hashicorp import VaultBackend
    url, role_id, key, secret = sys.argv[1:]
    backend = VaultBackend(url=url, auth_type="approle", role_id=role_id, **{key: secret})
    assert backend.get_variable("a") == "a"
    pid = os.fork()
    if pid == 0:
        os._exit(0 if backend.get_variable("b") == "b" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert backend.get_variable("c") == "c"
"""


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_child_makes_its_own_login(vault: Vault, counted_vault: Counter, *, is_wrapped: bool) -> None:
    """Its parent's unwrapped secret id works in the child too."""
    for each in "abc":
        vault.put(f"variables/{each}", {"value": each})
    login = vault_logins.approle(vault, vault.policy())
    key, secret = "secret_id", login.options["secret_id"]
    if is_wrapped:
        key, secret = "wrapped_secret_id", vault_logins.wrapped_secret_id(vault)
    arguments = [counted_vault.url, login.options["role_id"], key, secret]
    command = [sys.executable, "-c", textwrap.dedent(FORK), *arguments]
    subprocess.run(command, check=True, timeout=120, env=environment())
    own, read = f"POST /v1/{login.path}", f"{READ}variables/"
    unwrapping = ["POST /v1/sys/wrapping/unwrap"] if is_wrapped else []
    assert asked(counted_vault) == [*unwrapping, own, f"{read}a", own, f"{read}b", f"{read}c"]


def test_refusals_of_the_server_are_as_the_other_tests_assume(vault: Vault) -> None:
    """OpenBao itself answers 403 for a denied path, and 404 for an absent one."""
    for path, token, status in (
        ("secret/data/x", vault.token("default"), HTTPStatus.FORBIDDEN),
        ("secret/data/x", vault.token(), HTTPStatus.NOT_FOUND),
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            vault.read(path, token=token)
        with contextlib.closing(caught.value):
            assert caught.value.code == status
