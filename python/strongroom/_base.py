"""What every backend class shares: the methods that Airflow calls, around the native core."""

from __future__ import annotations

# Import all of our modules at once: a module that a thread is importing during a fork stays locked in the child.
from strongroom import (  # noqa: F401
    _airflow,
    _later,
    _maskers,
    _masking,
    _native,
    _reporting,
    _signals,
    _telemetry,
    exceptions,
)

# Every process of Airflow pays for these imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from strongroom._airflow import Connection, ConnectionClass


class DuckType:
    """What Airflow asks of the class itself, without importing Airflow.

    Airflow never checks for its own base class, and importing it here would make `import airflow` circular
    (the backend is imported *by* `import airflow`).
    """

    _connection_class: ConnectionClass | None = None

    @staticmethod
    def build_path(path_prefix: str, secret_id: str, sep: str = "/") -> str:
        """Join a prefix and an id as Airflow's base class does."""
        return f"{path_prefix}{sep}{secret_id}"

    def _set_connection_class(self, conn_class: ConnectionClass) -> None:
        """Airflow 3.2 and newer say which class to return; the call is mandatory there."""
        self._connection_class = conn_class

    def _get_connection_class(self) -> ConnectionClass:
        if self._connection_class is None:
            self._connection_class = _airflow.default_connection_class()
        return self._connection_class


class SecretsBackend(DuckType):
    """The interface that Airflow 2.9 to 3.3 calls, on a store.

    Instances are cheap: the client, the cache and the credentials belong to the process and are shared by every
    backend with the same kwargs.
    """

    _store: ClassVar[str]

    def __init__(self, **kwargs: Any) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        cls = type(self)
        try:
            self._core = _native.Backend(self._store, f"{cls.__module__}.{cls.__qualname__}", kwargs)
        finally:
            del kwargs  # error reporters send the contents of the frames of a traceback
        _maskers.take_over()

    def __repr__(self) -> str:
        """Show the class and the store, but no configured values."""
        return f"<{type(self).__module__}.{type(self).__qualname__} on {self._store}>"

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Return the URI or JSON of a connection, or None if there is no such secret."""
        value: str | None = self._core.get_conn_value(conn_id, team_name)
        return value

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Return the value of a variable, or None if there is no such secret."""
        value: str | None = self._core.get_variable(key, team_name)
        return value

    def get_config(self, key: str) -> str | None:
        """Return the value of a configuration option, or None if there is no such secret."""
        value: str | None = self._core.get_config(key)
        return value

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """Return the connection as an object of the running Airflow's class, or None."""
        return self._as_connection(conn_id, [self.get_conn_value(conn_id=conn_id, team_name=team_name)])

    async def aget_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """The same as `get_connection`, without blocking the event loop."""

        def read(held: list[Any]) -> Connection | None:
            return self._as_connection(conn_id, held)

        known, *held = self._core.remembered("connection", conn_id, team_name)
        return read(held) if known else await _later.look_up(self._core, "connection", conn_id, team_name, read)

    async def aget_variable(self, key: str, team_name: str | None = None) -> str | None:
        """The same as `get_variable`, without blocking the event loop."""
        known, value = self._core.remembered("variable", key, team_name)
        variable: str | None = value if known else await _later.look_up(self._core, "variable", key, team_name, _only)
        return variable

    def refresh(self, id: str | None = None, team_name: str | None = None) -> None:
        """Make the next lookup call the store: for `id` (of connection, variable and config alike), or for everything.

        Returns at once. If the store does not answer then, the old value is still served, as after an expiry.
        """
        self._core.refresh(id, team_name)

    def deserialize_connection(self, conn_id: str, value: str) -> Connection:
        """Turn a URI or JSON into a connection according to the rules of the running Airflow."""
        try:
            return _airflow.deserialize(self._core, self._get_connection_class(), conn_id, value)
        finally:
            del value  # error reporters send the contents of the frames of a traceback

    def _as_connection(self, conn_id: str, held: list[Any]) -> Connection | None:
        """Make a connection from the one text in `held`, and remove it, so that no error reporter finds it there."""
        return self.deserialize_connection(conn_id, held.pop()) if held[0] else None


def _only(held: list[Any]) -> Any:
    return held.pop()
