"""Every official keyword of the classes of Google and Azure with every type of value: see `test_kwargs.py`."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity import azure_house
from tests.parity.google_secret_manager import test_lookups as google_lookups
from tests.parity.outcomes import Outcome
from tests.parity.test_kwargs import VALUES
from tests.servers.azure import azure
from tests.servers.google import GoogleServer, google

GOOGLE_KEYS = [
    "connections_prefix",
    "variables_prefix",
    "config_prefix",
    "sep",
    "gcp_key_path",
    "gcp_keyfile_dict",
    "gcp_credential_config_file",
    "gcp_scopes",
    "project_id",
    "impersonation_chain",
]
AZURE_KEYS = [
    "connections_prefix",
    "variables_prefix",
    "config_prefix",
    "sep",
    "vault_url",
    "managed_identity_client_id",
    "workload_identity_tenant_id",
    "api_version",
    "verify_challenge_resource",
    "connection_verify",
    "connection_timeout",
    "read_timeout",
    "retry_total",
    "retry_connect",
    "retry_read",
    "retry_status",
    "retry_backoff_factor",
    "retry_backoff_max",
    "retry_mode",
    "logging_enable",
]
PRINCIPAL = ["tenant_id", "client_id", "client_secret"]

both = google_lookups.both


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """One double of Google for the module."""
    with google(tmp_path_factory.mktemp("google")) as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azure_house.House]:
    """One double of Azure for the module."""
    with azure(tmp_path_factory.mktemp("azure")) as cloud:
        yield azure_house.House(cloud)


def wrong(label: str, official: Outcome, ours: Outcome) -> list[str]:
    """What the official class reads, and we do not."""
    if official.ending != "value" or (ours.ending, ours.value) == (official.ending, official.value):
        return []
    return [f"{label}: official {official.value!r}, ours {ours.ending} {ours.value!r} {ours.error!r}"]


def lookups(key: str) -> tuple[str, ...]:
    """Names are made for each getter."""
    return ("var", "conn", "config") if key.endswith("_prefix") or key == "sep" else ("var",)


def test_google(both: google_lookups.Both) -> None:
    """With the reader's key, which is in the way of no other keyword where it is not written."""
    secrets = {f"airflow-{kind}-hello": "world" for kind in ("variables", "connections", "config")}
    secrets |= {f"{prefix}-hello": "numbered" for prefix in ("0", "5", "7")} | {"airflow-variables5hello": "number"}
    found: list[str] = []
    for key, value in itertools.product(GOOGLE_KEYS, VALUES):
        for lookup in lookups(key):
            kwargs = {key: value}
            if key == "sep":
                kwargs["connections_prefix"] = None
            case = google_lookups.Case(key, kwargs, lookup, "hello", secrets=secrets)
            found += wrong(f"{lookup} {kwargs}", *both.run(case))
    assert found == [], "\n".join(found)


def test_azure(house: azure_house.House, tmp_path: Path) -> None:
    """With a service principal; once on a machine with an identity, where parts of one are dropped."""
    secrets = {f"airflow-{kind}-hello": "world" for kind in ("variables", "connections", "config")}
    secrets |= {f"{prefix}-hello": "numbered" for prefix in ("0", "5", "False")} | {"hello": "bare"}
    found: list[str] = []
    for key, value in itertools.product(AZURE_KEYS, VALUES):
        for lookup in lookups(key):
            case = azure_house.Case(key, {key: value}, lookup, "hello", secrets=secrets)
            found += wrong(f"{lookup} {key}={value!r}", *house.run(case, tmp_path))
    for key, value in itertools.product(PRINCIPAL, VALUES):
        case = azure_house.Case(key, {key: value}, machine=True)
        found += wrong(f"{key}={value!r}", *house.run(case, tmp_path))
    assert found == [], "\n".join(found)


#: A project, an application and its secret that are called by a number.
NUMBER = 123456789012


def test_a_google_project_by_its_number(both: google_lookups.Both) -> None:
    """Its number is as good a name as its id, in quotes and without."""
    for project in (NUMBER, str(NUMBER)):
        secret = {"value": "numbered", "parent": f"projects/{NUMBER}"}
        case = google_lookups.Case("number", {"project_id": project}, secrets={"airflow-variables-hello": secret})
        official, ours = both.run(case)
        assert official.value == "numbered", official
        google_lookups.alike(official, ours)


def test_an_azure_secret_of_digits(house: azure_house.House, tmp_path: Path) -> None:
    """A client secret without quotes is sent as it is written."""
    digits = azure_house.Case("digits", {"client_secret": NUMBER})
    house.cloud.reset()
    application: Any = next(iter(house.cloud.applications.values()))
    known = dataclasses.replace(application, secrets={str(NUMBER)})
    changes = {"applications": {azure_house.CLIENT: known}}
    official, ours = house.run(dataclasses.replace(digits, changes=changes), tmp_path)
    assert ours.value == official.value == "world", (official, ours)
    version = azure_house.Case("version", {"api_version": 7.4})
    official, ours = house.run(version, tmp_path)
    assert ours.value == official.value == "world", (official, ours)
