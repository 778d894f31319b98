"""The connection parser compared with Airflow's own, in both directions: core's model and the Task SDK's class."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from airflow.models.connection import Connection as CoreConnection
from airflow.sdk.definitions.connection import Connection as SdkConnection
from hypothesis import given, note

from strongroom.connection import Dialect, build_uri, parse
from strongroom.exceptions import ConnectionFormatError
from tests.property.with_airflow.texts import CONNECTIONS

FIELDS = ("conn_type", "login", "password", "host", "port", "schema", "description", "extra")
DIALECTS: list[tuple[Dialect, Any]] = [("airflow_3_3", CoreConnection), ("task_sdk_1_3", SdkConnection)]


def of_core(text: str) -> Any:
    """As core's ``deserialize_connection`` does."""
    value = text.strip()
    return (
        CoreConnection.from_json(value=value, conn_id="c")
        if value[0] == "{"
        else CoreConnection(conn_id="c", uri=value)
    )


def of_sdk(text: str) -> Any:
    """As the Task SDK does."""
    value = text.strip()
    return (
        SdkConnection.from_json(value=value, conn_id="c")
        if value[0] == "{"
        else SdkConnection.from_uri(conn_id="c", uri=value)
    )


def attempted(work: Any) -> Any:
    """What ``work`` returns; all exceptions count as equal."""
    try:
        return True, work()
    except Exception as error:  # noqa: BLE001 (Airflow raises many types)
        note(f"{type(error).__name__}: {error}")
        return False, None


def read_airflow(text: str, cls: Any) -> Any:
    """The fields in Airflow's connection, and its URI."""
    connection = of_core(text) if cls is CoreConnection else of_sdk(text)
    fields = {name: getattr(connection, name) for name in FIELDS}
    fields["extra_dejson"] = attempted(lambda: connection.extra_dejson)[1]
    return fields, attempted(connection.get_uri)


def read_ours(text: str, dialect: Dialect) -> Any:
    """The same from our parser."""
    fields = parse(text, dialect=dialect)
    given_fields = {name: value for name, value in fields.items() if name != "extra_dejson"}
    return fields, attempted(lambda: build_uri(given_fields, dialect=dialect))


@pytest.mark.parametrize(("dialect", "cls"), DIALECTS)
@given(text=CONNECTIONS)
def test_a_text_is_the_same_connection_or_none_in_both(dialect: Dialect, cls: Any, text: str) -> None:
    theirs, ours = attempted(lambda: read_airflow(text, cls)), attempted(lambda: read_ours(text, dialect))
    # Ours refuses a URI that would be read as different fields.
    if ours[0] and theirs[0] and ours[1][1] == (False, None):
        ours, theirs = (True, ours[1][0]), (True, theirs[1][0])
    # Compared by repr: NaN is not equal to itself, and 1 equals True.
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("dialect", [dialect for dialect, _ in DIALECTS])
@given(text=CONNECTIONS)
def test_only_one_kind_of_exception_is_raised(dialect: Dialect, text: str) -> None:
    with contextlib.suppress(ConnectionFormatError):
        fields = parse(text, dialect=dialect)
        fields.pop("extra_dejson")
        build_uri(fields, dialect=dialect)
