"""The command line reads the same as Airflow: its configuration, and the fields of a connection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.configuration import AirflowConfigParser
from airflow.exceptions import AirflowConfigException
from airflow.models.connection import Connection

from tests.command_line.shell import CLASSES, CONFIGURATION, DONE, STORE, Shell
from tests.parity.differences import MASKED_LOGINS

MEMORY = CLASSES["memory"]
#: Bodies of an airflow.cfg, and variables of the environment.
CONFIGURATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "plain": ("backend_kwargs = {'a': 1}".replace("'", '"'), {}),
    "several lines": ('backend_kwargs = {\n    "a": 1,\n\n    # a comment\n    "b": [1,\n      2]}', {}),
    "colon": ('backend_kwargs: {"a": "x=y:z"}', {}),
    "percent": ('home = /opt\nbackend_kwargs = {"a": "5%%", "b": "%(home)s/x"}', {}),
    "single percent": ('backend_kwargs = {"a": "5%"}', {}),
    "unknown name": ('backend_kwargs = {"a": "%(no)s"}', {}),
    "dollar": ('backend_kwargs = {"a": "$ONE ${TWO} $NO $$ONE", "b": "~/x"}', {"ONE": "1", "TWO": "$ONE"}),
    "tilde": ("backend_kwargs = ~", {}),
    "comment sign in a value": ('backend_kwargs = {"a": "x # y ; z"}', {}),
    "no object": ("backend_kwargs = [1]", {}),
    "no JSON": ("backend_kwargs = {a: 1}", {}),
    "empty": ("backend_kwargs =", {}),
    "empty before a command": ("backend_kwargs =\nbackend_kwargs_cmd = echo '{\"a\": 1}'", {}),
    "environment": ("backend_kwargs = {}", {"AIRFLOW__SECRETS__BACKEND_KWARGS": '{"a": "%d $ONE"}', "ONE": "1"}),
    "empty environment": ('backend_kwargs = {"a": 1}', {"AIRFLOW__SECRETS__BACKEND_KWARGS": ""}),
    "command": ("backend_kwargs_cmd = printf '{\"a\": \"%%s\"}' 'b c'", {}),
    "command of the environment": ("", {"AIRFLOW__SECRETS__BACKEND_KWARGS_CMD": "echo '{\"a\": 1}'"}),
    "numbers and null": ('backend_kwargs = {"a": 1.50, "b": null, "c": true, "d": "\\u00e9"}', {}),
}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An environment without any configuration."""
    return Shell(tmp_path)


def by_airflow(text: str) -> Any:
    """The kwargs that Airflow gets, ``None`` if it refuses the file; empty if it cannot read them."""
    parser = AirflowConfigParser()
    try:
        parser.read_string(text)
        found = parser.getjson("secrets", "backend_kwargs")
    except AirflowConfigException:
        return {}
    except Exception:  # noqa: BLE001  configparser has many
        return None
    return found if isinstance(found, dict) and found else {}


@pytest.mark.parametrize("label", CONFIGURATIONS)
def test_kwargs_are_those_of_airflow(shell: Shell, monkeypatch: pytest.MonkeyPatch, label: str) -> None:
    body, variables = CONFIGURATIONS[label]
    text = f"[secrets]\nbackend = {MEMORY}\n{body}\n"
    for name, value in {**variables, "HOME": str(shell.home)}.items():
        monkeypatch.setenv(name, value)
    expected = by_airflow(text)
    (shell.home / "airflow.cfg").write_text(text)
    shell.variables |= variables
    result = shell.run("env", "--json")
    if expected is None:
        assert result.code == CONFIGURATION
        return
    assert result.code == DONE, result.err
    written = json.loads(result.json["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    # Values of unknown keys are masked, so they are compared as secrets of the memory store.
    assert set(written) == set(expected)


@pytest.mark.parametrize(
    "value", ["5%%", "$ONE ${TWO}", "~/x", "a # b ; c", "%(home)s", "é", "x=y:z", "$NO $ $$ONE", "a\\nb"]
)
def test_values_are_those_of_airflow(shell: Shell, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    variables = {"ONE": "1", "TWO": "$ONE"}
    kwargs = f'{{"secrets": {{"airflow/config/k": "{value}"}}}}'
    text = f"[secrets]\nhome = /opt\nbackend = {MEMORY}\nbackend_kwargs = {kwargs}\n"
    for name, each in variables.items():
        monkeypatch.setenv(name, each)
    expected = by_airflow(text)["secrets"]["airflow/config/k"]
    (shell.home / "airflow.cfg").write_text(text)
    shell.variables |= variables
    assert shell.run("reveal", "config", "k").out == f"{expected}\n"


SECRETS = [
    "postgres://app:p%40ss@db.example:5432/sales?sslmode=require",
    "mysql://DB.Example/x",
    "http://https://api.example:8443",
    "aws://AKIAEXAMPLE:secret@/?region_name=eu-west-1",
    '{"conn_type": "http", "host": "h", "login": "u", "password": "p", "port": "80", "extra": {"a": {"b": 1}}}',
    '{"conn_type": "postgres", "schema": "s", "description": "about it"}',
    "postgres://u@db.example:25",
    "smtp://u@mail.example:25",
    "sftp://u@files.example",
    "https://u:p@api.example",
    *MASKED_LOGINS,
    "my-type://h",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_get_agrees_with_airflow_field_by_field(shell: Shell, secret: str) -> None:
    shell.backend("memory", secrets={"airflow/connections/c": secret})
    got = shell.run("get", "connection", "c", "--json")
    assert got.code == DONE, got.err
    is_json = secret.startswith("{")
    theirs = Connection.from_json(secret, "c") if is_json else Connection(conn_id="c", uri=secret)
    fields = got.json["fields"]
    for name in ("conn_type", "description", "host", "schema", "port"):
        assert fields[name] == getattr(theirs, name), name
    assert fields["login"] == ("***" if secret in MASKED_LOGINS else theirs.login)
    assert fields["password"] == ("***" if theirs.password else theirs.password)
    assert fields["extra_dejson"] == dict.fromkeys(theirs.extra_dejson, "***")


@pytest.mark.parametrize("secret", ["http://h:notaport/", "{", "a://b://c://d"])
def test_a_secret_that_airflow_cannot_parse_is_an_error(shell: Shell, secret: str) -> None:
    shell.backend("memory", secrets={"airflow/connections/c": secret})
    assert shell.run("get", "connection", "c").code == STORE


DSN = "canary-of-the-backend"
#: Places of an option in the file and in the environment, with a value that is not the backend's.
FORMS = {
    "env": ("AIRFLOW__SENTRY__SENTRY_DSN", "plain"),
    "env cmd": ("AIRFLOW__SENTRY__SENTRY_DSN_CMD", "printf plain"),
    "env secret": ("AIRFLOW__SENTRY__SENTRY_DSN_SECRET", "dsn"),
    "env other secret": ("AIRFLOW__SENTRY__SENTRY_DSN_SECRET", "unknown"),
    "file": ("sentry_dsn", "plain"),
    "file empty": ("sentry_dsn", ""),
    "file cmd": ("sentry_dsn_cmd", "printf plain"),
    "file secret": ("sentry_dsn_secret", "dsn"),
}


@pytest.mark.parametrize(
    "forms",
    [
        ("env secret",),
        ("file secret",),
        ("env", "env secret"),
        ("env cmd", "env secret"),
        ("env secret", "file"),
        ("env secret", "file cmd"),
        ("env", "file secret"),
        ("env cmd", "file secret"),
        ("file", "file secret"),
        ("file empty", "file secret"),
        ("file cmd", "file secret"),
        ("file",),
    ],
    ids=" and ".join,
)
def test_the_backend_is_asked_for_an_option_where_airflow_asks(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, forms: tuple[str, ...]
) -> None:
    shell.backend("memory", secrets={"airflow/config/dsn": DSN})
    pairs = [FORMS[form] for form in forms]
    variables = {name: value for name, value in pairs if name.isupper()}
    lines = [f"{name} = {value}" for name, value in pairs if not name.isupper()]
    text = "\n".join(["[sentry]", *lines, ""])
    for name, value in (shell.variables | variables).items():
        monkeypatch.setenv(name, value)
    parser = AirflowConfigParser()
    parser.read_string(text)
    by_backend = parser.get("sentry", "sentry_dsn", fallback=None) == DSN
    (shell.home / "airflow.cfg").write_text(text)
    shell.variables |= variables
    result = shell.run("explain", "config", "dsn", "--json").json
    asked = any(option["hidden_by"] is None for option in result["options"])
    assert asked == by_backend, result
