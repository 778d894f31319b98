"""Secret Server on the command line: what keeps a secret back, and what its logins lack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.command_line.shell import NO, STORE, Shell
from tests.command_line.store_shell import StoreShell, open_store
from tests.servers.delinea import SecretServer

REGION = "airflow/variables/region"


@pytest.fixture
def double(guarded_servers: Callable[[type[SecretServer]], SecretServer]) -> SecretServer:
    """The server behind ``delinea``."""
    return guarded_servers(SecretServer)


@pytest.fixture
def delinea(request: pytest.FixtureRequest, shell: Shell) -> Iterator[StoreShell]:
    """A server with one variable."""
    with open_store("delinea", shell, request) as opened:
        opened.put({("variable", "region"): "x"})
        yield opened


def problems(delinea: StoreShell) -> dict[str, str]:
    """The problems that doctor finds, by check."""
    run = delinea.run("doctor", "--json")
    assert run.code == NO
    return {each["check"]: each["evidence"] for each in run.json["findings"] if each["severity"] == "problem"}


@pytest.mark.parametrize(
    ("lacking", "text"),
    [
        ({"username": None}, "there is no one to log in to Secret Server as"),
        ({"password": None}, "there is no password for `username` of Secret Server"),
        ({"client_id": "c"}, "there is no password for `client_id` of Secret Server"),
    ],
)
def test_a_login_that_lacks_something_is_a_problem_and_costs_nothing(
    delinea: StoreShell, lacking: dict[str, Any], text: str
) -> None:
    delinea.options |= lacking
    assert problems(delinea)["config"] == text
    assert delinea.operations() == []


def test_a_wrong_password_is_a_problem_that_does_not_show_it(delinea: StoreShell) -> None:
    delinea.options["password"] = "canary-wrong-6c1e8f"
    run = delinea.run("doctor", "--json")
    assert "does not accept `username` and `password`" in run.out
    assert "canary" not in run.out + run.err


def test_explain_says_that_a_secret_was_deactivated(delinea: StoreShell, double: SecretServer) -> None:
    double.flags = {REGION: {"active": False}}
    explained = delinea.run("explain", "variable", "region")
    assert (explained.code, f"`{REGION}` was deactivated in Secret Server" in explained.out) == (NO, True)
    assert "was deactivated" not in delinea.run("explain", "variable", "nowhere").out


def test_explain_says_what_keeps_a_secret_back(delinea: StoreShell, double: SecretServer) -> None:
    double.flags = {REGION: {"checkOutEnabled": True}}
    explained = delinea.run("explain", "variable", "region", "--json").json
    assert "it has to be checked out" in explained["backends"][0]["error"]["message"]
    assert explained["remedy"].startswith("Take the checkout off")


def test_two_of_a_name_are_an_error_of_every_command(delinea: StoreShell, double: SecretServer) -> None:
    double.twins = {REGION}
    for command in ("get", "describe"):
        refused = delinea.run(command, "variable", "region")
        assert (refused.code, "2 secrets in this folder have the name" in refused.err) == (STORE, True)


def test_keys_as_other_tools_write_them_are_read_and_masked(delinea: StoreShell, double: SecretServer) -> None:
    folder = {"folderId": double.folders()["airflow/variables"], "secretTemplateId": 2, "site-id": 1}
    delinea.options |= {**folder, "variablesPrefix": "", "connections-prefix": None, "config_prefix": None}
    assert delinea.run("get", "variable", "region", "--json").json["found"]
    listed = delinea.run("list", "--json").json["secrets"]
    assert [(each["id"], each["name"]) for each in listed] == [("region", "region")]
    shown = delinea.run("env").out
    assert "canary" not in shown


def test_two_secrets_of_one_name_are_both_listed(delinea: StoreShell, double: SecretServer) -> None:
    double.twins = {REGION}
    run = delinea.run("list", "variables", "--json")
    listed = run.json["secrets"]
    assert [(each["id"], each["name"]) for each in listed] == [("region", REGION)] * 2
    first, second = (each["store_id"] for each in listed)
    assert f"2 secrets in the store have the name `{REGION}`: {first}, {second}. Rename or delete" in run.err
