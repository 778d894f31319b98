"""`[core] multi_team`: a name that could be another team's is refused, and core's lookups for a team are answered."""

from __future__ import annotations

import pytest

from tests.airflow import expect
from tests.airflow.conftest import secrets_manager
from tests.airflow.session import Airflow
from tests.servers.aws import Credentials, MiniStack

pytestmark = pytest.mark.needs("teams")

CORE_CALLS = """
from airflow.models.connection import Connection
from airflow.models.variable import Variable

for team in ("alpha", None):
    print(team, Connection.get_connection_from_secrets("shared_db", team_name=team).host,
          Variable.get_variable_from_secrets("shared_word", team_name=team))
# What a team has not is the one for all.
print(Connection.get_connection_from_secrets("shared_db", team_name="beta").host)
"""

REFUSED = """
from airflow.models.connection import Connection
from airflow.models.variable import Variable

try:
    Connection.get_connection_from_secrets("alpha--shared_db")
except Exception as error:
    print("refused:", type(error).__name__, Variable.get_variable_from_secrets("alpha--shared_word"))
"""


@pytest.fixture(scope="module")
def environment(aws_server: MiniStack, aws_user: Credentials) -> dict[str, str]:
    """Shared secrets, and team alpha's own versions of some."""
    aws_server.put_secrets(
        {
            "airflow/connections/shared_db": "postgres://for-all",
            "airflow/connections/alpha--shared_db": "postgres://for-alpha",
            "airflow/variables/shared_word": "for all",
            "airflow/variables/alpha--shared_word": "for alpha",
        }
    )
    return {**secrets_manager(aws_server, aws_user), "AIRFLOW__CORE__MULTI_TEAM": "True"}


def test_a_name_that_could_be_a_teams_is_refused_and_others_are_served(
    airflow: Airflow, environment: dict[str, str]
) -> None:
    commands = [
        ["variables", "get", "alpha--shared_word"],
        ["connections", "get", "shared_db", "--output", "json"],
        ["variables", "get", "shared_word"],
    ]
    refused, connection, variable = airflow.run(commands, environment)
    expect.nothing(refused, "Variable alpha--shared_word does not exist")
    assert connection.must().json()[0]["host"] == "for-all"
    assert variable.must().out.splitlines()[-1] == "for all"


def test_a_refusal_is_a_warning(airflow: Airflow, environment: dict[str, str]) -> None:
    result = airflow.python(REFUSED, environment).must()  # these commands of Airflow hide what is logged
    assert result.out.splitlines()[-1] == "refused: AirflowNotFoundException None"
    warnings = [line for line in (result.out + result.err).splitlines() if "ambiguous" in line]
    assert len(warnings) == 2
    for line, name in zip(warnings, ("alpha--shared_db", "alpha--shared_word"), strict=True):
        assert name in line
        assert "warning" in line.lower()


def test_without_teams_it_is_an_ordinary_name(airflow: Airflow, environment: dict[str, str]) -> None:
    alone = {**environment, "AIRFLOW__CORE__MULTI_TEAM": "False"}
    (variable,) = airflow.run([["variables", "get", "alpha--shared_word"]], alone)
    assert variable.must().out.splitlines()[-1] == "for alpha"


def test_core_asks_for_a_team(airflow: Airflow, environment: dict[str, str]) -> None:
    printed = airflow.python(CORE_CALLS, environment).must().out.splitlines()
    assert printed[-3:] == ["alpha for-alpha for alpha", "None for-all for all", "for-all"]
