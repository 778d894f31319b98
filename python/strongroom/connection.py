"""Airflow's rules for connections, without Airflow.

>>> parse("postgresql://user:pass@host:5432/db")["conn_type"]
'postgres'
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from strongroom import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

Dialect: TypeAlias = Literal["airflow_3_3", "task_sdk_1_3", "airflow_3_0", "airflow_2_11"]
"""Whose rules apply: Airflow core from 3.1.6, the Task SDK 1.x, core 3.0.0 to 3.1.5, Airflow 2.9 to 2.11."""

__all__ = ["Dialect", "build_uri", "parse"]


def parse(value: str, *, dialect: Dialect | None = None) -> dict[str, Any]:
    """Read a connection from its URI or JSON.

    Returns a dict with `conn_type`, `login`, `password`, `host`, `port`, `schema`, `description`, `extra`
    (JSON text) and `extra_dejson` (its contents). The dialect is that of the running Airflow, or
    `airflow_3_3` without one.

    Raises `strongroom.exceptions.ConnectionFormatError`, a `ValueError`, where Airflow raises; the message
    never shows the value.
    """
    try:
        return _native.parse_connection(value, dialect or _running_dialect())
    finally:
        del value  # error reporters send what the frames of a traceback hold


def build_uri(fields: Mapping[str, Any], *, dialect: Dialect | None = None) -> str:
    """Write a connection as the URI that Airflow's `get_uri` gives.

    `fields` takes the keys that `parse` returns; `extra` may be JSON text or a dict, and `extra_dejson`
    is used if `extra` is missing. Raises `strongroom.exceptions.ConnectionFormatError` for an unknown key
    and for fields that Airflow cannot write as a URI.
    """
    try:
        return _native.build_connection_uri(dict(fields), dialect or _running_dialect())
    finally:
        del fields


def _running_dialect() -> str:
    """Determine the running Airflow's dialect, only if the caller has not named one."""
    from strongroom._airflow import running_dialect

    return running_dialect()
