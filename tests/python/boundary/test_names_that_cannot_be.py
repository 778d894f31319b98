"""Ids whose names no secret can have: None, no request, and one warning a minute for all ids of a kind."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.azure import AzureKeyVaultBackend
from strongroom.exceptions import InvalidNameError
from strongroom.google import CloudSecretManagerBackend
from strongroom.hashicorp import VaultBackend
from strongroom.memory import MemoryBackend
from tests.python.backends import messages, records
from tests.servers.aws import REGION
from tests.servers.double import Answer, serving

KEYS = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "x", "region_name": REGION}
#: Each store with the id of a DAG run that is not valid in any of its names.
STORES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "secrets manager": (SecretsManagerBackend, {**KEYS, "endpoint_url": "<url>"}, "run__2026-01-01T00:00:{}+00:00"),
    "google": (CloudSecretManagerBackend, {"project_id": "p", "anonymous": True, "endpoint_url": "<url>"}, "run.{}"),
    "azure": (AzureKeyVaultBackend, {"vault_url": "https://v.vault.azure.net"}, "run.{}"),
    "vault": (VaultBackend, {"url": "<url>", "token": "t"}, "../run{}"),
    "vault, control characters": (VaultBackend, {"url": "<url>", "token": "t"}, "run\n{}"),
}


@pytest.mark.parametrize("store", STORES)
def test_a_hundred_of_them_make_no_request_and_one_warning(store: str, caplog: pytest.LogCaptureFixture) -> None:
    make, options, template = STORES[store]
    with serving(lambda request: Answer(500)) as server, caplog.at_level(logging.DEBUG):
        filled = {key: server.url if value == "<url>" else value for key, value in options.items()}
        backend = make(**filled, cache_max_entries=1000)
        for number in range(100):
            assert backend.get_variable(template.format(number)) is None
        assert server.requests == []
    logged = [text for text in messages(caplog) if "Returning None" in text]
    assert len(logged) == 1, logged
    assert repr(template.format(0)).strip("'") in logged[0].replace("\\\\", "\\")
    assert all(record.exc_info is None for record in records(caplog))
    assert len([text for text in messages(caplog, logging.DEBUG) if "Returning None" in text]) == 99


@pytest.mark.parametrize("store", STORES)
def test_each_kind_has_its_own_warning(store: str, caplog: pytest.LogCaptureFixture) -> None:
    make, options, template = STORES[store]
    with serving(lambda request: Answer(500)) as server, caplog.at_level(logging.DEBUG):
        filled = {key: server.url if value == "<url>" else value for key, value in options.items()}
        backend = make(**filled, cache_max_entries=1001)
        for number in range(3):
            name = template.format(number)
            assert (backend.get_variable(name), backend.get_config(name), backend.get_connection(name)) == (None,) * 3
        assert server.requests == []
    logged = [text for text in messages(caplog) if "Returning None" in text]
    assert sorted(text.split()[0] for text in logged) == ["Configuration", "Connection", "Variable"]


def test_an_arn_is_a_name_with_colons() -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:111122223333:secret:a-abcdef"
    with serving(lambda request: Answer(body={"Name": "a", "ARN": arn, "SecretString": "world"})) as server:
        backend = SecretsManagerBackend(**KEYS, endpoint_url=server.url, variables_prefix="")
        assert backend.get_variable(arn) == "world"
        assert len(server.requests) == 1


def test_a_bundle_may_hold_what_the_store_cannot_name() -> None:
    bundle = '{"run:1": "in the bundle"}'
    with serving(lambda request: Answer(body={"Name": "b", "SecretString": bundle})) as server:
        backend = SecretsManagerBackend(**KEYS, endpoint_url=server.url, bundle={"variables": "all"})
        assert backend.get_variable("run:1") == "in the bundle"
        assert backend.get_variable("run:2") is None
        assert all(request.json["SecretId"] == "all" for request in server.requests)


@pytest.mark.parametrize("on_error", ["official", "raise", "miss", "deny", "stop"])
@pytest.mark.parametrize("store", STORES)
def test_a_bundle_does_not_make_them_many_warnings(store: str, on_error: str, caplog: pytest.LogCaptureFixture) -> None:
    make, options, template = STORES[store]
    absent = Answer(400, {"__type": "ResourceNotFoundException"}) if "manager" in store else Answer(404, {"errors": []})
    with serving(lambda request: absent) as server, caplog.at_level(logging.DEBUG):
        filled = {key: server.url if value == "<url>" else value for key, value in options.items()}
        backend = make(**filled, bundle={"variables": "../all" if "vault" in store else "a.b"}, on_error=on_error)
        for number in range(20):
            assert backend.get_variable(template.format(number)) is None
    logged = [text for text in messages(caplog) if "Returning None" in text]
    assert len(logged) == 1, logged


@pytest.mark.parametrize("path", ["../up", "a/./b", "a\nb"])
def test_a_path_of_the_options_that_cannot_be_is_one_warning(
    path: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda request: Answer(500)) as server:
        backend = VaultBackend(url=server.url, token="t", variables_path=path)
        assert [backend.get_variable(f"run{number}") for number in range(20)] == [None] * 20
        monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
        team = VaultBackend(url=server.url, token="t")
        assert [team.get_variable(f"run{number}", team_name="..") for number in range(20)] == [None] * 20
        assert server.requests == []
    assert len([text for text in messages(caplog) if "Returning None" in text]) == 2


AMBIGUOUS = {**STORES, "memory": (MemoryBackend, {}, "")}


@pytest.mark.parametrize("store", [store for store in AMBIGUOUS if store != "vault, control characters"])
def test_ids_that_could_be_another_teams_share_a_warning(
    store: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    make, options, impossible = AMBIGUOUS[store]
    separator = "/" if store == "vault" else "--"
    with serving(lambda request: Answer(500)) as server, caplog.at_level(logging.DEBUG):
        filled = {key: server.url if value == "<url>" else value for key, value in options.items()}
        backend = make(**filled, cache_max_entries=1002)
        for number in range(20):
            assert backend.get_variable(f"team{separator}run{number}") is None
            assert backend.get_connection(f"team{separator}run{number}") is None
        assert server.requests == []
        # One fault does not suppress the warning of the other.
        if impossible:
            assert backend.get_variable(impossible.format(1)) is None
    logged = [text for text in messages(caplog) if "Returning None" in text]
    assert sorted(text.split()[0] for text in logged) == [
        "Connection",
        "Variable",
        *(["Variable"] if impossible else []),
    ]
    debug = [text for text in messages(caplog, logging.DEBUG) if "ambiguous" in text]
    assert len(debug) == 38


def test_ids_that_are_too_long_for_a_pattern_share_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    backend = MemoryBackend(variables_lookup_pattern="x")
    for number in range(5):
        with pytest.raises(InvalidNameError):
            backend.get_variable("x" * 2000 + str(number))
    assert len(messages(caplog)) == 1
