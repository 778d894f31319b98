"""Conjur on the command line: variables without a value, annotations, and what its logins lack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.command_line.shell import DONE, NO, Shell
from tests.command_line.store_shell import StoreShell, open_store
from tests.servers.conjur import HOST, Conjur

REGION = "airflow/variables/region"


@pytest.fixture
def double(guarded_servers: Callable[[type[Conjur]], Conjur]) -> Conjur:
    """The server behind ``conjur``."""
    return guarded_servers(Conjur)


@pytest.fixture
def conjur(request: pytest.FixtureRequest, shell: Shell) -> Iterator[StoreShell]:
    """A server with one variable."""
    with open_store("conjur", shell, request) as opened:
        opened.put({("variable", "region"): "x"})
        yield opened


def problems(conjur: StoreShell) -> dict[str, str]:
    """The problems that doctor finds, by check."""
    run = conjur.run("doctor", "--json")
    assert run.code == NO
    return {each["check"]: each["evidence"] for each in run.json["findings"] if each["severity"] == "problem"}


@pytest.mark.parametrize(
    ("lacking", "text"),
    [
        ({"account": None}, "there is no account of Conjur"),
        ({"login": None}, "there is no one to log in to Conjur as"),
        ({"api_key": None}, "there is no API key for `login` of Conjur"),
    ],
)
def test_a_login_that_lacks_something_is_a_problem_and_costs_nothing(
    conjur: StoreShell, lacking: dict[str, Any], text: str
) -> None:
    conjur.options |= lacking
    assert problems(conjur)["config"] == text
    assert conjur.operations() == []


def test_a_wrong_key_is_a_problem_that_does_not_show_it(conjur: StoreShell) -> None:
    conjur.options["api_key"] = "canary-wrong-6c1e8f"
    run = conjur.run("doctor", "--json")
    assert "does not accept `login` and `api_key`" in run.out
    assert "canary" not in run.out + run.err


def test_a_variable_without_a_value_is_listed_and_explained(conjur: StoreShell, double: Conjur) -> None:
    del double.secrets[REGION]
    double.empty = {REGION}
    explained = conjur.run("explain", "variable", "region")
    assert (explained.code, f"`{REGION}` was declared in a policy and has no value yet" in explained.out) == (NO, True)
    assert "was declared" not in conjur.run("explain", "variable", "nowhere").out
    (listed,) = conjur.run("list", "--json").json["secrets"]
    assert (listed["id"], listed["state"]) == ("region", "without a value")


def test_annotations_are_tags(conjur: StoreShell, double: Conjur) -> None:
    conjur.put({("variable", "other"): "y"})
    double.annotations = {REGION: {"team": "data"}}
    listed = conjur.run("list", "variables", "--json").json["secrets"]
    assert {each["id"]: each["tags"] for each in listed} == {"other": {}, "region": {"team": "data"}}
    conjur.options["filter_on_tags"] = {"team": "data"}
    assert [conjur.run("get", "variable", key).code for key in ("region", "other")] == [DONE, NO]


def test_doctor_says_whether_the_role_may_read_what_it_sees(conjur: StoreShell, double: Conjur) -> None:
    def found() -> str:
        findings = conjur.run("doctor", "--json").json["findings"]
        return next(f"{each['severity']}: {each['evidence']}" for each in findings if each["check"] == "privileges")

    assert found() == f"ok: the role may read `{REGION}`, which it sees"
    double.users[HOST] = False
    assert found() == f"note: the role sees `{REGION}`, and may not read its value"
    double.unseen = {REGION}
    assert found() == "warning: the role sees no variable, so every lookup is a miss"


def test_a_long_list_has_pages(conjur: StoreShell) -> None:
    conjur.put({("variable", f"v{number:03}"): "x" for number in range(600)})
    assert len(conjur.run("list", "variables", "--json").json["secrets"]) == 601


def test_the_policy_is_for_the_role_that_is_configured(conjur: StoreShell) -> None:
    printed = conjur.run("policy", "conjur").out
    assert 'role: !host "/airflow"' in printed
    assert 'id: "airflow/connections"' in printed
    refused = conjur.run("policy", "conjur", "--tag", "team=data")
    assert "`--tag` and `--key` are for the stores of AWS alone" in refused.err
