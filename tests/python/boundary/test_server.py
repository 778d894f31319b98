"""The backend of processes that hold no store: it answers None, and says what nothing will answer."""

from __future__ import annotations

import asyncio
import configparser
import inspect
import logging
import pickle
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from strongroom import _airflow, exceptions, server
from strongroom.exceptions import AccessDeniedError
from strongroom.memory import MemoryBackend
from strongroom.server import ServerBackend

CANARY = "canary-5e0b77"
LOGGER = "strongroom.server.ServerBackend"
OPTION = "AIRFLOW__SENTRY__SENTRY_DSN_SECRET"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test hears every warning once."""
    monkeypatch.setattr(server, "_said", set())


def test_every_getter_answers_none() -> None:
    backend = ServerBackend()
    assert backend.get_conn_value("db") is None
    assert backend.get_conn_value(conn_id="db", team_name="blue") is None
    assert backend.get_connection("db") is None
    assert backend.get_connection(conn_id="db", team_name="blue") is None
    assert backend.get_variable("hello") is None
    assert backend.get_variable(key="hello", team_name="blue") is None
    assert backend.get_config("smtp") is None
    assert asyncio.run(backend.aget_connection("db")) is None
    assert asyncio.run(backend.aget_variable("hello", "blue")) is None


def test_it_has_what_the_classes_with_a_store_have() -> None:
    def shape(backend: type) -> dict[str, Any]:
        named = (
            name for name in dir(backend) if name.startswith(("get_", "aget_", "_get_connection", "_set_connection"))
        )
        also = ("build_path", "deserialize_connection", "refresh")
        return {name: inspect.signature(getattr(backend, name)) for name in (*named, *also)}

    assert shape(ServerBackend) == shape(MemoryBackend)


def test_it_makes_connections_of_the_class_that_airflow_names() -> None:
    class Connection:
        def __init__(self, *, conn_id: str, **fields: Any) -> None:
            self.conn_id, self.fields = conn_id, fields

    backend = ServerBackend()
    backend._set_connection_class(Connection)
    made = backend.deserialize_connection("db", " x://u:p@h ")
    assert (made.conn_id, made.fields) == ("db", {"uri": "x://u:p@h"})
    Connection.__module__, Connection.__qualname__ = "airflow.sdk.definitions.connection", "Connection"
    made = backend.deserialize_connection("db", '{"conn_type": "x", "password": "p", "extra": {"a": 1}}')
    assert (made.fields["password"], made.fields["extra"]) == ("p", '{"a": 1}')
    assert "extra_dejson" not in made.fields


def test_options_are_warned_of_by_name_and_nothing_keeps_them(caplog: pytest.LogCaptureFixture) -> None:
    made = [ServerBackend(token=CANARY, url="https://u:" + CANARY + "@h") for _ in range(2)]
    (warning,) = caplog.records
    assert (warning.name, warning.levelno) == (LOGGER, logging.WARNING)
    assert "`token`, `url`" in warning.message
    assert "[secrets] backend_kwargs" in warning.message
    assert CANARY not in f"{caplog.text} {made!r} {[vars(one) for one in made]!r}"
    assert repr(made[0]) == "<strongroom.server.ServerBackend>"
    assert vars(made[0]) == {}


def test_without_options_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    backend = ServerBackend()
    backend.get_connection("db")
    backend.get_variable("hello")
    assert caplog.records == []


def test_each_option_that_stays_unanswered_is_warned_of_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OPTION, "sentry/dsn")
    monkeypatch.setenv("OTHER_SECRET", "sentry/dsn")
    for _ in range(2):
        assert ServerBackend().get_config("sentry/dsn") is None
        assert ServerBackend().get_config("elsewhere") is None
    first, second = [record.message for record in caplog.records]
    assert f"'sentry/dsn' was asked for by {OPTION}." in first
    assert "keeps its default" in first
    assert "'elsewhere' was asked for by an option of Airflow's." in second


def test_options_of_the_file_are_named_too(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = configparser.ConfigParser()
    loaded.read_string("[sentry]\nsentry_dsn_secret = 100%%\n[smtp]\nsmtp_user = 100%%\n")
    configuration = ModuleType("airflow.configuration")
    configuration.conf = loaded  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "airflow.configuration", configuration)
    ServerBackend().get_config("100%%")
    assert "was asked for by [sentry] sentry_dsn_secret." in caplog.text


def test_in_the_place_of_the_servers_own_backend_it_says_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", LOGGER)
    backend = ServerBackend()
    backend.get_connection("db")
    assert caplog.records == [], "on a host of workers it may stand there"
    monkeypatch.setitem(sys.modules, "airflow.api_fastapi.execution_api.app", ModuleType("app"))
    backend.get_connection("db")
    backend.get_variable("hello")
    (warning,) = caplog.records
    assert "[secrets] backend of this process names strongroom.server.ServerBackend" in warning.message


def test_where_nothing_logs_warnings_go_to_the_standard_error() -> None:
    program = (
        "import sys; from strongroom.server import ServerBackend; assert 'logging' not in sys.modules\n"
        "ServerBackend().get_config('k'); ServerBackend().get_config('k')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.count("Config 'k' was asked for") == 1
    assert done.stdout == ""


# What becomes of a refusal where tasks ask


class Refused(Exception):
    """In the place of starlette's HTTPException."""


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has loaded Airflow's Execution API, by the names of its modules."""
    denied = type("AirflowSecretsBackendAccessDenied", (PermissionError,), {})
    modules: dict[str, dict[str, Any]] = {
        "airflow": {},
        "airflow.sdk": {},
        "airflow.sdk.exceptions": {"AirflowSecretsBackendAccessDenied": denied},
        "airflow.models.connection": {"AirflowSecretsBackendAccessDenied": denied},
        "airflow.api_fastapi.execution_api.app": {},
        "starlette.exceptions": {"HTTPException": Refused},
    }
    for name, contents in modules.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(exceptions, "_stopping", {})


@pytest.mark.usefixtures("serving")
def test_a_refusal_is_answered_with_403_where_airflow_lets_it_through() -> None:
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

    made = exceptions._from_native("denied", "no", {"code": "AccessDenied"}, stops_airflow=True)
    assert isinstance(made, AirflowSecretsBackendAccessDenied)
    assert isinstance(made, Refused)
    assert isinstance(made, AccessDeniedError)
    assert (made.status_code, made.headers, str(made)) == (403, None, "no")  # type: ignore[attr-defined]
    assert made.detail["reason"] == "access_denied"  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(made))
    assert (type(again), again.code) == (type(made), "AccessDenied")


def test_a_class_made_before_the_server_is_there_gives_way(serving: None, monkeypatch: pytest.MonkeyPatch) -> None:
    app = sys.modules.pop("airflow.api_fastapi.execution_api.app")
    before = exceptions._from_native("denied", "no", {}, stops_airflow=True)
    assert not isinstance(before, Refused)
    monkeypatch.setitem(sys.modules, "airflow.api_fastapi.execution_api.app", app)
    assert isinstance(exceptions._from_native("denied", "no", {}, stops_airflow=True), Refused)


def refusing(**options: Any) -> MemoryBackend:
    """Ends every lookup of a variable with an error, and stops."""
    return MemoryBackend(on_error="stop", variables_lookup_pattern="(", connections_lookup_pattern="(", **options)


@pytest.mark.usefixtures("serving")
def test_where_airflow_hides_a_refusal_it_is_none_and_an_error_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused):
        refusing(sep="1").get_variable("hello")
    monkeypatch.delattr(sys.modules["airflow.models.connection"], "AirflowSecretsBackendAccessDenied")
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    backend = refusing(sep="2")
    assert backend.get_variable("hello") is None
    assert backend.get_variable("hello") is None
    assert asyncio.run(backend.aget_variable("other")) is None
    said = [record for record in caplog.records if "cannot stop a server of this Airflow" in record.message]
    assert [record.levelname for record in said] == ["ERROR", "DEBUG", "ERROR"]
    assert said[0].message.startswith('Variable "hello": ')
    assert "pattern" in said[0].message


@pytest.mark.usefixtures("serving")
def test_in_a_child_that_asks_its_supervisor_a_refusal_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys.modules["airflow.models.connection"], "AirflowSecretsBackendAccessDenied")
    runner = ModuleType("airflow.sdk.execution_time.task_runner")
    runner.SUPERVISOR_COMMS = object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, runner.__name__, runner)
    assert not _airflow.passes_refusals_over()
    with pytest.raises(Refused):
        refusing(sep="3").get_variable("hello")
