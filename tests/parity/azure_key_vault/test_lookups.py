"""Azure Key Vault: names, values, teams, credentials and errors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity.azure_comparison import CLIENT, MANAGED, OTHER_TENANT, SECRET, TENANT, Case, Comparison
from tests.parity.comparison import holding_in_turn
from tests.parity.differences import assert_as_agreed
from tests.parity.outcomes import CONNECTION_CLASSES
from tests.parity.values import CONNECTIONS, OTHERS, THROUGH
from tests.servers.azure import APP_SERVICE_HEADER, Application, azure, vault_error
from tests.servers.azure_tokens import new_identity

#: ``...`` leaves the prefix out.
PREFIXES: dict[str, Any] = {
    "default": ...,
    "underscore": "my_pre",
    "separator at the end": "p-",
    "separators at the end": "p--",
    "separator alone": "-",
    "empty": "",
    "null": None,
    "slash": "a/b",
    "dot": "a.b",
    "space": " a",
    "unicode": "préfixe",
    "long": "p" * 130,
}
SEPARATORS: dict[str, Any] = {"default": ..., "none": "", "two": "--", "underscore": "_", "slash": "/", "dot": "."}
PREFIX_OF = {"conn": "connections_prefix", "var": "variables_prefix", "config": "config_prefix"}
FOLDER_OF = {"var": "variables", "config": "config"}
IDS = {
    "plain": "c1",
    "upper case": "C1",
    "underscores": "a_b_c",
    "two underscores": "a__b",
    "dashes": "a--b",
    "mixed": "a_-b",
    "dash in front": "-a",
    "underscore in front": "_a",
    "dash at the end": "a-",
    "dot": "SomeOperator.cache_key",
    "slash": "a/b",
    "up": "../keys/k",
    "percent": "a%2fb",
    "query": "a?b",
    "newline": "a\n",
    "accents": "dépôt",
    "digits of another script": "\u0661",
    "space": "a b",
    "empty": "",
    "longest": "x" * 109,
    "too long": "x" * 110,
}


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    """The double, for this module."""
    with azure(tmp_path_factory.mktemp("azure")) as cloud:
        yield Comparison(cloud)


def prefix_cases() -> Iterator[Case]:
    """Every prefix for every kind, and every separator, for a team and none."""
    for (label, prefix), kind in itertools.product(PREFIXES.items(), PREFIX_OF):
        for team in (None, "T", "") if kind == "conn" else (None,):
            kwargs = {} if prefix is ... else {PREFIX_OF[kind]: prefix}
            yield Case(f"{kind} {label}, team {team!r}", kwargs, kind, "a_b", team)
    for (label, sep), team in itertools.product(SEPARATORS.items(), (None, "team_a")):
        yield Case(f"separator {label}, team {team!r}", {} if sep is ... else {"sep": sep}, "var", "a_b", team)


def id_cases() -> Iterator[Case]:
    """Every id, with teams on and off."""
    for (label, name), multi_team in itertools.product(IDS.items(), (False, True)):
        for kind, team in (("conn", None), ("var", "T"), ("config", None)):
            yield Case(f"{kind} {label}, teams {multi_team}", {}, kind, name, team, multi_team=multi_team)
    for team in ("a.b", "t" * 127, "t_u", "T--U"):
        yield Case(f"team {team[:9]}", {}, "conn", "c1", team, multi_team=True)


@pytest.mark.parametrize("case", [*prefix_cases(), *id_cases()], ids=lambda case: case.id)
def test_names(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """With no secret, with one of the last name, and with one of each name."""
    official, ours = comparison.run(case, tmp_path)
    assert official.ending == "none", repr(official.error)
    assert_as_agreed(case.id, official, ours)
    names = list(dict.fromkeys(official.asked))
    for holding in holding_in_turn(case, names):
        official, ours = comparison.run(holding, tmp_path)
        assert official.ending == "value"
        assert_as_agreed(case.id, official, ours)


def value_cases() -> Iterator[Case]:
    """Every connection as text, some all the way to an object, others as variables and config values."""
    tried = [(label, "conn", value) for label, value in CONNECTIONS.items()]
    tried += [(label, lookup, value) for label, value in OTHERS.items() for lookup in FOLDER_OF]
    tried += [(label, lookup, value) for label, value in THROUGH.items() for lookup in CONNECTION_CLASSES]
    for label, lookup, value in tried:
        folder = FOLDER_OF.get(lookup, "connections")
        yield Case(f"{lookup} {label}", {}, lookup, "c1", secrets={f"airflow-{folder}-c1": value})


@pytest.mark.parametrize("case", [*value_cases()], ids=lambda case: case.id)
def test_values(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """The same text, the same connection, or an error in both."""
    official, ours = comparison.run(case, tmp_path)
    assert official.asked
    assert_as_agreed(case.id, official, ours)


VARIABLES = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT}
CERTIFICATE = new_identity()
CERTIFIED = {"applications": {CLIENT: Application(secrets=set(), certificates=[CERTIFICATE])}}
LOOPBACK = {"vault_url": "<url>", "verify_challenge_resource": False}

CLIENTS = [
    Case("service principal", ends="value"),
    Case("wrong secret", {"client_secret": "wrong"}, ends="raises"),
    Case("unknown tenant", {"tenant_id": "nowhere"}, ends="raises"),
    Case("another tenant", {"tenant_id": OTHER_TENANT}, ends="raises"),
    Case("unknown client", {"client_id": "unknown"}, ends="raises"),
    Case("invalid tenant", {"tenant_id": "a/b"}, ends="raises"),
    Case("environment", bare=True, environment={**VARIABLES, "AZURE_CLIENT_SECRET": SECRET}, ends="value"),
    Case(
        "wrong environment",
        bare=True,
        environment={**VARIABLES, "AZURE_CLIENT_SECRET": "x"},
        machine=True,
        ends="raises",
    ),
    Case("half a principal", {"client_id": ""}, machine=True, ends="value"),
    Case("half a principal and no machine", {"client_id": ""}, ends="raises"),
    Case("machine", bare=True, machine=True, ends="value"),
    Case("no machine", bare=True, ends="raises"),
    Case(
        "identity by its id",
        {"managed_identity_client_id": MANAGED, "workload_identity_tenant_id": TENANT},
        bare=True,
        machine=True,
        ends="value",
    ),
    Case(
        "another identity",
        {"managed_identity_client_id": "unknown", "workload_identity_tenant_id": TENANT},
        bare=True,
        machine=True,
        ends="raises",
    ),
    Case(
        "app service",
        bare=True,
        machine=True,
        environment={"IDENTITY_ENDPOINT": "<proxy>/msi/token", "IDENTITY_HEADER": APP_SERVICE_HEADER},
        ends="value",
    ),
    Case(
        "app service with a wrong header",
        bare=True,
        machine=True,
        environment={"IDENTITY_ENDPOINT": "<proxy>/msi/token", "IDENTITY_HEADER": "x"},
        ends="raises",
    ),
    Case(
        "certificate",
        bare=True,
        environment={**VARIABLES, "AZURE_CLIENT_CERTIFICATE_PATH": "<folder>/key.pem"},
        files={"key.pem": CERTIFICATE.pem()},
        changes=CERTIFIED,
        ends="value",
    ),
    Case(
        "certificate in PFX",
        bare=True,
        environment={
            **VARIABLES,
            "AZURE_CLIENT_CERTIFICATE_PATH": "<folder>/key.pfx",
            "AZURE_CLIENT_CERTIFICATE_PASSWORD": "pass",
        },
        files={"key.pfx": CERTIFICATE.pfx(b"pass")},
        changes=CERTIFIED,
        ends="value",
    ),
    Case(
        "certificate with another password",
        bare=True,
        environment={
            **VARIABLES,
            "AZURE_CLIENT_CERTIFICATE_PATH": "<folder>/key.pfx",
            "AZURE_CLIENT_CERTIFICATE_PASSWORD": "wrong",
        },
        files={"key.pfx": CERTIFICATE.pfx(b"pass")},
        changes=CERTIFIED,
        ends="raises",
    ),
    Case(
        "certificate that is missing",
        bare=True,
        machine=True,
        environment={**VARIABLES, "AZURE_CLIENT_CERTIFICATE_PATH": "<folder>/none"},
        ends="raises",
    ),
    Case(
        "chosen credentials",
        bare=True,
        machine=True,
        environment={"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"},
        ends="value",
    ),
    Case(
        "chosen others",
        bare=True,
        machine=True,
        environment={"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"},
        ends="raises",
    ),
    Case(
        "chosen nonsense", bare=True, machine=True, environment={"AZURE_TOKEN_CREDENTIALS": "nonsense"}, ends="raises"
    ),
    Case("no vault", {"vault_url": ""}, ends="raises"),
    Case("http", {"vault_url": "http://reader.vault.azure.net"}, ends="raises"),
    Case("slash behind the vault", {"vault_url": "https://reader.vault.azure.net/"}, ends="value"),
    Case("version", {"api_version": "7.4"}, ends="value"),
    Case("version unknown", {"api_version": "1.0"}, ends="raises"),
    Case("unknown keyword", {"foo": 1}, ends="value"),
    Case("own CA", {"connection_verify": "<ca>"}, ends="value"),
    Case("challenge of another domain", {"vault_url": "<url>"}, ends="raises"),
    Case("challenge unchecked", {**LOOPBACK}, ends="value"),
    Case("timeouts", {"connection_timeout": 3, "read_timeout": 3}, ends="value"),
    Case("disabled", changes={"denial": "x"}, secrets={"airflow-variables-hello": ""}, ends="value"),
]


@pytest.mark.parametrize("case", CLIENTS, ids=lambda case: case.id)
def test_client(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """Credentials and options lead to the same answer."""
    official, ours = comparison.run(case, tmp_path)
    assert official.ending == case.ends, repr(official.error)
    assert_as_agreed(f"vault: {case.id}", official, ours)


PAGE = {"Content-Type": "text/html"}
FAULTS = {
    "400": vault_error(400, "BadParameter"),
    "no role": vault_error(403, "Forbidden", "ForbiddenByRbac"),
    "no policy": vault_error(403, "Forbidden", "AccessDenied"),
    "firewall": vault_error(403, "Forbidden", "ForbiddenByFirewall"),
    "disabled": vault_error(403, "Forbidden", "SecretDisabled"),
    "absent": vault_error(404, "SecretNotFound"),
    "404 of another kind": vault_error(404, "Surprise"),
    "being deleted": vault_error(409, "Conflict", "ObjectIsBeingDeleted"),
    "deleted": vault_error(409, "Conflict", "ObjectIsDeletedButRecoverable"),
    "429": vault_error(429, "Throttled"),
    "500": vault_error(500, "InternalServerError"),
    "503": vault_error(503, "ServiceUnavailable"),
    "404 of a proxy": (404, PAGE, b"<html>"),
    "503 of a proxy": (503, PAGE, b"<html>"),
    "no value": (200, {}, {"id": "https://reader.vault.azure.net/secrets/a/0123456789abcdef0123456789abcdef"}),
    "no JSON": (200, {}, b"<html>"),
    "204": (204, {}, b""),
}


@pytest.mark.parametrize("label", FAULTS)
@pytest.mark.parametrize("lookup", ["var", "config"])
def test_errors(comparison: Comparison, label: str, lookup: str, tmp_path: Path) -> None:
    """None or an exception, as in the official class; an error on a team's own name does not lead to the shared one."""
    team, of_team = (None, "") if lookup == "config" else ("T", ", name of a team")
    official, ours = comparison.run(Case("error", {}, lookup, "c1", team, fault=FAULTS[label]), tmp_path)
    assert_as_agreed(f"vault: {label}{of_team}", official, ours)
