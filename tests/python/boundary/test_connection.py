"""`strongroom.connection` against what Airflow itself made of the same texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from strongroom.connection import Dialect, build_uri, parse
from strongroom.exceptions import ConnectionFormatError

GOLDEN = Path(__file__).parents[2] / "golden" / "connections.jsonl"
DIALECTS: tuple[Dialect, ...] = ("airflow_3_3", "task_sdk_1_3", "airflow_2_11")
LINES: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text().splitlines()]


def shown(value: Any) -> Any:
    """A value as the golden file writes it: what JSON cannot carry is written as its repr."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return {"$python_repr": repr(value)}
    return value


def comparable(fields: dict[str, Any]) -> dict[str, Any]:
    """The golden file marks single values, and whole containers."""
    return {name: shown(value) for name, value in fields.items()}


def test_the_golden_file_is_complete() -> None:
    assert len(LINES) == 275


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_golden_line_agrees_in_every_field(dialect: Dialect) -> None:
    differences = []
    for line in LINES:
        expected = line[dialect]["result"]
        try:
            result: dict[str, Any] = comparable(parse(line["input"], dialect=dialect))
        except ConnectionFormatError:
            result = {"error": ...}
        if "error" in expected:
            expected = {"error": ...}
        if result != expected:
            differences.append((line["input"], result, expected))
    assert differences == []


def reads_otherwise(uri: str, fields: dict[str, Any], dialect: Dialect) -> bool:
    """Whether a URI is read back as fields other than those it was built from."""
    try:
        read: dict[str, Any] = parse(uri, dialect=dialect)
    except ConnectionFormatError:
        return True
    return any((read[name] or None) != (value or None) for name, value in fields.items())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_golden_uri_is_built(dialect: Dialect) -> None:
    differences, built = [], 0
    for line in LINES:
        answer = line[dialect]
        if "error" in answer["result"]:
            continue
        fields = parse(line["input"], dialect=dialect)
        fields.pop("extra_dejson")
        try:
            uri: str | None = build_uri(fields, dialect=dialect)
            built += 1
        except ConnectionFormatError:
            uri = None
            # Airflow's own URI then has another meaning, or none.
            if answer["get_uri"] and reads_otherwise(answer["get_uri"], fields, dialect):
                continue
        if uri != answer["get_uri"]:
            differences.append((line["input"], uri, answer["get_uri"]))
    assert differences == []
    assert built > 190


def refusal(text: str, dialect: Dialect) -> str:
    """The error for a text that is not a valid connection; empty if it is valid."""
    try:
        parse(text, dialect=dialect)
    except ConnectionFormatError as error:
        return f"{error!r} {error}"
    return ""


def test_errors_never_show_the_value() -> None:
    refused = 0
    for line in LINES:
        pieces = {piece for piece in line["input"].split() if len(piece) > 12}
        for message in (refusal(line["input"], dialect) for dialect in DIALECTS):
            refused += bool(message)
            assert not [piece for piece in pieces if piece in message], line["input"]
    assert refused > 150


def test_dialects_differ_where_airflow_does() -> None:
    uri = "http://h/?a=1&b=true"
    assert parse(uri, dialect="airflow_3_3")["extra_dejson"] == {"a": 1, "b": True}
    for dialect in ("task_sdk_1_3", "airflow_3_0", "airflow_2_11"):
        assert parse(uri, dialect=dialect)["extra_dejson"] == {"a": "1", "b": "true"}
    with pytest.raises(ConnectionFormatError):
        parse("http://h/?__extra__=5", dialect="airflow_3_0")
    assert parse("http://h/?__extra__=5", dialect="airflow_2_11")["extra"] == "5"


def test_the_newest_rules_apply_without_airflow() -> None:
    assert parse("http://h/?a=1") == parse("http://h/?a=1", dialect="airflow_3_3")


def test_fields_make_a_uri() -> None:
    fields = {"conn_type": "my_type", "login": "u", "password": "p/w", "host": "h", "port": 5, "schema": "s"}
    assert build_uri(fields) == "my-type://u:p%2Fw@h:5/s"
    assert build_uri({"conn_type": "x", "host": "h", "extra": {"k": "v"}}) == "x://h/?k=v"
    assert build_uri({"conn_type": "x", "host": "h", "extra_dejson": {"k": {"n": 1}}}).startswith("x://h/?__extra__=")


@pytest.mark.parametrize(
    "fields",
    [{"hots": "h"}, {"conn_type": "x", "host": 5}, {"extra": '{"a": 1}', "extra_dejson": {"b": 1}}],
)
def test_fields_that_make_no_uri_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConnectionFormatError):
        build_uri(fields)


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ConnectionFormatError, match="dialect"):
        parse("http://h", dialect="airflow_1")  # type: ignore[arg-type]
