"""What the frames of a traceback hold, because error reporters send them to other machines."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pytest

import strongroom
from strongroom import aws, azure, connection, google, hashicorp, local
from strongroom.exceptions import StrongroomError
from strongroom.memory import MemoryBackend
from tests.python.backends import memory_backend

CANARY = "canary-7d20b4"
HOME = str(Path(strongroom.__file__).parent)

BROKEN = {"airflow/connections/uri": f"postgres://u:{CANARY}@h:port/db", "airflow/connections/json": f'{{"a": {CANARY}'}


def frames_of_ours(error: BaseException) -> list[dict[str, Any]]:
    """The locals of each frame of ours, as a reporter reads them, along with those of causes and contexts."""
    found, errors = [], [error]
    while errors:
        current = errors.pop()
        errors += [other for other in (current.__cause__, current.__context__) if other is not None]
        step: TracebackType | None = current.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename.startswith(HOME):
                found.append(dict(step.tb_frame.f_locals))
            step = step.tb_next
    return found


def raised(work: Callable[[], object]) -> list[dict[str, Any]]:
    with pytest.raises((ValueError, StrongroomError)) as caught:
        work()
    assert CANARY not in str(caught.value)
    frames = frames_of_ours(caught.value)
    assert frames
    return frames


class Picky:
    """A connection class that accepts no value, whichever of the two ways it is created in."""

    def __init__(self, **fields: object) -> None:
        raise ValueError("not this one")

    @classmethod
    def from_json(cls, value: str, conn_id: str) -> None:
        raise ValueError("not this one either")


class OfCore(Picky):
    """The same, with the name of Airflow's own class."""


OfCore.__module__, OfCore.__qualname__ = "airflow.models.connection", "Connection"


@pytest.mark.parametrize("conn_id", ["uri", "json", "sound", "blank"])
@pytest.mark.parametrize("conn_class", [Picky, OfCore])
def test_no_frame_holds_the_value_of_a_connection(conn_class: Any, conn_id: str) -> None:
    secrets = {**BROKEN, "airflow/connections/sound": f"http://u:{CANARY}@h", "airflow/connections/blank": " "}
    backend = memory_backend(secrets)
    backend._set_connection_class(conn_class)
    value = secrets[f"airflow/connections/{conn_id}"]
    lookups: list[Callable[[], object]] = [
        lambda: backend.get_connection(conn_id),
        lambda: asyncio.run(backend.aget_connection(conn_id)),
        lambda: backend.deserialize_connection(conn_id, value),
    ]
    # The second asynchronous lookup is answered from memory.
    for lookup in [*lookups, *lookups]:
        for frame in raised(lookup):
            assert CANARY not in repr(frame)
            assert "held" not in frame or not any(frame["held"])


def test_no_frame_holds_the_input_of_parse_or_build() -> None:
    for frame in [
        *raised(lambda: connection.parse(f"{{{CANARY}")),
        *raised(lambda: connection.build_uri({"password": CANARY, "port": {CANARY: 1}, "x": 1})),
    ]:
        assert CANARY not in repr(frame)


@pytest.mark.parametrize("module", [aws, azure, google, hashicorp, local])
def test_no_frame_holds_the_options_of_a_backend_that_cannot_be_made(module: ModuleType) -> None:
    made = [thing for thing in vars(module).values() if isinstance(thing, type) and thing.__module__ == module.__name__]
    assert made
    for backend in made:
        options: dict[str, Any] = {"password": CANARY, "aws_secret_access_key": CANARY, "cache_ttl": "no duration"}
        for frame in raised(lambda backend=backend, options=options: backend(**options)):  # type: ignore[misc]
            assert CANARY not in repr(frame)


def test_no_frame_holds_the_secrets_of_a_memory_backend() -> None:
    for frame in raised(lambda: MemoryBackend(secrets={"a": CANARY}, cache_ttl="no duration")):
        assert CANARY not in repr(frame)


def test_the_given_options_are_not_changed() -> None:
    options: dict[str, Any] = {"secrets": {"airflow/variables/a": CANARY}}
    assert MemoryBackend(**options).get_variable("a") == CANARY
    gc.collect()
    assert options == {"secrets": {"airflow/variables/a": CANARY}}
