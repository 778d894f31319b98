"""Ids that are not valid text for a name, looked up from event loops: the same outcomes as plain lookups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from strongroom.exceptions import InvalidNameError
from strongroom.hashicorp import VaultBackend
from tests.python.backends import messages
from tests.servers.double import Answer, Request, serving

ODD: list[Any] = [None, 5, True, "\ud83d", "a\udc00b"]
THERE = {"/v1/secret/data/variables/5", "/v1/secret/data/variables/True"}


def answer(request: Request) -> Answer:
    """A server that holds the variables `5` and `True`."""
    if request.path not in THERE:
        return Answer(404, {"errors": []})
    return Answer(200, {"data": {"data": {"value": "there"}, "metadata": {"version": 1}}})


def ending(look_up: Callable[[Any], Any], id: object) -> Any:
    """The value, or the class of the error."""
    try:
        return look_up(id)
    except InvalidNameError as error:
        return type(error)


@pytest.mark.parametrize("options", [{}, {"variables_path": ""}, {"variables_lookup_pattern": "."}])
def test_an_event_loop_gets_what_a_plain_lookup_gets(options: dict[str, Any]) -> None:
    with serving(answer) as server:
        plain = VaultBackend(url=server.url, token="plain", **options)
        loops = VaultBackend(url=server.url, token="loops", **options)
        expected = [ending(plain.get_variable, id) for id in ODD]
        found = [ending(lambda id: asyncio.run(loops.aget_variable(id)), id) for id in ODD]
    assert found == expected
    texts = [None, "there", "there"] if options == {} else [None, InvalidNameError, InvalidNameError]
    assert found == [*texts, InvalidNameError, InvalidNameError]


def test_an_answer_that_is_remembered_is_that_of_the_same_id() -> None:
    with serving(answer) as server:
        backend = VaultBackend(url=server.url, token="remembered")
        assert [asyncio.run(backend.aget_variable(id)) for id in (5, "5", 5)] == ["there"] * 3  # type: ignore[arg-type]
        assert len([one for one in server.requests if "/variables/" in one.path]) == 1


def test_a_name_that_cannot_be_is_one_warning_for_event_loops(caplog: pytest.LogCaptureFixture) -> None:
    with serving(answer) as server:
        backend = VaultBackend(url=server.url, token="warned")
        for number in range(10):
            assert asyncio.run(backend.aget_variable(f"../run{number}")) is None
            assert asyncio.run(backend.aget_connection(f"../run{number}")) is None
        assert server.requests == []
    assert len([text for text in messages(caplog) if "Returning None" in text]) == 2
