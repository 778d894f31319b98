"""Every official keyword of Azure's class with every type of value: see `tests/parity/test_kwargs.py`."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity import azure_comparison
from tests.parity.keywords import lookups, wrong
from tests.parity.test_kwargs import VALUES
from tests.servers.azure import azure

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
#: A secret of digits.
NUMBER = 123456789012


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azure_comparison.Comparison]:
    """One double of Azure for the module."""
    with azure(tmp_path_factory.mktemp("azure")) as cloud:
        yield azure_comparison.Comparison(cloud)


def test_azure(comparison: azure_comparison.Comparison, tmp_path: Path) -> None:
    """With a service principal; once on a machine with an identity, where parts of a principal are ignored."""
    secrets = {f"airflow-{kind}-hello": "world" for kind in ("variables", "connections", "config")}
    secrets |= {f"{prefix}-hello": "numbered" for prefix in ("0", "5", "False")} | {"hello": "bare"}
    found: list[str] = []
    for key, value in itertools.product(AZURE_KEYS, VALUES):
        for lookup in lookups(key):
            case = azure_comparison.Case(key, {key: value}, lookup, "hello", secrets=secrets)
            found += wrong(f"{lookup} {key}={value!r}", *comparison.run(case, tmp_path))
    for key, value in itertools.product(PRINCIPAL, VALUES):
        case = azure_comparison.Case(key, {key: value}, machine=True)
        found += wrong(f"{key}={value!r}", *comparison.run(case, tmp_path))
    assert found == [], "\n".join(found)


def test_an_azure_secret_of_digits(comparison: azure_comparison.Comparison, tmp_path: Path) -> None:
    """A client secret without quotes is sent as it is written."""
    digits = azure_comparison.Case("digits", {"client_secret": NUMBER})
    comparison.cloud.reset()
    application: Any = next(iter(comparison.cloud.applications.values()))
    known = dataclasses.replace(application, secrets={str(NUMBER)})
    changes = {"applications": {azure_comparison.CLIENT: known}}
    official, ours = comparison.run(dataclasses.replace(digits, changes=changes), tmp_path)
    assert ours.value == official.value == "world", (official, ours)
    version = azure_comparison.Case("version", {"api_version": 7.4})
    official, ours = comparison.run(version, tmp_path)
    assert ours.value == official.value == "world", (official, ours)
