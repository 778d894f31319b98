"""Azure Key Vault on the double that verifies tokens.

``tests/servers/test_azure_double.py`` shows that the double can be relied on.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strongroom.azure import AzureKeyVaultBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    LookupTimeoutError,
    MalformedSecretError,
    StrongroomError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.python.backends import messages
from tests.python.processes import dead_children, none_lives
from tests.python.stores.doubles import native_threads, soon
from tests.servers.azure import (
    APP_SERVICE_HEADER,
    CLIENT,
    MANAGED,
    OTHER_TENANT,
    SECRET,
    TENANT,
    VAULT,
    Application,
    Azure,
    login_error,
    vault_error,
)
from tests.servers.azure_tokens import new_identity
from tests.servers.tls import certificate

SUBJECT = "system:serviceaccount:airflow:worker"
PRINCIPAL = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET}
PRINCIPAL_VARIABLES = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}
COLD = ["token", "GetSecret"]


@pytest.fixture
def cloud(azure_server: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Azure:
    """The double without secrets, under the real names of Azure, with its metadata service as that of this machine."""
    azure_server.reset()
    monkeypatch.setenv("HTTPS_PROXY", azure_server.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure_server.tls.authority))
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure_server.proxy)
    # A configuration that no other test has, so that no test shares a client with this one.
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    return azure_server


def backend(**options: Any) -> AzureKeyVaultBackend:
    """A backend on the vault, with a service principal."""
    return AzureKeyVaultBackend(**{"vault_url": VAULT, **PRINCIPAL, **options})


def default_backend(**options: Any) -> AzureKeyVaultBackend:
    """A backend on the vault without an identity in its options."""
    return AzureKeyVaultBackend(**{"vault_url": VAULT, "on_error": "raise", **options})


def failure(reader: AzureKeyVaultBackend) -> StrongroomError:
    """What a lookup raises."""
    with pytest.raises(StrongroomError) as caught:
        reader.get_variable("hello")
    return caught.value


# -- names and values ---------------------------------------------------------------------------------------------


def test_connection_variable_and_config_are_read(cloud: Azure) -> None:
    values = {"connections-uri": "postgres://u:p%40@h/db", "variables-hello": "w,örld\n", "config-smtp": ""}
    for name, value in values.items():
        cloud.put(f"airflow-{name}", value)
    reader = backend()
    assert [reader.get_conn_value("uri"), reader.get_variable("hello"), reader.get_config("smtp")] == [*values.values()]
    assert [reader.get_conn_value("no"), reader.get_variable("no"), reader.get_config("no")] == [None] * 3


def test_underscores_are_dashes_and_case_does_not_matter(cloud: Azure) -> None:
    cloud.put("af-secrets-test-mysql-password", "x")
    reader = backend(connections_prefix="af_secrets-", variables_prefix="af-secrets")
    assert reader.get_conn_value("test_mysql_password") == "x"
    assert reader.get_variable("Test-MySQL_password") == "x"
    assert AzureKeyVaultBackend.build_path("my_pre", "a_b") == "my-pre-a-b"
    assert AzureKeyVaultBackend.build_path("", "a_b") == "a-b"


def test_a_teams_own_secret_comes_first(cloud: Azure) -> None:
    cloud.put("airflow-connections-my-db", "x://shared")
    reader = backend(cache_ttl=0)
    assert reader.get_conn_value("my_db", "team_a") == "x://shared"
    cloud.put("airflow-connections-team-a--my-db", "x://own")
    cloud.asked.clear()
    assert reader.get_conn_value("my_db", "team_a") == "x://own"
    assert [asked.path.split("?")[0].rstrip("/") for asked in cloud.asked] == [
        "/secrets/airflow-connections-team-a--my-db"
    ]
    assert reader.get_conn_value("my_db", "team") == "x://shared"


@pytest.mark.parametrize("setting", ["True", "False"])
def test_a_name_of_another_team_is_refused_where_there_are_teams(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", setting)
    cloud.put("airflow-variables-prod--hello", "x")
    reader = backend()
    for key in ("prod--hello", "prod__hello", "prod_-hello"):
        assert reader.get_variable(key, "dev") == (None if setting == "True" else "x"), key
    assert (cloud.count("GetSecret") == 0) == (setting == "True")


@pytest.mark.parametrize(
    "key",
    ["SomeOperator.cache_key", "../keys/k", "a/b", "a?b", "a%2fb", "é", "a\nb", "x" * 127, "../../login?x=", "a b"],
)
def test_what_cannot_be_a_name_is_none_without_a_request(
    cloud: Azure, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader = backend(on_error="stop")
    assert [reader.get_variable(key) for _ in range(3)] == [None] * 3
    (warning,) = messages(caplog)
    assert "which no secret can have" in warning
    assert cloud.log() == []


def test_a_null_prefix_asks_nothing(cloud: Azure) -> None:
    reader = backend(connections_prefix=None, variables_prefix=None, config_prefix=None)
    assert [reader.get_conn_value("a"), reader.get_variable("a"), reader.get_config("a")] == [None] * 3
    assert cloud.log() == []


# -- how many requests --------------------------------------------------------------------------------------------


def test_a_cold_process_asks_for_a_token_and_a_secret(cloud: Azure) -> None:
    """The vendor's clients first ask the vault for the resource of its tokens; in a domain of Azure that is known."""
    cloud.put("airflow-variables-hello", "world")
    cloud.put("airflow-variables-b", "c")
    reader = backend(cache_ttl=0)
    assert reader.get_variable("hello") == "world"
    assert cloud.log() == COLD
    assert (reader.get_variable("b"), reader.get_variable("hello")) == ("c", "world")
    assert backend(cache_ttl=0).get_variable("b") == "c"
    assert cloud.log() == [*COLD, *["GetSecret"] * 3]


def test_a_vault_under_another_name_is_asked_for_the_resource_of_tokens(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world")
    named = {"vault_url": cloud.url, "authority": cloud.url, "cache_ttl": 0, "on_error": "raise"}
    refused = failure(backend(**named))
    assert isinstance(refused, UnauthenticatedError)
    assert "verify_challenge_resource" in str(refused)
    assert cloud.log() == ["challenge"]
    cloud.asked.clear()
    reader = backend(**named, verify_challenge_resource=False)
    assert [reader.get_variable("hello") for _ in range(2)] == ["world"] * 2
    assert cloud.log() == ["challenge", *COLD, "GetSecret"]


def test_threads_share_one_token_and_one_read(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world")
    reader, found = backend(), []
    threads = [threading.Thread(target=lambda: found.append(reader.get_variable("hello"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["world"] * 16
    assert cloud.log() == COLD


def test_a_token_that_is_not_accepted_any_more_is_replaced_once(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world")
    reader = backend(cache_ttl=0, on_error="raise")
    reader.get_variable("hello")
    cloud.revoke_tokens()
    cloud.asked.clear()
    assert reader.get_variable("hello") == "world"
    assert cloud.log() == ["GetSecret", *COLD]
    cloud.vault_tenant = OTHER_TENANT
    cloud.asked.clear()
    error = failure(reader)
    assert (error.code, cloud.count("token")) == ("AKV10032", 1)
    failure(reader)
    assert cloud.count("token") == 1, "a third token would not help"
    assert OTHER_TENANT in str(error)


def test_a_token_is_renewed_before_it_ends(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world")
    cloud.lifetime = 2
    reader = backend(cache_ttl=0)
    reader.get_variable("hello")
    time.sleep(1.8)  # a token of 2 s is due, and still valid
    assert reader.get_variable("hello") == "world"
    assert cloud.log() == [*COLD, *COLD]


def test_no_thread_remains_after_a_lookup(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world")
    before = native_threads()
    backend().get_variable("hello")
    assert soon(lambda: native_threads() <= before)


def test_a_child_logs_in_separately(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world")
    reader = backend(cache_ttl=0)
    assert reader.get_variable("hello") == "world"
    cloud.asked.clear()
    child = os.fork()
    if child == 0:
        os._exit(0 if reader.get_variable("hello") == "world" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert cloud.log() == COLD
    assert reader.get_variable("hello") == "world"
    assert cloud.log() == [*COLD, "GetSecret"]


# -- who we are ---------------------------------------------------------------------------------------------------


def variables(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Sets environment variables."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_the_environment_may_hold_the_service_principal(cloud: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.put("airflow-variables-hello", "world")
    variables(monkeypatch, **PRINCIPAL_VARIABLES)
    assert default_backend().get_variable("hello") == "world"
    assert cloud.log() == COLD


@pytest.mark.parametrize("form", ["pkcs8", "pkcs1", "pfx"])
@pytest.mark.parametrize("place", ["options", "environment"])
def test_a_certificate_signs_the_login(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str, place: str
) -> None:
    cloud.put("airflow-variables-hello", "world")
    identity, path = new_identity(), tmp_path / f"key.{form}"
    path.write_bytes(identity.pfx(b"pass") if form == "pfx" else identity.pem(traditional=form == "pkcs1"))
    cloud.applications[CLIENT] = Application(secrets=set(), certificates=[identity])
    options: dict[str, Any] = {}
    if place == "options":
        options = {"tenant_id": TENANT, "client_id": CLIENT, "client_certificate_path": str(path)}
        options |= {"client_certificate_password": "pass"} if form == "pfx" else {}
    else:
        variables(monkeypatch, AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=CLIENT, AZURE_CLIENT_CERTIFICATE_PATH=str(path))
        if form == "pfx":
            monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PASSWORD", "pass")
    assert default_backend(**options).get_variable("hello") == "world"
    assert cloud.log() == COLD


def test_a_certificate_that_is_replaced_is_used_from_then_on(cloud: Azure, tmp_path: Path) -> None:
    cloud.put("airflow-variables-hello", "world")
    first, second, path = new_identity(), new_identity(), tmp_path / "key.pem"
    path.write_bytes(first.pem())
    application = cloud.applications[CLIENT] = Application(secrets=set(), certificates=[first])
    options = {"tenant_id": TENANT, "client_id": CLIENT, "client_certificate_path": str(path)}
    reader = default_backend(**options, cache_ttl=0)
    assert reader.get_variable("hello") == "world"
    application.certificates = [second]
    cloud.revoke_tokens()
    assert failure(reader).code == "AADSTS700027"
    (tmp_path / "new").write_bytes(second.pem())
    (tmp_path / "new").rename(path)
    assert reader.get_variable("hello") == "world"


@pytest.mark.parametrize("content", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\n", new_identity().pfx(b"other")])
def test_a_file_that_is_not_a_certificate_is_reported(cloud: Azure, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    error = failure(default_backend(tenant_id=TENANT, client_id=CLIENT, client_certificate_path=str(path)))
    assert isinstance(error, ConfigurationError)
    assert str(path) in str(error)


def test_a_workload_identity_reads_its_token_for_each_login(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud.put("airflow-variables-hello", "world")
    cloud.applications[CLIENT] = Application(secrets=set(), federated={SUBJECT})
    path = tmp_path / "token"
    path.write_text(cloud.federated_token("another"))
    variables(monkeypatch, AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=CLIENT, AZURE_FEDERATED_TOKEN_FILE=str(path))
    reader = default_backend(cache_ttl=0)
    assert failure(reader).code == "AADSTS700213"
    path.write_text(cloud.federated_token(exp=1))
    assert failure(reader).code == "AADSTS700024"
    path.write_text(cloud.federated_token() + "\n")
    assert reader.get_variable("hello") == "world"
    path.unlink()
    assert reader.get_variable("hello") == "world"


@pytest.mark.parametrize("options", [{}, {"managed_identity_client_id": MANAGED}])
def test_a_machine_has_an_identity(cloud: Azure, options: dict[str, str]) -> None:
    """``managed_identity_client_id`` without other options counts; the official class ignores it."""
    cloud.put("airflow-variables-hello", "world")
    assert default_backend(**options).get_variable("hello") == "world"
    assert cloud.log() == ["imds", "GetSecret"]
    assert ("client_id=" in cloud.asked[0].path) == bool(options)
    assert cloud.asked[1].identity == MANAGED


def test_app_service_has_an_identity(cloud: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.put("airflow-variables-hello", "world")
    variables(monkeypatch, IDENTITY_ENDPOINT=f"{cloud.proxy}/msi/token", IDENTITY_HEADER=APP_SERVICE_HEADER)
    assert default_backend().get_variable("hello") == "world"
    assert cloud.log() == ["app-service", "GetSecret"]
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    assert isinstance(failure(default_backend()), UnauthenticatedError)


def test_a_new_authority_for_app_service_is_used(cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The vault has its own authority, so the file matters only to the identity."""
    cloud.put("airflow-variables-hello", "world")
    bundle = tmp_path / "bundle.pem"
    (tmp_path / "other").mkdir()
    bundle.write_bytes(certificate(tmp_path / "other", "localhost").authority.read_bytes())
    variables(monkeypatch, IDENTITY_ENDPOINT=f"{cloud.url}/msi/token", IDENTITY_HEADER=APP_SERVICE_HEADER)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    reader = default_backend(connection_verify=str(cloud.tls.authority), cache_ttl=0)
    assert isinstance(failure(reader), UnreachableError)
    bundle.write_bytes(cloud.tls.authority.read_bytes())
    assert reader.get_variable("hello") == "world"
    assert cloud.log() == ["app-service", "GetSecret"]


@pytest.mark.parametrize(
    "named", [{"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}, {"managed_identity_client_id": MANAGED}]
)
def test_silence_is_an_outage_where_the_identity_was_named(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: dict[str, str]
) -> None:
    """The metadata service may be silent because a packet was lost, so this is temporary."""
    cloud.put("airflow-variables-hello", "world")
    for name in ("az", "azd"):
        tool(tmp_path, name, f'echo >> "{tmp_path}/{name}-ran"; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
    variables(monkeypatch, **{name: value for name, value in named.items() if name.isupper()})
    options = {name: value for name, value in named.items() if name.islower()}
    assert isinstance(failure(default_backend(**options)), UnreachableError)
    assert all(lines(tmp_path / f"{name}-ran") == len(options) for name in ("az", "azd"))


def test_silence_in_the_whole_chain_is_reported(cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool(tmp_path, "az", "exit 1")
    tool(tmp_path, "azd", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
    error = failure(default_backend())
    assert isinstance(error, UnauthenticatedError)
    assert "its metadata service was silent" in str(error)


def lines(file: Path) -> int:
    """How often a program has added a line to the file."""
    return len(file.read_text().splitlines()) if file.exists() else 0


def tool(folder: Path, name: str, code: str) -> None:
    """A program that is found before any other of that name."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize("name", ["az", "azd"])
def test_a_users_login_is_tried_last(cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    cloud.put("airflow-variables-hello", "world")
    cloud.machine = ""
    token = cloud.token(CLIENT, TENANT, "https://vault.azure.net")
    end = int(time.time()) + 3600
    answers = {
        "az": {"accessToken": token, "expires_on": end, "tokenType": "Bearer"},
        "azd": {"token": token, "expiresOn": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))},
    }
    (tmp_path / "answer").write_text(json.dumps(answers[name]))
    tool(tmp_path, name, f'echo "$@" > "{tmp_path}/asked"; cat "{tmp_path}/answer"')
    if name == "azd":
        tool(tmp_path, "az", "echo canary >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    reader = default_backend(cache_ttl=0)
    assert [reader.get_variable("hello") for _ in range(2)] == ["world"] * 2
    assert cloud.log() == ["imds", "GetSecret", "GetSecret"]
    assert "https://vault.azure.net/.default" in (tmp_path / "asked").read_text()


def answer_of_az(cloud: Azure) -> str:
    """What the tool prints for a user who is logged in."""
    token = cloud.token(CLIENT, TENANT, "https://vault.azure.net")
    return json.dumps({"accessToken": token, "expires_on": int(time.time()) + 3600, "tokenType": "Bearer"})


def test_many_lookups_without_credentials_ask_once(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud.put("airflow-variables-hello", "world")
    cloud.machine = ""
    for name in ("az", "azd"):
        tool(tmp_path, name, f'echo >> "{tmp_path}/{name}-ran"; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    reader = default_backend(cache_ttl=0, cache_negative_ttl=0)
    start = time.monotonic()
    for number in range(10):
        with pytest.raises(UnauthenticatedError):
            reader.get_variable(f"hello{number}")
    asked = [lines(tmp_path / "az-ran"), lines(tmp_path / "azd-ran"), cloud.count("imds")]
    # Once on a machine that makes ten lookups in five seconds; a slow machine asks again.
    most = 1 + int((time.monotonic() - start) / 5)
    assert all(1 <= count <= most for count in asked), asked
    child = os.fork()
    if child == 0:
        failure(reader)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert [lines(tmp_path / "az-ran"), cloud.count("imds")] == [asked[0] + 1, asked[2] + 1], (
        "a child starts without the parent's result"
    )
    (tmp_path / "answer").write_text(answer_of_az(cloud))
    tool(tmp_path, "az", f'cat "{tmp_path}/answer"')
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            assert reader.get_variable("hello") == "world"
            break
        except UnauthenticatedError:
            time.sleep(0.2)
    assert reader.get_variable("hello") == "world", "a new login is noticed"


def test_a_tool_ends_with_the_lookup(cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Along with every process that it started: the shell that starts it is not the one that hangs."""
    tool(tmp_path, "az", f'echo >> "{tmp_path}/ran"; sleep 600 & (sleep 600; :); :')
    variables(monkeypatch, PATH=f"{tmp_path}:{os.environ['PATH']}", AZURE_TOKEN_CREDENTIALS="AzureCliCredential")
    assert isinstance(failure(default_backend(timeout=2)), LookupTimeoutError)
    assert dead_children() == 0
    assert none_lives("AZURE_CONFIG_DIR", str(tmp_path))
    assert lines(tmp_path / "ran") == 1


class InterruptedByTest(BaseException):
    """What the signal handler raises."""


def test_a_tool_ends_with_a_lookup_that_a_signal_ends(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool(tmp_path, "az", f'echo >> "{tmp_path}/ran"; sleep 600; :')
    variables(monkeypatch, PATH=f"{tmp_path}:{os.environ['PATH']}", AZURE_TOKEN_CREDENTIALS="AzureCliCredential")

    def interrupt(*_: object) -> None:
        if (tmp_path / "ran").exists():
            raise InterruptedByTest

    former = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(InterruptedByTest):
            default_backend(timeout=60).get_variable("hello")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert dead_children() == 0
    assert none_lives("AZURE_CONFIG_DIR", str(tmp_path))


def test_a_slow_tool_is_waited_for_by_each_attempt(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud.put("airflow-variables-hello", "world")
    (tmp_path / "answer").write_text(answer_of_az(cloud))
    tool(tmp_path, "az", f'echo >> "{tmp_path}/ran"; sleep 5; cat "{tmp_path}/answer"')
    variables(monkeypatch, PATH=f"{tmp_path}:{os.environ['PATH']}", AZURE_TOKEN_CREDENTIALS="AzureCliCredential")
    assert default_backend(timeout=8, max_attempts=4).get_variable("hello") == "world"
    assert lines(tmp_path / "ran") == 1
    assert dead_children() == 0


def test_without_a_token_each_source_says_why(cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cloud.machine = ""
    tool(tmp_path, "az", "echo canary >&2; exit 3")
    tool(tmp_path, "azd", "exit 127")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    error = failure(default_backend())
    assert isinstance(error, UnauthenticatedError)
    text = str(error)
    for part in ("EnvironmentCredential", "AZURE_FEDERATED_TOKEN_FILE", "HTTP 400", "exit status 3", "`azd` on PATH"):
        assert part in text, text
    assert "canary" not in text


@pytest.mark.parametrize(
    ("word", "asked"),
    [("prod", ["imds"]), ("ManagedIdentityCredential", ["imds"]), ("EnvironmentCredential", []), ("dev", [])],
)
def test_a_variable_chooses_among_the_places(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, word: str, asked: list[str]
) -> None:
    cloud.machine = ""
    for name in ("az", "azd"):
        tool(tmp_path, name, f'echo >> "{tmp_path}/ran"; exit 1')
    variables(monkeypatch, PATH=f"{tmp_path}:{os.environ['PATH']}", AZURE_TOKEN_CREDENTIALS=word)
    failure(default_backend())
    assert cloud.log() == asked
    assert (tmp_path / "ran").exists() == (word == "dev")


def test_a_place_that_fails_is_not_covered_up_by_another(cloud: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    variables(monkeypatch, **{**PRINCIPAL_VARIABLES, "AZURE_CLIENT_SECRET": "wrong"})
    assert failure(default_backend()).code == "AADSTS7000215"
    assert cloud.log() == ["token"]


def test_half_a_service_principal_is_reported_and_not_used(cloud: Azure, caplog: pytest.LogCaptureFixture) -> None:
    cloud.put("airflow-variables-hello", "world")
    assert default_backend(tenant_id=TENANT, client_id=CLIENT).get_variable("hello") == "world"
    assert cloud.log() == ["imds", "GetSecret"]
    assert any("not all there" in text for text in messages(caplog))


def test_a_sovereign_cloud_has_its_own_login(cloud: Azure) -> None:
    """The double has certificates for the public cloud's names only, so verification fails and nothing is sent."""
    error = failure(backend(vault_url="https://reader.vault.azure.cn", on_error="raise", max_attempts=1))
    assert isinstance(error, UnreachableError)
    assert cloud.log() == []


# -- what goes wrong ----------------------------------------------------------------------------------------------


LOGINS: list[tuple[Callable[[Azure], object], dict[str, str], str, str]] = [
    (lambda _: None, {"client_secret": "wrong"}, "AADSTS7000215", "client secret is wrong"),
    (lambda cloud: cloud.applications[CLIENT].expired.add(SECRET), {}, "AADSTS7000222", "has expired"),
    (lambda _: None, {"tenant_id": "no-such-tenant"}, "AADSTS90002", "no such tenant"),
    (lambda _: None, {"tenant_id": OTHER_TENANT}, "AADSTS700016", "no application"),
]


@pytest.mark.parametrize(("change", "options", "code", "hint"), LOGINS, ids=[case[2] for case in LOGINS])
def test_a_login_that_fails_says_what_to_do(
    cloud: Azure, change: Callable[[Azure], object], options: dict[str, str], code: str, hint: str
) -> None:
    change(cloud)
    error = failure(backend(**options, on_error="raise"))
    assert (type(error), error.code) == (UnauthenticatedError, code)
    assert hint in str(error)
    assert "made-up" not in str(error)
    assert cloud.log() == ["token"]


DENIALS = {
    "ForbiddenByRbac": "Key Vault Secrets User",
    "AccessDenied": "secret permission `get`",
    "ForbiddenByPolicy": "secret permission `get`",
}


@pytest.mark.parametrize("code", DENIALS)
def test_a_missing_permission_names_it(cloud: Azure, code: str) -> None:
    cloud.put("airflow-variables-hello", "world")
    cloud.applications[CLIENT].permissions, cloud.denial = set(), code
    error = failure(backend(on_error="raise"))
    assert (type(error), error.code) == (AccessDeniedError, code)
    assert DENIALS[code] in str(error)


def test_firewall_and_disabled_secret_are_distinguished(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world", enabled=False)
    reader = backend(on_error="raise", cache_ttl=0)
    disabled = failure(reader)
    cloud.firewall = True
    walled = failure(reader)
    assert [disabled.code, walled.code] == ["SecretDisabled", "ForbiddenByFirewall"]
    assert "--enabled true" in str(disabled)
    assert "firewall of reader.vault.azure.net" in str(walled)


def test_a_deleted_secret_is_absent_and_an_expired_one_is_not(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world", exp=1)
    reader = backend(on_error="raise", cache_ttl=0)
    assert reader.get_variable("hello") == "world"
    cloud.deleted["airflow-variables-hello"] = cloud.secrets.pop("airflow-variables-hello")
    assert reader.get_variable("hello") is None


def test_a_vault_that_throttles_says_when_to_retry(cloud: Azure) -> None:
    cloud.vault_fault = vault_error(429, "Throttled", Retry_After="7")
    error = failure(backend(on_error="raise", max_attempts=1))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 7


def test_a_404_of_another_service_is_reported(cloud: Azure, caplog: pytest.LogCaptureFixture) -> None:
    """The official class treats any 404 as absent; the result is the same here, with a warning."""
    cloud.vault_fault = (404, {}, b"<html>")
    assert isinstance(failure(backend(on_error="raise")), MalformedSecretError)
    caplog.clear()
    assert backend().get_variable("hello") is None
    (warning,) = messages(caplog)
    assert "something else than Key Vault" in warning


def test_an_outage_of_the_login_is_temporary(cloud: Azure) -> None:
    cloud.login_fault = login_error(400, "temporarily_unavailable", 90033)
    error = failure(backend(on_error="raise", max_attempts=2))
    assert isinstance(error, UnreachableError)
    assert cloud.log() == ["token", "token"]


@pytest.mark.parametrize("url", ["", "http://reader.vault.azure.net", "reader.vault.azure.net", "https://u:p@host"])
def test_a_vault_is_an_https_address(cloud: Azure, url: str) -> None:
    assert isinstance(failure(backend(vault_url=url, on_error="raise")), ConfigurationError)
    assert cloud.log() == []


def test_an_unknown_version_of_the_interface_is_refused(cloud: Azure) -> None:
    cloud.put("airflow-variables-hello", "world")
    assert backend(api_version="7.6").get_variable("hello") == "world"
    assert failure(backend(api_version="0.1", on_error="raise")).code == "BadParameter"


def test_no_credentials_are_shown(cloud: Azure, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    cloud.put("airflow-variables-hello", "canary-value")
    reader = backend(cache_ttl=0)
    reader.get_variable("hello")
    cloud.vault_fault = vault_error(403, "Forbidden")
    error = failure(backend(on_error="raise"))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("strongroom")]
    shown = f"{ours} {error!r} {vars(error)} {reader!r} {vars(reader)}"
    assert "canary" not in shown
    assert SECRET not in shown
    assert "eyJ" not in shown


# -- several at once ----------------------------------------------------------------------------------------------


def test_names_are_listed_page_by_page_and_only_those_of_the_prefix_are_read(cloud: Azure) -> None:
    for number in range(40):
        cloud.put(f"airflow-variables-n{number:02}", str(number))
        cloud.put(f"other-{number:02}", "x")
    cloud.put("airflow-variables-off", "x", enabled=False)
    reader = backend(prefetch={"variables": ["*"]})
    found = [reader.get_variable(f"n{number:02}") for number in range(40)]
    assert found == [str(number) for number in range(40)]
    assert cloud.count("GetSecrets") == 4
    assert cloud.count("GetSecret") == 40
    assert cloud.count("token") == 1


def test_a_page_that_leads_to_another_host_is_not_followed(cloud: Azure) -> None:
    for number in range(40):
        cloud.put(f"airflow-variables-n{number:02}", str(number))
    cloud.link_elsewhere = True
    assert backend(prefetch={"variables": ["*"]}).get_variable("n00") == "0"
    assert {asked.host for asked in cloud.asked} == {"reader.vault.azure.net", "login.microsoftonline.com"}
