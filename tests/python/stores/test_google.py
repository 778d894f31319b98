"""Google Secret Manager: what only this store has, and the cases of the official class's own tests, rewritten."""

from __future__ import annotations

import json
import logging
import multiprocessing
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import strongroom
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    LookupTimeoutError,
    MalformedSecretError,
    StrongroomError,
    UnauthenticatedError,
    UnreachableError,
    UnsupportedOperationError,
)
from strongroom.google import CloudSecretManagerBackend
from tests.python.processes import dead_children, none_lives
from tests.python.stores.doubles import native_threads
from tests.servers.aws import clear_environment
from tests.servers.google import (
    MACHINE,
    PROJECT,
    PROJECT_OF_MACHINE,
    READER,
    SUBJECT_TOKEN,
    GoogleServer,
    api_error,
)

TARGET = f"target@{PROJECT}.iam.gserviceaccount.com"
BETWEEN = f"between@{PROJECT}.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b"
VALUE = "postgres://u:p%40ss@h:5432/db"


@pytest.fixture
def server(google_server: GoogleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GoogleServer:
    """The double with one secret of each kind, and no credentials of the caller's."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    google_server.reset()
    for kind in ("connections", "variables", "config"):
        google_server.put(f"airflow-{kind}-hello", VALUE)
    google_server.log()
    return google_server


def backend(server: GoogleServer, **options: Any) -> CloudSecretManagerBackend:
    """A backend without a cache, with the reader's key unless ``options`` name other credentials."""
    sources = {"gcp_key_path", "gcp_keyfile_dict", "gcp_credential_config_file", "anonymous"}
    own = {} if sources & options.keys() else {"gcp_keyfile_dict": server.key}
    usual: dict[str, Any] = {"endpoint_url": server.url, "iam_endpoint_url": server.url, "cache_ttl": 0}
    usual |= {"cache_negative_ttl": 0, "on_error": "raise", "max_attempts": 1}
    return CloudSecretManagerBackend(**{**own, **usual, **options})


def default(server: GoogleServer, **options: Any) -> CloudSecretManagerBackend:
    """The same with application default credentials."""
    return backend(server, gcp_keyfile_dict=None, **options)


def saved(folder: Path, content: Any) -> str:
    """A file of credentials."""
    path = folder / "credentials.json"
    path.write_text(json.dumps(content))
    return str(path)


def person(server: GoogleServer) -> dict[str, Any]:
    """A user's login as gcloud saves it."""
    return {
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "client-secret",
        "refresh_token": "person@example.com refresh",
        "token_uri": f"{server.url}/token",
    }


def federated(server: GoogleServer, source: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Workload identity federation."""
    return {
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{server.url}/sts",
        "credential_source": source,
        **more,
    }


def impersonation_url(server: GoogleServer, account: str = TARGET) -> str:
    """The address at which an account is impersonated."""
    return f"{server.url}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"


# Requests.


def test_a_warm_read_is_one_request(server: GoogleServer) -> None:
    found = backend(server)
    for _ in range(2):
        assert found.get_conn_value("hello") == VALUE
        assert server.places() == ["access"]


@pytest.mark.parametrize("kind", ["person", "metadata"])
def test_a_cold_read_is_two_requests_and_a_warm_one_is_one(
    server: GoogleServer, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if kind == "person":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", saved(tmp_path, person(server)))
    else:
        monkeypatch.setenv("GCE_METADATA_HOST", server.url.removeprefix("http://"))
    found = default(server, project_id=PROJECT)
    assert found.get_variable("hello") == VALUE
    assert server.places() == ["token" if kind == "person" else "metadata", "access"]
    assert found.get_variable("hello") == VALUE
    assert server.places() == ["access"]


def test_the_constructor_makes_no_request(server: GoogleServer) -> None:
    backend(server)
    default(server, gcp_credential_config_file="/nonexistent.json")
    assert server.places() == []


def test_many_threads_ask_for_one_token(server: GoogleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", saved(tmp_path, person(server)))
    found, answers = default(server, project_id=PROJECT), []
    threads = [threading.Thread(target=lambda: answers.append(found.get_variable("hello"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [VALUE] * 16
    assert server.places().count("token") == 1


# Credentials.


def test_a_key_file_signs_its_own_tokens(server: GoogleServer, tmp_path: Path) -> None:
    found = backend(server, gcp_key_path=saved(tmp_path, server.key))
    assert found.get_variable("hello") == VALUE
    assert server.places() == ["access"]


@pytest.mark.parametrize("scopes", ["https://www.googleapis.com/auth/cloud-platform", ["a", "b"], "a , b"])
def test_scopes_are_read_as_intended(server: GoogleServer, scopes: Any) -> None:
    found = backend(server, gcp_scopes=scopes)
    if "cloud-platform" in scopes:
        assert found.get_variable("hello") == VALUE
    else:
        # The token contains neither the service nor the scope that it is valid for.
        with pytest.raises(UnauthenticatedError):
            found.get_variable("hello")


def test_a_key_may_come_as_text_and_with_line_breaks_written_out(server: GoogleServer) -> None:
    written = {**server.key, "private_key": server.key["private_key"].replace("\n", "\\n")}
    for form in (written, json.dumps(written), json.dumps(server.key)):
        assert backend(server, gcp_keyfile_dict=form).get_variable("hello") == VALUE


def test_an_anonymous_request_has_no_token(server: GoogleServer) -> None:
    with pytest.raises(AccessDeniedError):
        backend(server, anonymous=True, project_id=PROJECT).get_variable("hello")
    assert server.places() == ["access"]


def test_the_file_of_gcloud(server: GoogleServer, tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "gcloud"
    (folder / "configurations").mkdir(parents=True)
    (folder / "application_default_credentials.json").write_text(json.dumps(person(server)))
    (folder / "configurations" / "config_default").write_text(f"[core]\nproject = {PROJECT}\n")
    assert default(server).get_variable("hello") == VALUE


def test_the_metadata_server(server: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", server.url.removeprefix("http://"))
    server.put("airflow-variables-here", VALUE, f"projects/{PROJECT_OF_MACHINE}")
    found = default(server)
    assert found.get_variable("here") == VALUE
    assert server.places() == ["metadata", "metadata", "access"]
    server.set(denied=[MACHINE])
    with pytest.raises(AccessDeniedError):
        found.get_variable("here")


def test_each_type_of_file(server: GoogleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    subject, fields = tmp_path / "subject", tmp_path / "fields"
    subject.write_text(f"{SUBJECT_TOKEN}\n")
    fields.write_text(json.dumps({"token": SUBJECT_TOKEN}))
    program = tmp_path / "program.py"
    answer = {"version": 1, "success": True, "id_token": SUBJECT_TOKEN, "token_type": "urn:x"}
    program.write_text(
        f"import os; assert os.environ['GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE']; print({json.dumps(answer)!r})"
    )
    form = {"type": "json", "subject_token_field_name": "token"}
    command = {"command": f"{sys.executable} '{program}'", "timeout_millis": 20000}
    server.set(creators=[["person@example.com", TARGET], [f"principal:{POOL}", TARGET], [READER, TARGET]])
    impersonated = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": impersonation_url(server),
    }
    cases: dict[str, tuple[dict[str, Any], list[str]]] = {
        "key": (server.key, []),
        "person": (person(server), ["token"]),
        "file": (federated(server, {"file": str(subject)}), ["sts"]),
        "file with fields": (federated(server, {"file": str(fields), "format": form}), ["sts"]),
        "address": (federated(server, {"url": f"{server.url}/subject"}), ["subject", "sts"]),
        "program": (federated(server, {"executable": command}), ["sts"]),
        "federation that impersonates": (
            federated(
                server,
                {"file": str(subject)},
                service_account_impersonation_url=impersonation_url(server),
            ),
            ["sts", "iam"],
        ),
        "person who impersonates": ({**impersonated, "source_credentials": person(server)}, ["token", "iam"]),
        "key that impersonates": ({**impersonated, "source_credentials": server.key}, ["iam"]),
    }
    monkeypatch.setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1")
    server.log()
    for label, (content, logins) in cases.items():
        path = saved(tmp_path, content)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
        forms: list[dict[str, Any]] = [
            {},
            {"gcp_credential_config_file": path},
            {"gcp_credential_config_file": content},
        ]
        for options in forms:
            found = default(server, project_id=PROJECT, **options)
            assert found.get_variable("hello") == VALUE, label
            assert server.places() == [*logins, "access"], label
            assert found.get_variable("hello") == VALUE
            assert server.places() == ["access"], label


def test_a_chain_of_accounts(server: GoogleServer) -> None:
    server.set(creators=[[READER, BETWEEN], [BETWEEN, TARGET]], denied=[READER])
    found = backend(server, impersonation_chain=[BETWEEN, TARGET])
    assert found.get_variable("hello") == VALUE
    assert server.places() == ["iam", "access"]
    with pytest.raises(AccessDeniedError, match="serviceAccountTokenCreator") as caught:
        backend(server, impersonation_chain=TARGET).get_variable("hello")
    assert TARGET in str(caught.value)


def test_the_project_of_the_chain_takes_precedence_over_that_of_the_key(server: GoogleServer) -> None:
    other = "target@other.iam.gserviceaccount.com"
    server.set(creators=[[READER, other]])
    server.put("airflow-variables-hello", "of the other", "projects/other")
    assert backend(server, impersonation_chain=other).get_variable("hello") == "of the other"
    assert backend(server, impersonation_chain=other, project_id=PROJECT).get_variable("hello") == VALUE


def test_programs_have_to_be_allowed(server: GoogleServer, tmp_path: Path) -> None:
    content = federated(server, {"executable": {"command": f"touch {tmp_path / 'ran'}"}})
    with pytest.raises(ConfigurationError, match="ALLOW_EXECUTABLES"):
        backend(server, gcp_credential_config_file=content).get_variable("hello")
    assert not (tmp_path / "ran").exists()


def test_an_unsupported_login_is_an_error(server: GoogleServer) -> None:
    content = federated(server, {"environment_id": "aws1", "url": "http://127.0.0.1:1"})
    with pytest.raises(UnsupportedOperationError):
        backend(server, gcp_credential_config_file=content).get_variable("hello")


def test_a_login_that_ended_is_an_error_and_is_not_remembered(server: GoogleServer, tmp_path: Path) -> None:
    content = {**person(server), "refresh_token": "ended"}
    path = saved(tmp_path, content)
    found = backend(server, gcp_credential_config_file=path, project_id=PROJECT)
    for _ in range(2):
        with pytest.raises(UnauthenticatedError, match="gcloud auth application-default login") as caught:
            found.get_variable("hello")
        assert caught.value.code == "invalid_grant"
    # The user logs in again: the file changes, and the next read uses it.
    saved(tmp_path, person(server))
    assert found.get_variable("hello") == VALUE


def test_a_token_endpoint_that_fails_for_a_moment(server: GoogleServer, tmp_path: Path) -> None:
    path = saved(tmp_path, person(server))
    server.fail("token", 503, {"error": "internal_failure"})
    found = backend(server, gcp_credential_config_file=path, project_id=PROJECT)
    with pytest.raises(UnreachableError):
        found.get_variable("hello")
    server.heal()
    assert found.get_variable("hello") == VALUE


def test_a_revoked_token_is_replaced_within_the_lookup(server: GoogleServer, tmp_path: Path) -> None:
    found = backend(server, gcp_credential_config_file=saved(tmp_path, person(server)), project_id=PROJECT)
    assert found.get_variable("hello") == VALUE
    server.order("revoke")
    server.log()
    assert found.get_variable("hello") == VALUE
    assert server.places() == ["access", "token", "access"]


def test_an_identity_that_is_not_accepted_costs_one_more_token(server: GoogleServer, tmp_path: Path) -> None:
    found = backend(server, gcp_credential_config_file=saved(tmp_path, person(server)), project_id=PROJECT)
    server.fail("access", 401, api_error(401, "UNAUTHENTICATED"))
    with pytest.raises(UnauthenticatedError):
        found.get_variable("hello")
    assert server.places() == ["token", "access", "token", "access"]
    with pytest.raises(UnauthenticatedError):
        found.get_variable("hello")
    assert server.places() == ["access"], "a third token would not help"


def test_a_token_endpoint_that_fails_after_a_refusal_is_an_outage(server: GoogleServer, tmp_path: Path) -> None:
    found = backend(server, gcp_credential_config_file=saved(tmp_path, person(server)), project_id=PROJECT)
    assert found.get_variable("hello") == VALUE
    server.order("revoke")
    server.fail("token", 503, {"error": "internal_failure"})
    with pytest.raises(UnreachableError):
        found.get_variable("hello")
    server.heal()
    assert found.get_variable("hello") == VALUE


def test_a_revoked_token_of_the_impersonating_account_is_replaced(server: GoogleServer, tmp_path: Path) -> None:
    server.set(creators=[["person@example.com", TARGET]])
    path = saved(tmp_path, person(server))
    found = backend(server, gcp_credential_config_file=path, impersonation_chain=TARGET, project_id=PROJECT)
    assert found.get_variable("hello") == VALUE
    server.order("revoke")
    server.log()
    assert found.get_variable("hello") == VALUE
    assert server.places() == ["access", "iam", "token", "iam", "access"]


def test_a_program_ends_with_the_lookup(server: GoogleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho >> "{tmp_path}/ran"\nsleep 600 & sleep 600; :\n')
    program.chmod(0o700)
    monkeypatch.setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    content = federated(server, {"executable": {"command": str(program), "timeout_millis": 60000}})
    found = default(server, gcp_credential_config_file=content, project_id=PROJECT, timeout=2, max_attempts=2)
    with pytest.raises(LookupTimeoutError):
        found.get_variable("hello")
    assert dead_children() == 0
    assert none_lives("CLOUDSDK_CONFIG", str(tmp_path))
    assert (tmp_path / "ran").read_text() == "\n"


def test_a_token_is_renewed_before_it_ends(server: GoogleServer, tmp_path: Path) -> None:
    """A token is used for four fifths of its lifetime of one second: each read below comes after that."""
    server.set(lifetime=1)
    found = backend(server, gcp_credential_config_file=saved(tmp_path, person(server)), project_id=PROJECT)
    for _ in range(2):
        assert found.get_variable("hello") == VALUE
        threading.Event().wait(1.1)
    assert server.places() == ["token", "access", "token", "access"]


def test_without_credentials_the_ways_are_named(server: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    with pytest.raises(UnreachableError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        default(server, project_id=PROJECT).get_variable("hello")


def test_the_metadata_server_can_be_switched_off(server: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", server.url.removeprefix("http://"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(UnauthenticatedError, match="NO_GCE_CHECK"):
        default(server, project_id=PROJECT).get_variable("hello")
    assert server.places() == []
    monkeypatch.setenv("NO_GCE_CHECK", "True")
    assert default(server, project_id=PROJECT).get_variable("hello") == VALUE
    assert server.places() == ["metadata", "access"]


def test_another_service_in_place_of_the_metadata_server(server: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that answers every host name with its own page receives no credentials and supplies none."""
    server.fail("metadata", 404, {"error": "not_found"})
    monkeypatch.setenv("GCE_METADATA_HOST", server.url.removeprefix("http://"))
    with pytest.raises(UnauthenticatedError):
        default(server, project_id=PROJECT).get_variable("hello")


# Processes.


def in_child(found: CloudSecretManagerBackend, results: Any) -> None:
    """What a child gets, and how many threads of ours remain in it."""
    results.put((found.get_variable("hello"), native_threads()))


@pytest.mark.parametrize("kind", ["key", "person"])
def test_a_child_requests_its_own_tokens(server: GoogleServer, kind: str, tmp_path: Path) -> None:
    content = server.key if kind == "key" else person(server)
    found = backend(server, gcp_credential_config_file=saved(tmp_path, content), project_id=PROJECT)
    assert found.get_variable("hello") == VALUE
    before = native_threads()
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        results = context.SimpleQueue()
        child = context.Process(target=in_child, args=(found, results))
        child.start()
        value, left = results.get()
        child.join(30)
        assert (child.exitcode, value, left) == (0, VALUE, 0)
    assert found.get_variable("hello") == VALUE
    assert native_threads() == before
    assert server.places().count("token") == (4 if kind == "person" else 0)


# Values and errors.


def test_the_newest_version_counts_whatever_its_state(server: GoogleServer) -> None:
    server.put("airflow-variables-hello", "newer")
    assert backend(server).get_variable("hello") == "newer"
    server.put("airflow-variables-hello", "newest", state="DISABLED")
    with pytest.raises(MalformedSecretError, match="gcloud secrets versions enable") as caught:
        backend(server, on_error="official").get_variable("hello")
    assert caught.value.code == "FAILED_PRECONDITION"


def test_a_damaged_value_is_never_returned(server: GoogleServer) -> None:
    server.put("airflow-variables-hello", "damaged-value", damaged=True)
    with pytest.raises(MalformedSecretError, match="checksum") as caught:
        backend(server, max_attempts=3).get_variable("hello")
    assert server.places() == ["access"] * 3
    assert "damaged-value" not in str(caught.value)


def test_a_value_that_is_not_text(server: GoogleServer) -> None:
    server.put("airflow-variables-hello", b"\xff\xfe")
    with pytest.raises(MalformedSecretError, match="UTF-8"):
        backend(server).get_variable("hello")


def test_a_value_is_unchanged(server: GoogleServer) -> None:
    server.put("airflow-variables-hello", " world\n")
    assert backend(server).get_variable("hello") == " world\n"


@pytest.mark.parametrize(
    ("status", "code", "reason", "words"),
    [
        (403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED", "roles/secretmanager.secretAccessor"),
        (403, "PERMISSION_DENIED", "SERVICE_DISABLED", "gcloud services enable"),
        (403, "PERMISSION_DENIED", "CONSUMER_INVALID", "correct `project_id`"),
        (400, "INVALID_ARGUMENT", "", "letters, digits"),
    ],
)
def test_errors_that_the_official_class_turns_into_none(
    server: GoogleServer, status: int, code: str, reason: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.fail("access", status, api_error(status, code, reason))
    with pytest.raises(StrongroomError, match=words):
        backend(server).get_conn_value("hello")
    caplog.clear()
    assert backend(server, on_error="official").get_conn_value("hello") is None
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert words in warning.getMessage()


def test_a_disabled_api_names_the_command(server: GoogleServer) -> None:
    server.set(disabled_projects=[PROJECT])
    with pytest.raises(AccessDeniedError, match=r"secretmanager\.googleapis\.com --project") as caught:
        backend(server).get_variable("hello")
    assert caught.value.code == "SERVICE_DISABLED"


def test_an_id_that_no_secret_can_have_is_not_asked_for(server: GoogleServer, caplog: pytest.LogCaptureFixture) -> None:
    found = backend(server)
    for _ in range(2):
        assert found.get_variable("a.b") is None
    assert server.places() == []
    assert [record.levelname for record in caplog.records if "airflow-variables-a.b" in record.getMessage()] == [
        "WARNING"
    ]


def test_a_pattern_suppresses_the_warning(server: GoogleServer, caplog: pytest.LogCaptureFixture) -> None:
    assert backend(server, variables_lookup_pattern="[a-z]+$").get_variable("a.b") is None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# Names: the cases of the official class's own tests, rewritten.


@pytest.mark.parametrize("prefix", ["airflow-connections", "connections", "airflow"])
def test_a_connection_below_each_prefix(server: GoogleServer, prefix: str) -> None:
    server.put(f"{prefix}-test-postgres", VALUE)
    assert backend(server, connections_prefix=prefix).get_conn_value("test-postgres") == VALUE


def test_an_absent_secret(server: GoogleServer) -> None:
    found = backend(server)
    assert (found.get_conn_value("nothing"), found.get_variable("nothing"), found.get_config("nothing")) == (None,) * 3


def test_the_project_of_the_option_takes_precedence_over_that_of_the_key(server: GoogleServer) -> None:
    server.put("airflow-variables-hello", "of the other", "projects/other")
    assert backend(server, project_id="other").get_variable("hello") == "of the other"


@pytest.mark.parametrize(("prefix", "sep"), [("not:valid", "-"), ("not/valid", "-"), ("a", ":"), ("a", " ")])
def test_a_prefix_that_no_name_can_have(server: GoogleServer, prefix: str, sep: str) -> None:
    with pytest.raises(ConfigurationError, match="connections_prefix"):
        backend(server, connections_prefix=prefix, sep=sep)


@pytest.mark.parametrize("kind", ["connections", "variables", "config"])
def test_a_prefix_of_null_switches_a_kind_off(server: GoogleServer, kind: str) -> None:
    found = backend(server, **{f"{kind}_prefix": None})
    getters: dict[str, Any] = {
        "connections": found.get_conn_value,
        "variables": found.get_variable,
        "config": found.get_config,
    }
    assert getters[kind]("hello") is None
    assert server.places() == []


def test_no_project_is_an_error(server: GoogleServer, tmp_path: Path) -> None:
    key = {name: value for name, value in server.key.items() if name != "project_id"}
    with pytest.raises(ConfigurationError, match="project_id"):
        backend(server, gcp_keyfile_dict=key)
    assert backend(server, gcp_keyfile_dict=key, project_id=PROJECT).get_variable("hello") == VALUE
    with pytest.raises(ConfigurationError, match="project_id"):
        backend(server, gcp_key_path=saved(tmp_path, key)).get_variable("hello")


def test_names_of_teams(server: GoogleServer) -> None:
    server.put("airflow-variables-blue--mine", "of blue")
    found = backend(server)
    assert found.get_variable("mine", "blue") == "of blue"
    assert found.get_variable("mine", "red") is None
    assert found.get_variable("hello", "red") == VALUE
    assert [request["path"].split("/secrets/")[1].split("/")[0] for request in server.log()][-2:] == [
        "airflow-variables-red--hello",
        "airflow-variables-hello",
    ]


def test_a_regional_secret(server: GoogleServer) -> None:
    server.put("airflow-variables-hello", "regional", f"projects/{PROJECT}/locations/europe-west1")
    assert backend(server, location="europe-west1").get_variable("hello") == "regional"


# Listing.


def test_a_prefetch_lists_and_reads(server: GoogleServer) -> None:
    for number in range(12):
        server.put(f"airflow-variables-many-{number}", str(number))
    server.put("airflow-variables-x-many-1", "another")
    found = backend(server, prefetch={"variables": ["many-*"]}, cache_ttl="60s")
    assert found.get_variable("many-7") == "7"
    places = server.places()
    assert (places.count("list"), places.count("access")) == (1, 12)
    assert found.get_variable("many-11") == "11"
    assert server.places() == []


def test_the_store_describes_its_capabilities() -> None:
    (store,) = [store for store in strongroom.stores() if store["name"] == "google_secret_manager"]
    assert store["python_class"] == "strongroom.google.CloudSecretManagerBackend"
