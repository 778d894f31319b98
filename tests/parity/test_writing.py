"""The official classes read what ``strongroom set`` writes, in every format."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.command_line.shell import Shell
from tests.command_line.test_writing import WRITERS, opened
from tests.stores import described

URI = "postgres://app:p%40ss%2Fword@db.example:5432/sales?sslmode=require"
FIELDS = {"conn_type": "postgres", "host": "db.example", "login": "app", "password": "p@ss/é", "port": 5432}
STORES = {store.word: store for store in described().values()}


def official(word: str, options: dict[str, Any]) -> Any:
    """The official class with the options of ours."""
    module, name = STORES[word].official.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)(**options)


def fields(connection: Any) -> dict[str, Any]:
    """What a hook gets."""
    names = ("conn_type", "host", "login", "password", "schema", "port", "extra_dejson")
    return {name: getattr(connection, name) or None for name in names}


@pytest.mark.parametrize("word", WRITERS)
def test_the_official_class_reads_what_is_written(
    word: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models.connection import Connection

    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with opened(word, Shell(tmp_path), request) as store:
        for number, given in enumerate((URI, json.dumps(FIELDS))):
            for form in ("uri", "json", "fields"):
                run = store.run("set", "connection", f"db_{number}_{form}", "--format", form, stdin=given)
                assert run.code == 0, run.err
        assert store.run("set", "variable", "region", stdin="eu é\n\n").code == 0
        assert store.run("set", "config", "option", stdin="x").code == 0
        backend = official(word, store.options)
        for number, expected in enumerate((Connection(uri=URI), Connection(**FIELDS))):
            for form in ("uri", "json", "fields"):
                found = backend.get_connection(f"db_{number}_{form}")
                assert fields(found) == fields(expected), (number, form)
        assert (backend.get_variable("region"), backend.get_config("option")) == ("eu é\n", "x")
