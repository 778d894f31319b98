"""Secrets Manager: the outcome for a stored value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend as Official

from strongroom.aws import SecretsManagerBackend as Ours
from tests.parity.comparison import Case, Comparison
from tests.parity.differences import assert_as_agreed
from tests.parity.outcomes import CONNECTION_CLASSES, Outcome, assert_parity, outcome
from tests.parity.values import CONNECTIONS, JSONS, LARGE, OTHERS, THROUGH, alias_values

FOLDER_OF = {"var": "variables", "config": "config"}


def value_case(label: str, lookup: str, value: str | bytes, **kwargs: object) -> Case:
    """A stored value, looked up."""
    folder = FOLDER_OF.get(lookup, "connections")
    return Case(f"{lookup} {label}", kwargs, lookup, "c1", secrets={f"airflow/{folder}/c1": value})


def value_cases() -> list[Case]:
    """Every connection; values that are not only a connection also as variable and config value."""
    connections = {**CONNECTIONS, **alias_values()}
    cases = [value_case(label, "conn", value) for label, value in connections.items()]
    cases += [value_case(label, lookup, value) for label, value in OTHERS.items() for lookup in FOLDER_OF]
    cases += [value_case(label, "var", value) for label, value in LARGE.items()]
    cases += [value_case(label, lookup, value) for label, value in THROUGH.items() for lookup in CONNECTION_CLASSES]
    cases += [value_case("binary", lookup, b"\x00text") for lookup in ("conn", "var", "config", "core", "sdk")]
    return cases


#: ``extra_conn_words``, and a secret.
WORDS: dict[str, tuple[object, str]] = {
    "none": (None, '{"usr": "u"}'),
    "empty": ({}, '{"usr": "u"}'),
    "user": ({"user": ["usr"]}, '{"usr": "u"}'),
    "login": ({"login": ["usr", "account"]}, '{"account": "a", "usr": "u"}'),
    "user and login": ({"user": ["usr"], "login": ["account"]}, '{"account": "a", "usr": "u"}'),
    "own order": ({"login": ["usr"]}, '{"usr": "u", "login": "l"}'),
    "known first": ({"login": ["usr"]}, '{"login": "l", "usr": "u"}'),
    "several": ({"host": ["url"], "schema": ["dbname"], "port": ["p"]}, '{"url": "h", "dbname": "d", "p": 1}'),
    "word of another field": ({"login": ["host"]}, '{"host": "h"}'),
    "the same word twice": ({"login": ["x"], "password": ["x"]}, '{"x": "y"}'),
    "extra": ({"extra": ["options"]}, '{"options": {"a": 1}}'),
    "conn_type": ({"conn_type": ["kind"]}, '{"kind": "pg"}'),
    "unicode": ({"login": ["ключ"]}, '{"ключ": "u"}'),
    "empty word": ({"login": [""]}, '{"": "u"}'),
    "no word": ({"login": []}, '{"login": "u"}'),
    "unknown field": ({"nonsense": ["x"]}, '{"host": "h"}'),
    "unknown field, broken secret": ({"nonsense": ["x"]}, "{broken"),
    "unknown field, uri": ({"nonsense": ["x"]}, "pg://h"),
    "description": ({"description": ["d"]}, '{"d": "x"}'),
    "upper field": ({"Login": ["x"]}, '{"x": "y"}'),
}


def word_cases() -> list[Case]:
    """Every kind of ``extra_conn_words``."""
    return [
        value_case(f"words {label}", lookup, secret, extra_conn_words=words)
        for label, (words, secret) in WORDS.items()
        for lookup in ("conn", "core")
    ]


def team_case(label: str, lookup: str, of_team: str | bytes | None, shared: str | bytes | None) -> Case:
    """A value of a team next to the shared one."""
    folder = "airflow/variables" if lookup == "var" else "airflow/connections"
    stored = {f"{folder}/T--c1": of_team, f"{folder}/c1": shared}
    secrets = {name: value for name, value in stored.items() if value is not None}
    return Case(f"{lookup} {label}", {}, lookup, "c1", "T", secrets, multi_team=True)


TEAM_CASES = [
    team_case(label, lookup, of_team, shared)
    for lookup in ("conn", "var", "core", "sdk")
    for label, of_team, shared in [
        ("team's own", "aws://team", "aws://shared"),
        ("team only", "aws://team", None),
        ("shared", None, "aws://shared"),
        ("team's is empty", "", "aws://shared"),
        ("team's is binary", b"x", "aws://shared"),
        ("team's is broken", "{broken", "aws://shared"),
        ("shared is binary", None, b"x"),
    ]
]

FORMER_OPTIONS = [
    value_case("full_url_mode", "conn", "pg://h", full_url_mode=False),
    value_case("are_secret_values_urlencoded", "conn", '{"login": "a%40b"}', are_secret_values_urlencoded=True),
    value_case("unknown key", "conn", "pg://h", nonsense=1),
]

CASES = [*value_cases(), *word_cases(), *TEAM_CASES, *FORMER_OPTIONS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_values(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """The same text, the same connection, or an error in both."""
    official, ours = comparison.run(case, tmp_path)
    assert official.asked
    assert_as_agreed(case.id, official, ours)


@pytest.mark.parametrize("conn_class", CONNECTION_CLASSES)
@pytest.mark.parametrize(("label", "text"), CONNECTIONS.items(), ids=CONNECTIONS)
def test_connections(label: str, text: str, conn_class: str) -> None:
    """A text becomes the same connection, of core's class and of the Task SDK's."""

    def made(backend: Any) -> Outcome:
        backend._set_connection_class(CONNECTION_CLASSES[conn_class])
        return outcome(lambda: backend.deserialize_connection("c1", text))

    assert_parity(made(Official()), made(Ours()))


def test_the_values_match_their_labels() -> None:
    """The tables contain JSON where their labels say so, according to Python's own reader."""
    for label, text in JSONS.items():
        if label not in {"json control", "json raw newline", "json no-break space", "json byte order mark"}:
            text = text.strip()
            assert label == "json integer beyond the limit" or isinstance(json.loads(text), dict), label
