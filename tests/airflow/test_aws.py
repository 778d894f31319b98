"""Airflow reads from Secrets Manager as an IAM user with no other permission."""

from __future__ import annotations

from dataclasses import replace

from tests.airflow import expect
from tests.airflow.canaries import Canaries
from tests.airflow.classes import SECRETS_MANAGER
from tests.airflow.conftest import connection_fields, secrets_manager
from tests.airflow.session import Airflow, Result
from tests.servers.aws import Credentials, MiniStack

Results = dict[str, Result]


def test_a_connection_from_a_uri(from_aws: Results, canaries: Canaries) -> None:
    expect.connection(from_aws["connection"], connection_fields(canaries))


def test_a_connection_from_json_with_aliases(from_aws: Results, canaries: Canaries) -> None:
    expected = {
        "conn_type": "mysql",
        "host": "h",
        "login": "u",
        "password": canaries.password,
        "schema": "d",
        "port": 3306,
        "extra": {"token": canaries.token},
    }
    expect.connection(from_aws["json connection"], expected)


def test_an_absent_connection(from_aws: Results) -> None:
    expect.nothing(from_aws["absent connection"], "Connection not found.")


def test_a_variable(from_aws: Results, canaries: Canaries) -> None:
    assert from_aws["variable"].must().out.splitlines()[-1] == canaries.greeting


def test_an_absent_variable(from_aws: Results) -> None:
    expect.nothing(from_aws["absent variable"], "Variable absent does not exist")


def test_a_configuration_option(from_aws: Results, canaries: Canaries) -> None:
    assert from_aws["config"].must().out.splitlines()[-1] == canaries.dsn


def test_the_example_dag(from_aws: Results, canaries: Canaries) -> None:
    expect.the_dag(from_aws["dag"], canaries, SECRETS_MANAGER)


def test_a_wrong_key_and_a_forbidden_name_find_nothing(
    airflow: Airflow, aws_server: MiniStack, aws_user: Credentials
) -> None:
    wrong = secrets_manager(aws_server, replace(aws_user, secret_key="not-the-key"))
    elsewhere = secrets_manager(aws_server, aws_user, connections_prefix="elsewhere/connections")
    (signed_wrongly,) = airflow.run([["connections", "get", "strongroom_example_db"]], wrong)
    (not_allowed,) = airflow.run([["connections", "get", "forbidden"]], elsewhere)
    expect.nothing(signed_wrongly, "Connection not found.")
    expect.nothing(not_allowed, "Connection not found.")
