"""Everything that reads from the running Airflow. Nothing here imports Airflow before a lookup needs it."""

from __future__ import annotations

import os
import sys

from strongroom.exceptions import ConnectionFormatError

# Imported when the first backend is made: see `_base`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeAlias

    Connection: TypeAlias = Any
    """An object of Airflow's connection class, whichever it is."""

    class Reader(Protocol):
        """What takes the text of a connection apart."""

        def connection_fields(self, conn_id: object, value: str, dialect: str) -> dict[str, Any]:
            """Return the arguments of Airflow's `Connection`."""

    class ConnectionClass(Protocol):
        """A connection class: core's, the Task SDK's, or one derived from them."""

        __module__: str
        __qualname__: str

        def __call__(self, *, conn_id: str, **fields: Any) -> Connection:
            """Make a connection from its fields."""


_CORE_CLASS = ("airflow.models.connection", "Connection")
_SDK_CLASS = ("airflow.sdk.definitions.connection", "Connection")


def default_connection_class() -> ConnectionClass:
    """Return core's class, for an Airflow before 3.2, which does not set a class."""
    from airflow.models.connection import Connection as core_class

    found: ConnectionClass = core_class
    return found


def running_dialect() -> str:
    """Return the connection dialect of the Airflow in this process; the newest one without Airflow."""
    airflow = sys.modules.get("airflow")
    return _dialect_of_core(str(getattr(airflow, "__version__", ""))) if airflow else "airflow_3_3"


def _dialect_of_core(version: str) -> str:
    numbers = tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:3])
    if not numbers or numbers >= (3, 1, 6) or numbers == (0,):
        return "airflow_3_3"
    return "airflow_3_0" if numbers >= (3,) else "airflow_2_11"


def _dialect_of_class(conn_class: ConnectionClass) -> str | None:
    place = (conn_class.__module__, conn_class.__qualname__)
    if place == _SDK_CLASS:
        return "task_sdk_1_3"
    return running_dialect() if place == _CORE_CLASS else None


def deserialize(core: Reader, conn_class: ConnectionClass, conn_id: str, value: str) -> Connection:
    """Make a connection of `conn_class`; an unknown class uses its own parser.

    Whatever is raised, no frame here holds the value by then: error reporters send the contents of frames.
    """
    try:
        dialect = _dialect_of_class(conn_class)
        if dialect is not None:
            return conn_class(conn_id=conn_id, **core.connection_fields(conn_id, value, dialect))
        return _by_own_parser(conn_class, conn_id, value)
    finally:
        del value


def _by_own_parser(conn_class: Any, conn_id: str, value: str) -> Connection:
    try:
        value = value.strip()
        if not value:
            raise ConnectionFormatError("the connection is empty")
        if value[0] == "{":
            return conn_class.from_json(value=value, conn_id=conn_id)
        if hasattr(conn_class, "from_uri"):
            return conn_class.from_uri(conn_id=conn_id, uri=value)
        return conn_class(conn_id=conn_id, uri=value)
    finally:
        del value


def multi_team() -> bool:
    """Read `[core] multi_team`; an Airflow without this option has no teams."""
    for name in ("airflow.configuration", "airflow.sdk.configuration"):
        conf = getattr(sys.modules.get(name), "conf", None)
        if conf is not None:
            return bool(conf.getboolean("core", "multi_team", fallback=False))
    return os.environ.get("AIRFLOW__CORE__MULTI_TEAM", "").strip().lower() in ("t", "true", "1")


def unread_kwargs(keys: list[str]) -> list[str]:
    """Return a warning if the configured kwargs could not be read by Airflow, since it then passes none of them.

    Only the keys with a variable of their own are still passed.
    """
    prefixes = ("AIRFLOW__SECRETS__BACKEND_KWARG__", "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARG__")
    alone = {name.removeprefix(prefix).lower() for prefix in prefixes for name in os.environ if name.startswith(prefix)}
    if not alone.issuperset(keys):
        return []
    return [
        f"{place} is {problem}, so Airflow passed no kwargs and the defaults apply; {remedy}"
        for place, text in _written_kwargs()
        for problem, remedy in [_problem(text)]
        if problem
    ]


def _written_kwargs() -> list[tuple[str, str]]:
    """Return the texts of `backend_kwargs`, and the place of each. Reads only from memory."""
    variables = ("AIRFLOW__SECRETS__BACKEND_KWARGS", "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS")
    written = [(name, os.environ[name]) for name in variables if os.environ.get(name, "").strip()]
    if not written:
        for section, option in (("secrets", "backend_kwargs"), ("workers", "secrets_backend_kwargs")):
            text = _in_file(section, option)
            if text.strip():
                written.append((f"[{section}] {option} in airflow.cfg", text.replace("%%", "%")))
    return written


def named(section: str, option: str) -> str:
    """Return an option as it is written in the environment or in airflow.cfg, without the ways around both."""
    return os.environ.get(f"AIRFLOW__{section}__{option}".upper(), "").strip() or _in_file(section, option).strip()


def _in_file(section: str, option: str) -> str:
    """Return an option as the loaded airflow.cfg has it."""
    conf = _loaded_file()
    if conf is None:
        return ""
    # Past Airflow's own `get`, which would run `_cmd` and ask a secrets backend for this very option.
    return str(sys.modules["configparser"].ConfigParser.get(conf, section, option, raw=True, fallback="") or "")


def secret_options() -> list[tuple[str, str, str]]:
    """Return the options of the loaded airflow.cfg that take their value from a backend: section, option, key."""
    conf = _loaded_file()
    return [
        (section, option, _in_file(section, option))
        for section in (conf.sections() if conf else ())
        for option in conf.options(section)
        if option.endswith("_secret")
    ]


def _loaded_file() -> Any:
    """Return the parser that holds airflow.cfg, if Airflow has read it."""
    conf = getattr(sys.modules.get("airflow.configuration"), "conf", None)
    configparser = sys.modules.get("configparser")
    return conf if configparser and isinstance(conf, configparser.ConfigParser) else None


def _problem(text: str) -> tuple[str, str]:
    """Return the problem of `text` as kwargs, and the remedy; both empty if there is none."""
    import json

    try:
        parsed = json.loads(text)
    except ValueError as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        return f"not valid JSON{place}", "JSON has double quotes, lower-case true/false/null and no trailing comma"
    if not isinstance(parsed, dict):
        return "no JSON object", 'write an object such as {"connections_prefix": "airflow/connections"}'
    return "", ""


def answers_workers() -> bool:
    """Whether tasks ask this process: it has loaded Airflow's Execution API, and asks no supervisor itself."""
    if "airflow.api_fastapi.execution_api.app" not in sys.modules:
        return False
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    return getattr(runner, "SUPERVISOR_COMMS", None) is None


def passes_refusals_over() -> bool:
    """Whether tasks ask this process, and its Airflow takes a refusal for a miss, as all do before 3.2.2."""
    heeded = getattr(sys.modules.get("airflow.models.connection"), "AirflowSecretsBackendAccessDenied", None)
    raised = getattr(sys.modules.get("airflow.sdk.exceptions"), "AirflowSecretsBackendAccessDenied", None)
    return answers_workers() and (heeded is None or heeded is not raised)
