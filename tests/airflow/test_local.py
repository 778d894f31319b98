"""Airflow reads from files: in its own formats, and from an Astro project's settings."""

from __future__ import annotations

import pytest

from tests.airflow import expect
from tests.airflow.canaries import Canaries
from tests.airflow.classes import LOCAL
from tests.airflow.conftest import connection_fields
from tests.airflow.session import Result

Results = dict[str, Result]


@pytest.mark.parametrize("name", ["connection", "json connection"])
def test_a_connection(from_files: Results, canaries: Canaries, name: str) -> None:
    expect.connection(from_files[name], connection_fields(canaries))


def test_a_variable_and_an_option(from_files: Results, canaries: Canaries) -> None:
    assert from_files["variable"].must().out.splitlines()[-1] == canaries.greeting
    assert from_files["config"].must().out.splitlines()[-1] == canaries.dsn


def test_absent_secrets(from_files: Results) -> None:
    expect.nothing(from_files["absent connection"], "Connection not found.")
    expect.nothing(from_files["absent variable"], "Variable absent does not exist")


def test_the_example_dag(from_files: Results, canaries: Canaries) -> None:
    expect.the_dag(from_files["dag"], canaries, LOCAL)


@pytest.mark.ours
def test_an_astro_settings_file(from_astro: Results, canaries: Canaries) -> None:
    expect.connection(from_astro["connection"], connection_fields(canaries))
    expect.nothing(from_astro["absent variable"], "Variable absent does not exist")
    expect.the_dag(from_astro["dag"], canaries, LOCAL)
