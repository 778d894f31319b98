"""After all lookups no secret is in Airflow's home, in a log, or in output that is not meant to show it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.airflow.canaries import Canaries, must_be_nowhere
from tests.airflow.session import Airflow, Result
from tests.servers.aws import Credentials

Results = dict[str, Result]


def test_no_secret_leaves_a_trace(
    airflow: Airflow, canaries: Canaries, aws_user: Credentials, from_aws: Results, from_files: Results
) -> None:
    assert from_aws["dag"].code == from_files["dag"].code == 0
    must_be_nowhere(airflow, {**canaries.cores(), "AWS key": aws_user.secret_key})


@pytest.mark.ours
def test_no_secret_of_an_astro_project_leaves_a_trace(
    airflow: Airflow, canaries: Canaries, from_astro: Results
) -> None:
    assert from_astro["dag"].code == 0
    must_be_nowhere(airflow, canaries.cores())


def test_the_search_finds_what_is_there(airflow: Airflow, canaries: Canaries, from_aws: Results) -> None:
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        (runs,) = database.execute("select count(*) from dag_run where state = 'success'").fetchone()
    assert runs >= 1
    with pytest.raises(AssertionError, match=r"database in airflow\.db"):
        must_be_nowhere(airflow, {"database": "strongroom_example"})
