"""Local files: whatever a file contains that no lookup can return is reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import MalformedSecretError
from strongroom.local import LocalFilesystemBackend
from tests.python.backends import messages

CANARY = "canary-a77c19"

MISTAKEN = f"""
airflow:
  connections: [{{conn_id: c, conn_type: http, host: {CANARY}, password: {CANARY}}}]
  variable: [{{variable_name: v, variable_value: {CANARY}}}]
"""


def backend(folder: Path, settings: str, **options: Any) -> LocalFilesystemBackend:
    """A backend on a settings file."""
    path = folder / "airflow_settings.yaml"
    path.write_text(settings)
    return LocalFilesystemBackend(settings_file_path=str(path), cache_ttl=0, **options)


def test_fields_that_mean_nothing_are_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    local = backend(tmp_path, MISTAKEN)
    assert json.loads(local.get_conn_value("c") or "") == {"conn_type": "http"}
    assert local.get_variable("v") is None
    (logged,) = messages(caplog)
    for expected in ("airflow_settings.yaml", "line 3", "`host`", "`conn_host`", "`conn_password`", "`variables`"):
        assert expected in logged
    assert CANARY not in logged


def test_strict_makes_them_errors(tmp_path: Path) -> None:
    local = backend(tmp_path, MISTAKEN, strict=True)
    with pytest.raises(MalformedSecretError, match=r"`variable` is unknown.*Did you mean `variables`"):
        local.get_conn_value("c")
    entry = "airflow: {connections: [{conn_id: c, conn_type: http, host: h}, {conn_id: d, conn_type: http}]}"
    local = backend(tmp_path, entry, strict=True)
    with pytest.raises(MalformedSecretError, match="Write `conn_host`"):
        local.get_conn_value("c")
    assert local.get_conn_value("d") == '{"conn_type": "http"}'


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("connections: [{conn_host: h}]", "a connection without `conn_id` is skipped"),
        ("connections: [{id: c, conn_type: http}]", "Write `conn_id`"),
        ("variables: [{variable_value: v}]", "a variable without `variable_name` is skipped"),
        ("variables: [{variable_name: v, variable_value: }]", '"v" has no `variable_value`'),
        ("variables: [{variable_name: v, value: x}]", "Write `variable_value`"),
        ("variables: []\n  variables: []", "`variables` is written a second time"),
    ],
)
def test_an_entry_that_is_skipped_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, entry: str, expected: str
) -> None:
    assert backend(tmp_path, f"airflow:\n  {entry}\n").get_variable("v") is None
    assert expected in "\n".join(messages(caplog))


def test_fields_have_any_case(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = "AIRFLOW:\n  Connections: [{Conn_ID: c, CONN_TYPE: http, Conn_Host: H}]\n"
    assert json.loads(backend(tmp_path, settings).get_conn_value("c") or "") == {"conn_type": "http", "host": "H"}
    assert messages(caplog) == []


@pytest.mark.parametrize("empty", ["", "\n", "# nothing yet\n", "---\n", "\ufeff", "null\n"])
def test_an_empty_settings_file_is_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture, empty: str) -> None:
    local = backend(tmp_path, empty)
    assert (local.get_conn_value("c"), local.get_variable("v"), messages(caplog)) == (None, None, [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{a: 1, b: [x, null]}", '{"a": 1, "b": ["x", null]}'),
        ("[1, two]", '[1, "two"]'),
        ("{}", "{}"),
        ("0123", "0123"),
        ("true", "true"),
        ("'{\"a\": 1}'", '{"a": 1}'),
    ],
)
def test_a_variable_of_the_settings_file_is_text(tmp_path: Path, value: str, expected: str) -> None:
    settings = f"airflow:\n  variables:\n    - variable_name: v\n      variable_value: {value}\n"
    assert backend(tmp_path, settings).get_variable("v") == expected


def test_names_that_are_not_text_are_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "v.yaml").write_text("1: one\nyes: two\na: three\n")
    local = LocalFilesystemBackend(variables_file_path=str(tmp_path / "v.yaml"))
    assert (local.get_variable("1"), local.get_variable("a")) == (None, "three")
    (logged,) = messages(caplog)
    assert "line 1: the name `1`" in logged
    assert "Write it in quotes" in logged


def test_a_key_that_holds_a_value_is_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = f"airflow: {{connections: [{{conn_id: c, conn_type: t, conn_password:{CANARY}}}]}}"
    assert backend(tmp_path, settings).get_conn_value("c") == '{"conn_type": "t"}'
    (logged,) = messages(caplog)
    assert "`conn_password:` without a space" in logged
    assert CANARY not in logged
    (tmp_path / "c.yaml").write_text(f"c: {{conn_type: t, password:{CANARY}}}\n")
    local = LocalFilesystemBackend(connections_file_path=str(tmp_path / "c.yaml"))
    with pytest.raises(MalformedSecretError, match="`password:` without a space") as caught:
        local.get_conn_value("c")
    assert CANARY not in str(caught.value)
