"""doctor on Doppler: what its names and its tokens do that those of no other store do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.command_line.shell import NO, Shell
from tests.command_line.store_shell import StoreShell, open_store

URI = "postgres://u:canary-6c1e8f@h/db"


@pytest.fixture
def doppler(request: pytest.FixtureRequest, shell: Shell) -> Iterator[StoreShell]:
    """An empty config."""
    with open_store("doppler", shell, request) as opened:
        yield opened


def found(doppler: StoreShell, **options: Any) -> dict[str, str]:
    """Severity and text by check, but for what is as it should be."""
    findings = doppler.run("doctor", "--json", **options).json["findings"]
    return {each["check"]: f"{each['severity']}: {each['evidence']}" for each in findings if each["severity"] != "ok"}


def test_a_secret_that_answers_to_two_spellings_is_named(doppler: StoreShell) -> None:
    doppler.put({("connection", "my-db"): URI, ("connection", "plain"): URI})
    assert found(doppler)["names"] == (
        "note: 1 of kind connection answer to an id with `-` and to the same with `_`: `my_db`"
    )


def test_ids_of_a_prefetch_that_are_one_secret_are_named(doppler: StoreShell) -> None:
    doppler.put({("variable", "region"): "x"})
    wanted = {"variables": ["region", "Re-gion", "re.gion", "region"], "connections": ["re_gion", "*"]}
    assert found(doppler, prefetch=wanted)["names"] == (
        "warning: `Re-gion` and `re.gion` of `prefetch` are one secret of kind variable to the store"
    )


def test_prefixes_that_are_spelled_alike_are_named(doppler: StoreShell) -> None:
    assert found(doppler, connections_prefix="air-flow", variables_prefix="AIR_FLOW")["names"] == (
        "warning: a connection and a variable of one id are one secret: both prefixes are spelled alike there"
    )


def test_a_token_without_a_config_is_a_problem_and_costs_nothing(doppler: StoreShell) -> None:
    doppler.options["token"] = "dp.pt.canary-6c1e8f"
    run = doppler.run("doctor", "--json")
    problems = {each["check"] for each in run.json["findings"] if each["severity"] == "problem"}
    assert (run.code, "config" in problems, doppler.operations()) == (NO, True, [])
    looked_up = doppler.run("get", "variable", "region")
    assert "belongs to no config (doppler). Write `project` and `config`" in looked_up.err
    assert "canary" not in run.out + run.err + looked_up.err


def test_keys_as_other_tools_write_them_are_read_and_masked(doppler: StoreShell) -> None:
    doppler.put({("variable", "region"): "x"})
    doppler.options |= {"secret-name-prefix": "airflow", "variablesPrefix": "VARIABLES"}
    assert doppler.run("get", "variable", "region", "--json").json["found"]
    shown = doppler.run("env").out
    assert "VARIABLES" in shown
    assert "canary" not in shown
