"""`log_misses`: one line for each lookup that finds nothing."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.python.backends import memory_backend, messages


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> None:
    """The Python log level of the records in question."""
    caplog.set_level(logging.INFO, logger="strongroom")


def test_it_is_off_by_default(caplog: pytest.LogCaptureFixture) -> None:
    assert memory_backend({}).get_conn_value("absent") is None
    assert messages(caplog, logging.INFO) == []


def test_each_miss_is_one_line_with_the_names_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    secrets = {"airflow/connections/here": "http://canary-11aa"}
    backend = memory_backend(secrets, connections_prefix="airflow/connections", log_misses=True)
    assert backend.get_conn_value("here") == "http://canary-11aa"
    assert messages(caplog, logging.INFO) == []
    for _ in range(3):
        assert backend.get_conn_value("warehouse", team_name="sales") is None
    logged = messages(caplog, logging.INFO)
    assert logged == [logged[0]] * 3
    assert 'Connection "warehouse" of team "sales" is not in Memory: asked for `airflow/connections/' in logged[0]
    assert logged[0].endswith("then `airflow/connections/warehouse`. Returning None.")


def test_a_lookup_that_is_not_made_says_why(caplog: pytest.LogCaptureFixture) -> None:
    backend = memory_backend({}, variables_prefix=None, connections_lookup_pattern="a", log_misses="yes")
    assert backend.get_variable("v") is None
    assert backend.get_conn_value("b") is None
    assert messages(caplog, logging.INFO) == [
        'Variable "v" is not looked up in Memory: variables are switched off there. Returning None.',
        'Connection "b" is not looked up in Memory: its `connections_lookup_pattern` keeps this id out. '
        "Returning None.",
    ]


def test_an_answer_from_memory_in_the_loop_is_a_line_too(caplog: pytest.LogCaptureFixture) -> None:
    backend = memory_backend({}, log_misses=True)

    async def miss() -> None:
        assert await backend.aget_variable("absent") is None
        assert await backend.aget_variable("absent") is None

    asyncio.run(miss())
    assert len(messages(caplog, logging.INFO)) == 2
