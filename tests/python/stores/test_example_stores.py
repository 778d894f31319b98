"""The ready-made settings of the example DAG, one file for each cloud store."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

import strongroom
from tests.stores import described

FILES = sorted((Path(__file__).resolve().parents[3] / "dags" / "example_stores").glob("*.env"))
#: Ids of the example DAG, as the names in the stores contain them.
IDS = ("strongroom_example_db", "strongroom_example_greeting", "strongroom_example_dsn")


def variables(path: Path) -> dict[str, str]:
    """The variables that the file sets."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_every_cloud_store_has_one() -> None:
    assert {path.stem for path in FILES} == {name for name, store in described().items() if store.example}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_class_accepts_the_settings_of_the_file(path: Path) -> None:
    values = variables(path)
    module, _, name = values["AIRFLOW__SECRETS__BACKEND"].rpartition(".")
    (store,) = [store for store in strongroom.stores() if store["name"] == path.stem]
    assert store["python_class"] == f"{module}.{name}"
    kwargs = json.loads(values["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    assert getattr(importlib.import_module(module), name)(**kwargs, strict=True)
    assert values["AIRFLOW__SENTRY__SENTRY_DSN_SECRET"] == IDS[2]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_commands_write_the_names_that_are_asked_for(path: Path) -> None:
    """The name in each command is a prefix, path or label of the kwargs, followed by an id of the DAG."""
    values = variables(path)
    kwargs = json.loads(values["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    commands = [line for line in path.read_text().splitlines() if line.startswith("#   ")]
    assert len(commands) == len(IDS)
    for command, kind, secret in zip(commands, ("connections", "variables", "config"), IDS, strict=True):
        place = next(filter(None, (kwargs.get(f"{kind}_{key}") for key in ("prefix", "path", "label"))))
        # The id in the letters of the store.
        written = described()[path.stem].place("variable", secret)[-len(secret) :]
        assert re.search(rf"{re.escape(place)}[/_=-]{re.escape(written)}\b", command), command
