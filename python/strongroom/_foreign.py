"""Backend classes of other packages, as members of a chain."""

from __future__ import annotations

import inspect
import os
import sys
from importlib import import_module
from json import dumps, loads

from strongroom.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_GETTERS = {"connection": "get_conn_value", "variable": "get_variable", "config": "get_config"}
#: In place of `get_conn_value`, in classes that make the connection themselves.
_CONNECTION = "get_connection"
#: The members of a connection that its JSON form has, in Airflow 2.9 to 3.3 (`airflow/models/connection.py`).
_FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")
_DENIED = "AirflowSecretsBackendAccessDenied"

#: One instance per class, arguments and process.
_instances: dict[tuple[str, str], tuple[int, Any]] = {}
#: What a parent made. It is kept, and never used: its sockets and locks belong to the parent.
_inherited: list[Any] = []
_warned: set[str] = set()


class _Unusable(Exception):
    """The class cannot be asked at all."""


def ask(path: str, key: str, kwargs: dict[str, Any], kind: str, secret_id: str, team: str | None) -> Any:
    """Return what the class at `path` has for an id, or None."""
    try:
        backend = _instance(path, key, kwargs)
        name = _getter(type(backend), kind)
        if name is None:
            return None
        getter = getattr(backend, name)
        # A class from before Airflow 3.2 knows no teams.
        teams = {"team_name": team} if team is not None and _takes_team(getter) else {}
        found = getter(secret_id, **teams)
        return _text(found) if name == _CONNECTION else found
    finally:
        del kwargs  # error reporters send the contents of the frames of a traceback


def _getter(cls: type, kind: str) -> str | None:
    """Return the method to ask; Airflow's base class raises for a kind that a class leaves out."""
    known = [_GETTERS[kind], *([_CONNECTION] if kind == "connection" else [])]
    return next((name for name in known if _overrides(cls, name)), None)


def _text(connection: Any) -> str | None:
    """Return the JSON form of a connection, from which Airflow makes the same one again."""
    if connection is None:
        return None
    fields = {name: getattr(connection, name, None) for name in _FIELDS}
    return dumps({name: field for name, field in fields.items() if field is not None})


def verdict(error: BaseException) -> tuple[str, str]:
    """Tell what an exception of a class means, with its name or our own words."""
    if isinstance(error, _Unusable):
        return "config", str(error)
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if any(known.__name__ == _DENIED for known in type(error).__mro__):
        return "denied", name
    return ("temporary" if isinstance(error, Exception) else "passes"), name


def check(stores: Any) -> None:
    """Refuse members whose class could not answer in a chain. A class that cannot be imported now may be later."""
    paths = _classes(stores)
    del stores  # error reporters send the contents of the frames of a traceback
    for path in paths:
        _check(path)


def _classes(stores: Any) -> list[str]:
    """Return the path of each member that has a class; the native half reports what is malformed."""
    if isinstance(stores, str):
        try:
            stores = loads(stores) if '"class"' in stores else []
        except ValueError:
            return []
    members = [store for store in stores if isinstance(store, dict)] if isinstance(stores, list) else []
    found = [store.get("class") for store in members if not store.get("store")]
    return [path for path in found if isinstance(path, str) and not path.startswith("strongroom.")]


def _check(path: str) -> None:
    try:
        cls = _load(path)
    except _Unusable as error:
        # While Airflow itself is being imported, a class of Airflow may be out of reach.
        _warn_once(f"The backend class `{path}` cannot be used: {error}. Each lookup that reaches it tries again")
        return
    if not isinstance(cls, type) or not any(hasattr(cls, getter) for getter in (*_GETTERS.values(), _CONNECTION)):
        raise ConfigurationError(
            f"`{path}` is no secrets backend class. Name a class that has get_conn_value, get_connection, get_variable "
            "or get_config"
        )


def _warn_once(text: str) -> None:
    """Log what concerns the whole process; Airflow makes many backends of one configuration."""
    if text in _warned:
        return
    _warned.add(text)
    logging = sys.modules.get("logging")
    if logging is None:
        sys.stderr.write(f"strongroom: {text}\n")
    else:
        logging.getLogger("strongroom.chain.ChainBackend").warning("%s", text)


def _overrides(cls: type, method: str) -> bool:
    """Tell whether a class has a method of its own, and not that of Airflow's base class."""
    owner = next((known for known in cls.__mro__ if method in vars(known)), None)
    return owner is not None and owner.__name__ != "BaseSecretsBackend"


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _Unusable(f"it cannot be imported ({type(error).__name__})") from None


def _instance(path: str, key: str, kwargs: dict[str, Any]) -> Any:
    made = _instances.get((path, key))
    if made is not None and made[0] == os.getpid():
        return made[1]
    if made is not None:
        _inherited.append(made)
    cls = _load(path)
    try:
        backend = cls(**kwargs)
    finally:
        del kwargs
    # Two threads may have made one at the same time; both are as good.
    _instances[path, key] = (os.getpid(), backend)
    return backend


def _takes_team(getter: Any) -> bool:
    try:
        parameters = inspect.signature(getter).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(known.name == "team_name" or known.kind is known.VAR_KEYWORD for known in parameters)
