"""Secrets Safe on the command line: what its logins lack, a folder that is not there, and two of a title."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.command_line.shell import NO, STORE, Shell
from tests.command_line.store_shell import StoreShell, open_store
from tests.servers.beyondtrust import SecretsSafe, guid

REGION = "airflow/variables/region"


@pytest.fixture
def double(guarded_servers: Callable[[type[SecretsSafe]], SecretsSafe]) -> SecretsSafe:
    """The server behind ``beyondtrust``."""
    return guarded_servers(SecretsSafe)


@pytest.fixture
def beyondtrust(request: pytest.FixtureRequest, shell: Shell) -> Iterator[StoreShell]:
    """A server with one variable."""
    with open_store("beyondtrust", shell, request) as opened:
        opened.put({("variable", "region"): "x"})
        yield opened


def problems(beyondtrust: StoreShell) -> dict[str, str]:
    """The problems that doctor finds, by check."""
    run = beyondtrust.run("doctor", "--json")
    assert run.code == NO
    return {each["check"]: each["evidence"] for each in run.json["findings"] if each["severity"] == "problem"}


@pytest.mark.parametrize(
    ("lacking", "text"),
    [
        ({"api_key": None}, "there is no one to sign in to Secrets Safe as"),
        ({"run_as": None}, "there is no user for the API key of Secrets Safe"),
        ({"api_key": None, "client_id": "c"}, "there is no secret for `client_id` of Secrets Safe"),
        ({"folder_id": "airflow"}, "`folder_id` is not the id of a folder"),
    ],
)
def test_a_login_that_lacks_something_is_a_problem_and_costs_nothing(
    beyondtrust: StoreShell, lacking: dict[str, Any], text: str
) -> None:
    beyondtrust.options |= lacking
    assert problems(beyondtrust)["config"] == text
    assert beyondtrust.operations() == []


def test_a_wrong_key_is_a_problem_that_does_not_show_it(beyondtrust: StoreShell) -> None:
    beyondtrust.options["api_key"] = "canary-wrong-6c1e8f"
    run = beyondtrust.run("doctor", "--json")
    assert "does not accept `api_key` and `run_as`" in run.out
    assert "canary" not in run.out + run.err


def test_a_folder_that_is_not_there_is_a_problem(beyondtrust: StoreShell) -> None:
    beyondtrust.options |= {"folder_id": guid("nowhere"), "variables_prefix": ""}
    assert f"there is no folder `{guid('nowhere')}`" in problems(beyondtrust)["folder"]
    beyondtrust.options["folder_id"] = guid("airflow/variables")
    assert "there is no folder" not in beyondtrust.run("doctor", "--json").out


@pytest.mark.parametrize("command", [("get", "variable", "region"), ("list",), ("doctor",)])
def test_a_command_signs_out_of_its_session(
    beyondtrust: StoreShell, double: SecretsSafe, command: tuple[str, ...]
) -> None:
    double.sessions.clear()
    beyondtrust.run(*command)
    assert double.sessions == {}


def test_two_of_a_title_are_an_error_of_every_command(beyondtrust: StoreShell, double: SecretsSafe) -> None:
    double.twins = {REGION}
    for command in ("get", "describe"):
        refused = beyondtrust.run(command, "variable", "region")
        assert (refused.code, "2 secrets have the title" in refused.err) == (STORE, True)


def test_keys_as_other_tools_write_them_are_read_and_masked(beyondtrust: StoreShell) -> None:
    folder = {"folderId": guid("airflow/variables"), "ownerId": 2, "owner-type": "User", "apiVersion": "V3_1"}
    beyondtrust.options |= {**folder, "variablesPrefix": "", "connections-prefix": None, "config_prefix": None}
    assert beyondtrust.run("get", "variable", "region", "--json").json["found"]
    listed = beyondtrust.run("list", "--json").json["secrets"]
    assert [(each["id"], each["name"]) for each in listed] == [("region", "region")]
    assert "canary" not in beyondtrust.run("env").out
