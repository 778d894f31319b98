"""Google Secret Manager: an identity with roles on single secrets, key files with odd types, and token endpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import AccessDeniedError, ConfigurationError, UnsupportedOperationError
from strongroom.google import CloudSecretManagerBackend
from tests.python.backends import messages
from tests.servers.aws import clear_environment
from tests.servers.google import PROJECT, READER, GoogleServer

TARGET = f"target@{PROJECT}.iam.gserviceaccount.com"


@pytest.fixture
def server(google_server: GoogleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GoogleServer:
    """The double with one shared secret, the only one on which the reader has a role."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    google_server.reset()
    google_server.put("airflow-variables-hello", "shared")
    google_server.set(bound={READER: [f"projects/{PROJECT}/secrets/airflow-variables-hello"]})
    return google_server


def backend(server: GoogleServer, **options: Any) -> CloudSecretManagerBackend:
    """A backend that makes one attempt, with the reader's key unless ``options`` name other credentials."""
    own = {} if options.keys() & {"gcp_key_path", "gcp_credential_config_file"} else {"gcp_keyfile_dict": server.key}
    usual = {"endpoint_url": server.url, "iam_endpoint_url": server.url, "max_attempts": 1, "project_id": PROJECT}
    return CloudSecretManagerBackend(**{**usual, **own, **options})


def asked(server: GoogleServer) -> list[str]:
    """The secrets that were requested since this was last called."""
    paths = [call["path"] for call in server.log() if call["place"] == "access"]
    return [path.split("/secrets/")[1].split("/")[0] for path in paths]


@pytest.mark.parametrize("policy", ["official", "miss"])
def test_a_denied_name_of_a_team_leads_to_the_shared_name(
    server: GoogleServer, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One WARNING a minute names both; the denial is not cached, so a new role takes effect at the next lookup."""
    reader = backend(server, on_error=policy)
    assert reader.get_variable("hello", team_name="blue") == "shared"
    assert asked(server) == ["airflow-variables-blue--hello", "airflow-variables-hello"]
    (logged,) = messages(caplog)
    assert "`airflow-variables-blue--hello` was denied" in logged
    assert "The shared name `airflow-variables-hello` answers instead" in logged
    assert "names that do not exist" in logged
    assert reader.get_variable("hello", team_name="blue") == "shared"
    assert asked(server) == ["airflow-variables-blue--hello"], "the shared value is cached, the denial is not"
    assert len(messages(caplog)) == 1
    server.put("airflow-variables-blue--hello", "of the team")
    server.set(bound={})
    assert reader.get_variable("hello", team_name="blue") == "of the team"


def test_none_where_both_are_denied(server: GoogleServer, caplog: pytest.LogCaptureFixture) -> None:
    assert backend(server).get_variable("other", team_name="blue") is None
    assert asked(server) == ["airflow-variables-blue--other", "airflow-variables-other"]
    (logged,) = messages(caplog)
    assert logged.endswith("Returning None.")
    assert "roles on single secrets" in logged


@pytest.mark.parametrize("policy", ["raise", "deny", "stop"])
def test_a_denial_ends_the_lookup_under_other_policies(server: GoogleServer, policy: str) -> None:
    """Even for an id that is not stored anywhere, which is why the message mentions that."""
    reader = backend(server, on_error=policy)
    for name, team in (("hello", "blue"), ("nowhere", None)):
        with pytest.raises(
            AccessDeniedError, match="names that do not exist, too, to an identity with roles on single"
        ):
            reader.get_variable(name, team_name=team)
    assert asked(server) == ["airflow-variables-blue--hello", "airflow-variables-nowhere"]
    assert reader.get_variable("hello") == "shared"


@pytest.mark.parametrize("kind", ["authorized_user", "something", "", 5, None])
def test_a_key_file_is_a_key_whatever_its_type_says(server: GoogleServer, kind: Any, tmp_path: Path) -> None:
    """By path and by content; the other options trust the type."""
    path = tmp_path / "key.json"
    content = {**server.key, "type": kind}
    path.write_text(json.dumps(content))
    for options in ({"gcp_key_path": str(path)}, {"gcp_keyfile_dict": content}):
        assert backend(server, **options).get_variable("hello") == "shared"
    with pytest.raises((ConfigurationError, UnsupportedOperationError)):
        backend(server, gcp_credential_config_file=str(path)).get_variable("hello")


def test_a_file_without_a_type_is_reported(server: GoogleServer, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({name: value for name, value in server.key.items() if name != "type"}))
    with pytest.raises(ConfigurationError, match=r"do not say their `type`.*gcp_key_path"):
        backend(server, gcp_credential_config_file=str(path)).get_variable("hello")
    assert backend(server, gcp_key_path=str(path)).get_variable("hello") == "shared"


def test_a_login_is_not_a_key(server: GoogleServer, tmp_path: Path) -> None:
    path = tmp_path / "login.json"
    path.write_text(json.dumps({"type": "authorized_user", "refresh_token": "canary"}))
    with pytest.raises(ConfigurationError, match=r"`client_email`.*gcp_credential_config_file") as raised:
        backend(server, gcp_key_path=str(path)).get_variable("hello")
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("chain", [[""], [None], "", [], [TARGET, ""]])
def test_an_empty_account_is_not_impersonated(server: GoogleServer, chain: Any) -> None:
    assert backend(server, impersonation_chain=chain).get_variable("hello") == "shared"
    assert "iam" not in server.places()


@pytest.mark.parametrize(
    ("content", "member"),
    [
        (
            {"type": "authorized_user", "client_id": "c", "client_secret": "canary", "refresh_token": "canary"},
            "token_uri",
        ),
        (
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "credential_source": {"file": "/nowhere"},
            },
            "token_url",
        ),
        (
            {"type": "external_account_authorized_user", "refresh_token": "canary"},
            "token_url",
        ),
    ],
)
def test_no_secret_is_sent_to_a_plain_address(server: GoogleServer, content: dict[str, str], member: str) -> None:
    """Except to this machine, for emulators, as in the other tests."""
    options = {"gcp_credential_config_file": {**content, member: "http://tokens.example.com/token"}}
    with pytest.raises(ConfigurationError, match="not encrypted") as raised:
        backend(server, **options).get_variable("hello")
    assert "canary" not in str(raised.value)
    assert server.places() == []
