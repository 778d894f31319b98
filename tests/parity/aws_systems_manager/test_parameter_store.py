"""Parameter Store: names, values, teams, credentials and errors."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import ThrottledError
from tests.parity.aws_secrets_manager.test_names import IDS, PATTERN_OF, PREFIX_OF
from tests.parity.comparison import PARAMETER_STORE, Case, Comparison, Kwargs, holding_in_turn, open_comparison
from tests.parity.differences import assert_as_agreed
from tests.parity.outcomes import CONNECTION_CLASSES, short
from tests.parity.values import CONNECTIONS, LARGE, OTHERS, THROUGH
from tests.servers.aws import REGION, MiniStack
from tests.servers.faults import Faults

#: ``...`` leaves the prefix out.
PREFIXES: dict[str, Any] = {
    "default": ...,
    "without a slash in front": "airflow/connections",
    "slash at the end": "/a/b/",
    "slashes at the end": "a//",
    "slashes in front": "//a",
    "slashes within": "/a//b",
    "empty": "",
    "slash": "/",
    "slashes": "///",
    "null": None,
    "space in front": " a",
    "unicode": "/préfixe/ü",
    "an arn": "arn:aws:ssm:eu-central-1:000000000000:parameter/a",
    "ends in a team's dashes": "/p--",
}

#: In addition to those that are tried with Secrets Manager.
SELECTORS = {"version": "hello:1", "label": "hello:blue", "two colons": "hello:1:2", "colon at the end": "hello:"}
FOLDER_OF = {"var": "variables", "config": "config"}
PATTERNS = [("c", "c1"), ("C", "c1"), ("1", "c1"), ("", "c1"), (None, "c1"), ("(?!dev_)", "dev_db"), ("(", "c1")]


@pytest.fixture(scope="module")
def comparison(aws_server: MiniStack) -> Iterator[Comparison]:
    """An empty server with its users, behind this module's own proxy."""
    with open_comparison(aws_server, PARAMETER_STORE) as opened:
        yield opened


def prefix_cases() -> Iterator[Case]:
    """Every prefix for every kind, and for a team, an empty team and none."""
    for (label, prefix), kind in itertools.product(PREFIXES.items(), PREFIX_OF):
        kwargs = {} if prefix is ... else {PREFIX_OF[kind]: prefix}
        for team in (None, "T", "") if kind == "conn" else (None,):
            who = "" if team is None else f", team {team!r}"
            yield Case(f"{kind} {label}{who}", kwargs, kind, "c1", team, asks=prefix is not None)


def id_cases() -> Iterator[Case]:
    """Every id, with teams on and off."""
    for (label, name), multi_team in itertools.product({**IDS, **SELECTORS}.items(), (False, True)):
        for kind, team in (("conn", None), ("var", "T"), ("config", None)):
            refused = multi_team and "--" in name
            suffix = ", teams on" if multi_team else ""
            yield Case(f"{kind} {label}{suffix}", {}, kind, name, team, multi_team=multi_team, asks=not refused)


def pattern_cases() -> Iterator[Case]:
    """Every pattern for every kind."""
    for (pattern, name), kind in itertools.product(PATTERNS, PATTERN_OF):
        asks = pattern in {"c", "C", "", None}
        yield Case(f"{kind} {short(pattern)} on {name}", {PATTERN_OF[kind]: pattern}, kind, name, asks=asks)


@pytest.mark.parametrize("case", [*prefix_cases(), *id_cases(), *pattern_cases()], ids=lambda case: case.id)
def test_names(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """With no secret, with one of the last name, and with one of each name."""
    official, ours = comparison.run(case, tmp_path)
    assert bool(official.asked) == case.asks, official
    assert_as_agreed(case.id, official, ours)
    names = list(dict.fromkeys(official.asked))
    if official.ending != "none" or any(not name.startswith("/") or ":" in name for name in names):
        return
    for holding in holding_in_turn(case, names):
        official, ours = comparison.run(holding, tmp_path)
        assert official.ending == "value"
        assert_as_agreed(case.id, official, ours)


def value_cases() -> Iterator[Case]:
    """Every connection as text, some all the way to an object, others as variables and config values."""
    tried = [(label, "conn", value) for label, value in CONNECTIONS.items()]
    tried += [(label, lookup, value) for label, value in OTHERS.items() for lookup in FOLDER_OF]
    tried += [(label, "var", value) for label, value in LARGE.items()]
    tried += [(label, lookup, value) for label, value in THROUGH.items() for lookup in CONNECTION_CLASSES]
    tried += [("list", lookup, "list,a,b") for lookup in ("conn", "var", "config")]
    for label, lookup, value in tried:
        folder = FOLDER_OF.get(lookup, "connections")
        yield Case(f"{lookup} {label}", {}, lookup, "c1", secrets={f"/airflow/{folder}/c1": value})


#: Keys with a meaning for the class of Secrets Manager; for this one they are unknown, as ``bogus`` is.
ALIASES = [
    Case(f"{lookup} {label}", {}, lookup, "c1", secrets={"/airflow/connections/c1": value})
    for lookup in ("conn", *CONNECTION_CLASSES)
    for label, value in {
        "username": '{"conn_type": "pg", "username": "u"}',
        "engine": '{"engine": "pg", "host": "h"}',
        "bogus": '{"conn_type": "pg", "bogus": 1}',
        "conn_id": '{"conn_id": "x", "conn_type": "pg"}',
    }.items()
]

#: Options that the official class of this store ignores.
UNKNOWN = [
    Case("sep", {"sep": "-"}, "conn", "c1", secrets={"/airflow/connections/c1": "pg://h"}),
    Case("nonsense", {"nonsense": 1}, "conn", "c1", secrets={"/airflow/connections/c1": "pg://h"}),
]


@pytest.mark.parametrize("case", [*value_cases(), *ALIASES, *UNKNOWN], ids=lambda case: case.id)
def test_values(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """The same text, the same connection, or an error in both."""
    official, ours = comparison.run(case, tmp_path)
    assert official.asked
    assert_as_agreed(case.id, official, ours)


@pytest.mark.parametrize("name", ["c1", "c1:1", "c1:2", "c1:3", "c1:blue", "c1:red", "nothing:1"])
def test_versions_and_labels(comparison: Comparison, name: str, tmp_path: Path) -> None:
    """The part after a colon selects a version; one that does not exist is an error, unless the parameter is absent."""
    client = comparison.server.client("ssm")
    path = "/airflow/connections/c1"
    for value in ("pg://first", "pg://second"):
        client.put_parameter(Name=path, Value=value, Type="SecureString", Overwrite=True)
    client.label_parameter_version(Name=path, ParameterVersion=1, Labels=["blue"])
    case = Case(name, {}, "conn", name)
    try:
        official, ours = comparison.run(case, tmp_path)
    finally:
        client.delete_parameter(Name=path)
    expected = {"c1": "pg://second", "c1:1": "pg://first", "c1:2": "pg://second", "c1:blue": "pg://first"}
    assert official.value == expected.get(name)
    assert official.ending == ("value" if name in expected else "none" if name == "nothing:1" else "raises")
    assert_as_agreed(case.id, official, ours)


TEAM_CASES = [
    Case(f"{lookup} {label}", {}, lookup, "c1", "T", stored, multi_team=True)
    for lookup, folder in (("conn", "connections"), ("var", "variables"), ("core", "connections"))
    for label, stored in {
        "team's own": {f"/airflow/{folder}/T--c1": "aws://team", f"/airflow/{folder}/c1": "aws://shared"},
        "team only": {f"/airflow/{folder}/T--c1": "aws://team"},
        "shared": {f"/airflow/{folder}/c1": "aws://shared"},
        "another team's": {f"/airflow/{folder}/U--c1": "aws://other"},
        "a longer team's": {f"/airflow/{folder}/T--U--c1": "aws://other"},
    }.items()
]


@pytest.mark.parametrize("case", TEAM_CASES, ids=lambda case: case.id)
def test_teams(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """A team's own name, then the shared one, and never another team's."""
    official, ours = comparison.run(case, tmp_path)
    assert len(official.asked) == (1 if "team's own" in case.id or "team only" in case.id else 2)
    assert_as_agreed(case.id, official, ours)


PLACE: Kwargs = {"region_name": REGION, "endpoint_url": "<url>"}
KEYS: Kwargs = {"aws_access_key_id": "<key>", "aws_secret_access_key": "<secret>"}
NO_RIGHTS: Kwargs = {"aws_access_key_id": "<powerless-key>", "aws_secret_access_key": "<powerless-secret>"}
CALLER: Kwargs = {"aws_access_key_id": "<caller-key>", "aws_secret_access_key": "<caller-secret>"}
STS: Kwargs = {"service_config": {"sts": {"endpoint_url": "<url>"}}}
WITH_ID: Kwargs = {"assume_role_kwargs": {"ExternalId": "EXT-1"}}
CONFIG = {"AWS_CONFIG_FILE": "<folder>/config"}
SERVICES = "[default]\nservices = s\n[services s]\nssm =\n  endpoint_url = <url>\n"

CLIENTS = [
    Case("keys", {**PLACE, **KEYS}, bare=True, ends="value"),
    Case("keys without rights", {**PLACE, **NO_RIGHTS}, bare=True, ends="raises"),
    Case("wrong secret", {**PLACE, **KEYS, "aws_secret_access_key": "wrong"}, bare=True, ends="raises"),
    Case("no credentials", PLACE, bare=True, ends="raises", asks=False),
    Case("no region", {**KEYS, "endpoint_url": "<url>"}, bare=True, ends="raises", asks=False),
    Case("role", {**PLACE, **CALLER, **STS, **WITH_ID, "role_arn": "<role>"}, bare=True, ends="value"),
    Case("another region", {"region_name": "us-west-2"}, name="where", ends="value"),
    Case("absent in another region", {"region_name": "us-west-2"}, ends="none"),
    Case(
        "endpoint variable of the service",
        {"region_name": REGION, **KEYS},
        environment={"AWS_ENDPOINT_URL_SSM": "<url>", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        bare=True,
        ends="value",
    ),
    Case(
        "endpoint of a services section",
        {"region_name": REGION, **KEYS},
        environment=CONFIG,
        files={"config": SERVICES},
        bare=True,
        ends="value",
    ),
    Case("api_version", {"api_version": "2014-11-06"}, ends="value"),
    Case("api_version unknown", {"api_version": "2017-10-17"}, ends="raises", asks=False),
    Case("use_ssl off", {"use_ssl": False}, ends="value"),
]


@pytest.mark.parametrize("case", CLIENTS, ids=lambda case: case.id)
def test_client(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """Credentials, region and endpoint lead to the same answer."""
    official, ours = comparison.run(case, tmp_path)
    assert (official.ending, bool(official.asked)) == (case.ends, case.asks), repr(official.error)
    assert_as_agreed(f"parameters: {case.id}", official, ours)


#: Code and status, the outcome, and the number of tries if two are allowed.
ERRORS: list[tuple[str, int, str, int]] = [
    ("ParameterNotFound", 400, "none", 1),
    ("ParameterNotFound", 404, "none", 1),
    ("ParameterVersionNotFound", 400, "raises", 1),
    ("InvalidKeyId", 400, "raises", 1),
    ("ValidationException", 400, "raises", 1),
    ("ResourceNotFoundException", 400, "raises", 1),
    ("InternalServerError", 500, "raises", 2),
    ("InternalServerError", 400, "raises", 1),
    ("AccessDeniedException", 400, "raises", 1),
    ("AccessDeniedException", 403, "raises", 1),
    ("UnrecognizedClientException", 400, "raises", 1),
    ("ExpiredTokenException", 400, "raises", 1),
    ("InvalidSignatureException", 403, "raises", 1),
    ("ThrottlingException", 400, "raises", 2),
    ("TooManyUpdates", 400, "raises", 1),
    ("UnsupportedParameterType", 400, "raises", 1),
    ("ServiceUnavailable", 503, "raises", 2),
    ("NobodyKnowsThis", 400, "raises", 1),
    ("NobodyKnowsThis", 404, "raises", 1),
    ("NobodyKnowsThis", 429, "raises", 2),
    ("NobodyKnowsThis", 502, "raises", 2),
]
HELLO = "/airflow/variables/hello"


@pytest.fixture
def broken(comparison: Comparison, fault_server: Faults) -> Iterator[Comparison]:
    """The same servers behind the proxy that injects faults; it counts every try."""
    fault_server.clear()
    yield dataclasses.replace(comparison, counter=fault_server.asked)
    fault_server.clear()


def fail(faults: Faults, code: str, status: int = 400, **more: Any) -> None:
    """Makes reads of parameters fail."""
    faults.rule(service="ssm", operation="GetParameter", error={"code": code, "status": status}, **more)


@pytest.mark.parametrize(("code", "status", "ends", "tries"), ERRORS, ids=lambda value: str(value))
def test_errors(
    broken: Comparison, fault_server: Faults, tmp_path: Path, code: str, status: int, ends: str, tries: int
) -> None:
    """The same outcome after as many tries; ours reports the code of AWS."""
    fail(fault_server, code, status)
    case = Case(f"parameters: {code} {status}", environment={"AWS_MAX_ATTEMPTS": "2"})
    official, ours = broken.run(case, tmp_path)
    assert (official.ending, len(official.asked)) == (ends, tries), repr(official.error)
    assert_as_agreed(case.id, official, ours)
    assert code != "ThrottlingException" or isinstance(ours.error, ThrottledError)


@pytest.mark.parametrize(("code", "names"), {"ParameterNotFound": 2, "AccessDeniedException": 1}.items())
def test_an_error_on_the_name_of_a_team(
    broken: Comparison, fault_server: Faults, tmp_path: Path, code: str, names: int
) -> None:
    """Only an absent one leads to the shared name."""
    fail(fault_server, code, sequence={"fail": 1, "pass": 1} if names == 2 else None)
    official, ours = broken.run(Case(code, team="T", multi_team=True), tmp_path)
    assert official.asked == ("/airflow/variables/T--hello", HELLO)[:names]
    assert_as_agreed(code, official, ours)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_half_an_answer(broken: Comparison, fault_server: Faults, tmp_path: Path, part: float) -> None:
    """A body that was cut, with a matching length."""
    fault_server.rule(service="ssm", operation="GetParameter", response={"truncate_frac": part})
    official, ours = broken.run(Case(f"{part}", environment={"AWS_MAX_ATTEMPTS": "1"}), tmp_path)
    assert official.asked
    assert_as_agreed(f"parameters: cut at {part}", official, ours)
