"""Local files: the Python value of each format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from strongroom.connection import parse
from strongroom.exceptions import ConfigurationError, MalformedSecretError
from strongroom.local import LocalFilesystemBackend

CANARY = "canary-0dd0c7"

SETTINGS = """
airflow:
  connections:
    - conn_id: warehouse
      conn_type: postgres
      conn_host: db.example.com
      conn_login: etl
      conn_password: p@ss
      conn_port: 5432
      conn_schema: analytics
      conn_extra:
        sslmode: require
    - conn_id:
      conn_type:
    - conn_id: web
      conn_uri: https://h
  pools:
    - pool_name: a
  variables:
    - variable_name: greeting
      variable_value: hello
    - variable_name:
"""


def write(folder: Path, name: str, content: str) -> str:
    """Writes a file and returns its path."""
    (folder / name).write_text(content)
    return str(folder / name)


def connection(backend: LocalFilesystemBackend, conn_id: str) -> dict[str, Any]:
    """The fields of a connection."""
    return parse(backend.get_conn_value(conn_id) or "")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.env", "# variables\nname=text\nequals=a=b\n"),
        ("v.json", '{"name": "text", "equals": "a=b"}'),
        ("v.yaml", "name: text\nequals: a=b\n"),
        ("v.YML", "name: text\nequals: a=b\n"),
    ],
)
def test_variables_of_every_format(tmp_path: Path, name: str, content: str) -> None:
    backend = LocalFilesystemBackend(variables_file_path=write(tmp_path, name, content))
    assert (backend.get_variable("name"), backend.get_variable("equals")) == ("text", "a=b")
    assert backend.get_variable("missing") is None


def test_variables_keep_their_types(tmp_path: Path) -> None:
    types = {"number": 1, "yes": True, "float": 2.5, "list": [1, "a"], "dict": {"k": None}}
    for name, content in (("v.json", json.dumps(types)), ("v.yaml", json.dumps(types))):
        backend = LocalFilesystemBackend(variables_file_path=write(tmp_path, name, content))
        found: dict[str, Any] = {key: backend.get_variable(key) for key in types}
        assert found == types
        assert [type(value) for value in found.values()] == [type(value) for value in types.values()]


def test_connections_of_every_shape(tmp_path: Path) -> None:
    content = {
        "uri": "mysql://u:p@h:3306/s?a=b",
        "object": {"conn_type": "mysql", "host": "h", "port": 3306, "extra": {"a": "b"}},
        "dejson": {"conn_type": "mysql", "extra_dejson": {"a": "b"}},
        "list": ["mysql://h"],
        "json": '{"conn_type": "mysql", "host": "h"}',
    }
    backend = LocalFilesystemBackend(connections_file_path=write(tmp_path, "c.json", json.dumps(content)))
    for conn_id in ("uri", "object", "dejson"):
        assert connection(backend, conn_id)["extra_dejson"] == {"a": "b"}, conn_id
    for conn_id in ("list", "json"):
        assert connection(backend, conn_id)["host"] == "h"


def test_one_bad_connection_breaks_only_itself(tmp_path: Path) -> None:
    content = {
        "good": "mysql://h",
        "bad": {"conn_type": "mysql", "passwrod": CANARY},
        "two": ["mysql://a", "mysql://b"],
    }
    backend = LocalFilesystemBackend(connections_file_path=write(tmp_path, "c.json", json.dumps(content)))
    assert backend.get_conn_value("good") == "mysql://h"
    for conn_id in ("bad", "two"):
        with pytest.raises(MalformedSecretError) as caught:
            backend.get_conn_value(conn_id)
        assert CANARY not in f"{caught.value!r}"


def test_a_broken_file_is_named_and_never_shown(tmp_path: Path) -> None:
    path = write(tmp_path, "v.json", f'{{"a": "{CANARY}"')
    with pytest.raises(MalformedSecretError, match=r"v\.json") as caught:
        LocalFilesystemBackend(variables_file_path=path).get_variable("a")
    assert CANARY not in f"{caught.value!r}"


@pytest.mark.parametrize(("name", "place"), [("nowhere.json", "nowhere.json"), ("variables.txt", "variables.txt")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, place: str) -> None:
    if name == "variables.txt":
        write(tmp_path, name, "a=b")
    with pytest.raises(ConfigurationError, match=place):
        LocalFilesystemBackend(variables_file_path=str(tmp_path / name)).get_variable("a")


def test_the_settings_of_an_astro_project(tmp_path: Path) -> None:
    backend = LocalFilesystemBackend(settings_file_path=write(tmp_path, "airflow_settings.yaml", SETTINGS))
    warehouse = connection(backend, "warehouse")
    assert warehouse["host"] == "db.example.com"
    assert warehouse["port"] == 5432
    assert warehouse["password"] == "p@ss"
    assert warehouse["extra_dejson"] == {"sslmode": "require"}
    assert connection(backend, "web")["conn_type"] == "https"
    assert backend.get_variable("greeting") == "hello"
    assert backend.get_conn_value("missing") is None


def test_a_change_is_seen_when_the_cache_allows(tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    path.write_text('{"a": "1"}')
    backend = LocalFilesystemBackend(variables_file_path=str(path), cache_ttl=0)
    assert backend.get_variable("a") == "1"
    path.write_text('{"a": "2"}')
    assert backend.get_variable("a") == "2"
    fresh = tmp_path / "fresh.json"
    fresh.write_text('{"a": "3"}')
    fresh.replace(path)
    assert backend.get_variable("a") == "3"


def test_without_a_file_nothing_is_found() -> None:
    backend = LocalFilesystemBackend()
    assert backend.get_conn_value("a") is None
    assert backend.get_variable("a") is None
    assert backend.get_config("a") is None
