"""The backend of processes that hold no store: Airflow's server asks its own."""

from __future__ import annotations

import os
import sys

from strongroom import _airflow, _maskers, _native
from strongroom._base import DuckType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from strongroom._airflow import Connection

_said: set[str] = set()
"""What was warned of. A task does not repeat what the process that forked it has said."""


class ServerBackend(DuckType):
    """Answers None by design, so that tasks, parsed DAG files and triggers ask through Airflow's server.

    For Airflow 3, on every host whose processes are to hold no store and no credential:

        [workers]
        secrets_backend = strongroom.server.ServerBackend

    The API server, the DAG processor and the triggerer then ask the backend of their own `[secrets]`.
    `docs/on-the-server.md` says what this gains, costs and lacks.
    """

    def __init__(self, **options: Any) -> None:
        """Take the `secrets_backend_kwargs`: there is no option, so whatever is given is warned of."""
        keys = ", ".join(f"`{key}`" for key in sorted(options))
        del options  # error reporters send what the frames of a traceback hold
        if keys:
            _warn(
                f"options {keys}",
                f"[workers] secrets_backend_kwargs has {keys}, and this class takes no options. "
                "The options of the store belong in [secrets] backend_kwargs of the server.",
            )
        _maskers.take_over()

    def __repr__(self) -> str:
        """Name the class; there is nothing else."""
        return f"<{type(self).__module__}.{type(self).__qualname__}>"

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Return None: the server is asked next."""
        _notice_a_wrong_place()
        return None

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Return None: the server is asked next."""
        _notice_a_wrong_place()
        return None

    def get_config(self, key: str) -> str | None:
        """Return None; a warning says of each key once that nothing else is asked, so the option keeps its default."""
        if f"config {key}" not in _said:
            _warn(
                f"config {key}",
                f"Config {key!r} was asked for by {_options_with(key)}. This process holds no store, and Airflow asks "
                "its server for connections and variables only, so the option keeps its default here. Write the "
                "value into the option itself, or use its _CMD form.",
            )
        return None

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """Return None: the server is asked next."""
        _notice_a_wrong_place()
        return None

    async def aget_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """Return None: the server is asked next."""
        _notice_a_wrong_place()
        return None

    async def aget_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Return None: the server is asked next."""
        _notice_a_wrong_place()
        return None

    def refresh(self, id: str | None = None, team_name: str | None = None) -> None:
        """Do nothing: the server remembers, and no process of a task can make it forget."""

    def deserialize_connection(self, conn_id: str, value: str) -> Connection:
        """Turn a URI or JSON into a connection by the rules of the running Airflow."""
        try:
            return _airflow.deserialize(_Fields(), self._get_connection_class(), conn_id, value)
        finally:
            del value  # error reporters send what the frames of a traceback hold


class _Fields:
    """Reads connections without a store."""

    def connection_fields(self, conn_id: object, value: str, dialect: str) -> dict[str, Any]:
        try:
            fields = _native.parse_connection(value, dialect)
        finally:
            del value  # error reporters send what the frames of a traceback hold
        del fields["extra_dejson"]
        return fields


def _notice_a_wrong_place() -> None:
    """Say so where this class is the server's own, so that no store is asked at all."""
    if "server" not in _said and _airflow.answers_workers() and _airflow.named("secrets", "backend") == _PATH:
        _warn(
            "server",
            f"[secrets] backend of this process names {_PATH}, and tasks ask this process: nothing answers but the "
            "environment and the metastore. Name the class of the store there; this one belongs into [workers] "
            "secrets_backend.",
        )


_PATH = f"{__name__}.{ServerBackend.__qualname__}"


def _options_with(key: str) -> str:
    """Name the options whose `_SECRET` form holds `key`."""
    found = [name for name, text in os.environ.items() if text == key and _is_secret_form(name)]
    found += [f"[{section}] {option}" for section, option, text in _airflow.secret_options() if text == key]
    return ", ".join(found) or "an option of Airflow's"


def _is_secret_form(name: str) -> bool:
    return name.startswith("AIRFLOW__") and name.endswith("_SECRET")


def _warn(topic: str, text: str) -> None:
    """Log once for each topic, where `logging` is loaded as in every process of Airflow: see `src/python/log.rs`."""
    if topic in _said:
        return
    _said.add(topic)
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger(_PATH).warning(text)
    elif sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
