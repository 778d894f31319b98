"""Ids that make names which no secret can have: None, no request, and one warning a minute for all of a kind."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.azure import AzureKeyVaultBackend
from strongroom.google import CloudSecretManagerBackend
from strongroom.hashicorp import VaultBackend
from tests.python.backends import messages, records
from tests.servers.aws import REGION
from tests.servers.double import Answer, serving

KEYS = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "x", "region_name": REGION}
#: Each store with an id of a run that none of its names can hold.
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
    said = [text for text in messages(caplog) if "Returning None" in text]
    assert len(said) == 1, said
    assert repr(template.format(0)).strip("'") in said[0].replace("\\\\", "\\")
    assert all(record.exc_info is None for record in records(caplog))
    assert len([text for text in messages(caplog, logging.DEBUG) if "Returning None" in text]) == 99


@pytest.mark.parametrize("store", STORES)
def test_each_kind_has_a_warning_of_its_own(store: str, caplog: pytest.LogCaptureFixture) -> None:
    make, options, template = STORES[store]
    with serving(lambda request: Answer(500)) as server, caplog.at_level(logging.DEBUG):
        filled = {key: server.url if value == "<url>" else value for key, value in options.items()}
        backend = make(**filled, cache_max_entries=1001)
        for number in range(3):
            name = template.format(number)
            assert (backend.get_variable(name), backend.get_config(name), backend.get_connection(name)) == (None,) * 3
        assert server.requests == []
    said = [text for text in messages(caplog) if "Returning None" in text]
    assert sorted(text.split()[0] for text in said) == ["Configuration", "Connection", "Variable"]


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
