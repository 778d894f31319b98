"""The outcome of a lookup, and when two outcomes are equal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from airflow.models.connection import Connection as CoreConnection
from airflow.sdk.definitions.connection import Connection as SdkConnection
from botocore.exceptions import ClientError

from strongroom.exceptions import StrongroomError

CONNECTION_CLASSES: dict[str, type] = {"core": CoreConnection, "sdk": SdkConnection}
CONNECTION_FIELDS = (
    "conn_id",
    "conn_type",
    "description",
    "host",
    "login",
    "password",
    "schema",
    "port",
    "extra",
    "extra_dejson",
)


@dataclass(frozen=True)
class Outcome:
    """The result of a lookup, and its requests.

    ``ending`` is ``value``, ``none`` or ``raises``. ``code`` is the error code of AWS. ``error`` is for the reader of
    a failed test: exception classes are ours, so they are not compared.
    """

    ending: str
    value: object = None
    asked: tuple[str, ...] = ()
    code: str | None = field(default=None, compare=False)
    error: Exception | None = field(default=None, compare=False)


def outcome(look_up: Callable[[], object], asked: Callable[[], tuple[str, ...]] = tuple) -> Outcome:
    """Looks up; ``asked`` then returns the requests. A panic is not an ``Exception`` and fails the test."""
    try:
        value = look_up()
    except Exception as error:  # noqa: BLE001  (the error of a lookup is compared)
        return Outcome("raises", None, asked(), _code(error), error)
    return Outcome("none" if value is None else "value", plain(value), asked())


def plain(value: object) -> object:
    """A value in a form whose ``==`` overlooks nothing: neither a type nor NaN."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple(CONNECTION_CLASSES.values())):
        return connection(value)
    return repr(value)


def connection(found: Any) -> dict[str, str]:
    """Every field of a connection, and the URI that Airflow makes of it."""
    fields: dict[str, Callable[[], object]] = {
        name: lambda name=name: getattr(found, name)  # type: ignore[misc]
        for name in CONNECTION_FIELDS
    }
    fields["uri"] = lambda: found.get_uri()
    return {"class": f"{type(found).__module__}", **{name: _read(read) for name, read in fields.items()}}


def _read(read: Callable[[], object]) -> str:
    """The result of reading a field; some fields fail for some contents."""
    try:
        return repr(read())
    except Exception as error:  # noqa: BLE001  (an error is an outcome of a field, too)
        return f"raises {type(error).__name__}"


def _code(error: Exception) -> str | None:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return error.code if isinstance(error, StrongroomError) else None


def assert_parity(official: Outcome, ours: Outcome) -> None:
    """The same outcome, the same value, the same requests; an error with the same code, of a class of ours."""
    assert ours == official, f"\nofficial: {official}\nours:     {ours}"
    if official.code:
        assert ours.code == official.code
    if ours.ending == "raises":
        assert isinstance(ours.error, (StrongroomError, ValueError, TypeError)), repr(ours.error)


def short(text: object) -> str:
    """A readable test id of any text."""
    written = text if isinstance(text, str) else json.dumps(text)
    kept = "".join(letter if " " <= letter <= "~" else f"<{ord(letter):x}>" for letter in written)
    return kept if len(kept) <= 40 else f"{kept[:30]}..{len(written)}"
