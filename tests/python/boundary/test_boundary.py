"""What crosses between Python and the native core: kwargs, values, exceptions, log records."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import logging
import pickle
import subprocess
import sys
import threading
from typing import Any

import pytest

import strongroom
from strongroom import exceptions
from strongroom.exceptions import ConfigurationError, StrongroomError
from strongroom.memory import MemoryBackend

CANARY = "canary-6f1d2c9e"
LOGGER = "strongroom.memory.MemoryBackend"


def memory(**options: Any) -> MemoryBackend:
    """A backend with its own cache: one test never gets an answer that another test cached."""
    secrets = {
        "airflow/connections/db": "mysql://u:p@h/s",
        "airflow/variables/hello": "world",
        "airflow/variables/empty": "",
        "airflow/variables/object": {"a": [1, 2.5, None, True]},
        "airflow/config/smtp": "secret-value",
        **options.pop("secrets", {}),
    }
    return MemoryBackend(secrets=secrets, **options)


def test_importing_the_package_imports_neither_airflow_nor_an_sdk() -> None:
    script = (
        "import sys, strongroom, strongroom.aws, strongroom.local, strongroom.connection, strongroom.memory;"
        "print([name for name in ('airflow', 'boto3', 'ssl', 'asyncio', 'logging', 'json') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_every_getter_answers() -> None:
    backend = memory()
    assert backend.get_conn_value("db") == "mysql://u:p@h/s"
    assert backend.get_variable("hello") == "world"
    assert backend.get_variable("empty") == ""
    assert backend.get_config("smtp") == "secret-value"
    assert backend.get_variable("missing") is None
    assert backend.get_conn_value("missing") is None
    assert backend.get_config("missing") is None


def test_a_structured_value_is_a_fresh_object_each_time() -> None:
    backend = memory()
    first: Any = backend.get_variable("object")
    assert first == {"a": [1, 2.5, None, True]}
    first["a"].clear()
    again: Any = backend.get_variable("object")
    assert again == {"a": [1, 2.5, None, True]}


def test_signatures_are_those_that_airflow_inspects() -> None:
    assert list(inspect.signature(MemoryBackend.get_conn_value).parameters) == ["self", "conn_id", "team_name"]
    assert list(inspect.signature(MemoryBackend.get_connection).parameters) == ["self", "conn_id", "team_name"]
    assert list(inspect.signature(MemoryBackend.get_variable).parameters) == ["self", "key", "team_name"]
    assert list(inspect.signature(MemoryBackend.get_config).parameters) == ["self", "key"]
    assert MemoryBackend.build_path("p", "i") == "p/i"


def test_teams_come_first_and_the_shared_name_second() -> None:
    backend = memory(secrets={"airflow/variables/blue--hello": "team", "airflow/connections/blue--db": "x://team"})
    assert backend.get_variable("hello", "blue") == "team"
    assert backend.get_variable(key="hello", team_name="red") == "world"
    assert backend.get_conn_value(conn_id="db", team_name="blue") == "x://team"
    assert backend.get_variable("hello") == "world"


def test_an_ambiguous_id_is_refused_with_teams_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = {f"airflow/{kind}/blue--x": "value" for kind in ("connections", "variables", "config")}
    backend = memory(secrets=secrets, cache_ttl=0)
    assert backend.get_variable("blue--x") == "value"
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    assert backend.get_conn_value("blue--x") is None
    assert backend.get_variable("blue--x") is None
    assert backend.get_config("blue--x") is None
    refusals = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.name for record in refusals] == [LOGGER] * 3
    assert all("'blue--x'" in record.getMessage() or '"blue--x"' in record.getMessage() for record in refusals)


def test_a_null_prefix_switches_a_kind_off() -> None:
    backend = memory(variables_prefix=None)
    assert backend.get_variable("hello") is None
    assert backend.get_conn_value("db") is not None


def test_the_asynchronous_getters_agree() -> None:
    async def ask() -> list[Any]:
        backend = memory()
        return [
            await backend.aget_variable("hello"),
            await backend.aget_variable("hello"),
            await backend.aget_variable("missing"),
            await backend.aget_variable("missing"),
        ]

    assert asyncio.run(ask()) == ["world", "world", None, None]


@pytest.mark.parametrize(
    ("option", "text"),
    [("cache_ttl", "500ms"), ("cache_ttl", "PT60S"), ("cache_max_entries", "10"), ("strict", "no"), ("timeout", "1h")],
)
def test_every_option_may_come_as_text(option: str, text: str) -> None:
    assert memory(**{option: text}).get_variable("hello") == "world"


def test_null_as_text_switches_a_kind_off() -> None:
    backend = memory(variables_prefix="null", config_prefix="NULL")
    assert backend.get_variable("hello") is None
    assert backend.get_config("smtp") is None


def test_an_unknown_key_is_one_warning_per_process(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        memory(variables_prefx="a/b")
    warnings = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert warnings == [
        f"the unknown key `variables_prefx` in backend_kwargs of {LOGGER} is ignored. Did you mean `variables_prefix`?"
    ]


def test_strict_makes_an_unknown_key_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"`variables_prefx`.*Did you mean `variables_prefix`"):
        memory(variables_prefx="a/b", strict=True)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"cache_ttl": -1}, "`cache_ttl`"),
        ({"max_attempts": CANARY}, "`max_attempts`"),
        ({"on_error": CANARY}, "`on_error`"),
    ],
)
def test_an_option_that_cannot_work_is_refused_by_name_and_never_shown(options: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigurationError, match=place) as caught:
        MemoryBackend(**options)
    assert CANARY not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("key", ["timeout", "secrets", "connections_lookup_pattern"])
def test_an_option_that_official_classes_may_have_is_refused_by_the_lookups_that_need_it(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {key: [CANARY]}
    backend = MemoryBackend(**options)
    (warning,) = (record.getMessage() for record in caplog.records if record.name == LOGGER)
    assert warning.startswith(f"`{key}` in backend_kwargs is")
    assert warning.endswith("lookups that need it fail")
    with pytest.raises(ConfigurationError, match=f"`{key}`") as caught:
        backend.get_conn_value("hello")
    assert CANARY not in warning + str(caught.value) + repr(caught.value)


def test_a_number_in_a_name_is_converted_as_by_python() -> None:
    backend = MemoryBackend(connections_prefix=5, secrets={"5/c": "http://h"})  # type: ignore[arg-type]
    assert backend.get_conn_value("c") == "http://h"


def test_a_value_without_a_json_form_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="`secrets`"):
        MemoryBackend(secrets=object())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{'a': 1}", "not valid JSON"), ('{"a": True}', "not valid JSON"), ("[1]", "no JSON object")],
)
def test_kwargs_that_airflow_could_not_read_are_reported(text: str, problem: str) -> None:
    # In its own process, because the warning is logged once per process.
    script = "import logging; logging.basicConfig(); from strongroom.memory import MemoryBackend; MemoryBackend()"
    environment = {"AIRFLOW__SECRETS__BACKEND_KWARGS": text, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert problem in done.stderr
    assert "AIRFLOW__SECRETS__BACKEND_KWARGS" in done.stderr


def test_nothing_secret_shows_in_repr_vars_or_pickle() -> None:
    backend = memory(secrets={"airflow/variables/token": CANARY})
    assert backend.get_variable("token") == CANARY
    shown = f"{backend!r} {backend} {vars(backend)} {backend.__dict__!r}"
    assert CANARY not in shown
    with pytest.raises(TypeError):
        pickle.dumps(backend)
    with pytest.raises(TypeError):
        copy.deepcopy(backend)


def test_every_exception_is_picklable_and_keeps_its_details() -> None:
    details = {"store": "s", "operation": "o", "code": "c", "hint": "h", "temporary": True, "retry_after": 1.5}
    for kind, cls in exceptions._BY_KIND.items():
        error = exceptions._from_native(kind, "message", dict(details), False)
        assert type(error) is cls
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is cls
        assert str(again) == "message"
        assert {name: getattr(again, name) for name in details} == details
        assert again.kind == kind
        assert isinstance(again, StrongroomError)


def test_without_airflow_stopping_acts_as_raising(caplog: pytest.LogCaptureFixture) -> None:
    backend = memory(on_error="stop", variables_lookup_pattern="(")
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            backend.get_variable("hello")
    logged = [record for record in caplog.records if record.name == "strongroom.exceptions"]
    assert len(logged) <= 1


def test_an_error_that_airflow_would_hide_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    backend = memory(secrets={"airflow/variables/unused": CANARY}, connections_lookup_pattern="(")
    with pytest.raises(ConfigurationError):
        backend.get_conn_value("db")
    (record,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert record.name == LOGGER
    assert "Airflow takes this for a miss" in record.getMessage()
    assert CANARY not in caplog.text


def test_a_miss_is_debug_and_a_hit_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    backend = memory(cache_negative_ttl=7)
    backend.get_variable("hello")
    backend.get_variable("hello")
    backend.get_variable("missing")
    ours = [(record.levelno, record.getMessage()) for record in caplog.records if record.name == LOGGER]
    assert ours == [(logging.DEBUG, "Memory `airflow/variables/missing` is not there")]


def test_a_skipped_lookup_is_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert memory(variables_lookup_pattern="only").get_variable("hello") is None
    (record,) = (record for record in caplog.records if record.name == LOGGER)
    assert record.levelno == logging.DEBUG
    assert "does not match configured lookup_pattern" in record.getMessage()


def test_an_id_that_no_secret_can_have_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    backend = memory()
    assert [backend.get_variable(id) for id in ("\ud800", "\ud801", "a\udfff")] == [None] * 3
    (warning,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert warning.startswith('Variable id "')
    assert warning.endswith("holds a lone surrogate, which no store can name. Returning None.")


def test_one_configuration_is_shared_by_threads_and_instances() -> None:
    answers: list[str | None] = []
    threads = [threading.Thread(target=lambda: answers.append(memory().get_variable("hello"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["world"] * 16


def test_the_stores_describe_themselves() -> None:
    names = [store["name"] for store in strongroom.stores()]
    assert names == [
        "memory",
        "local",
        "aws_secrets_manager",
        "aws_systems_manager",
        "hashicorp_vault",
        "google_secret_manager",
        "azure_key_vault",
        "doppler",
        "mounted_files",
        "kubernetes_secrets",
        "onepassword_connect",
        "delinea",
        "beyondtrust",
    ]
    for store in strongroom.stores():
        keys = [option["key"] for option in store["options"]]
        assert len(set(keys)) == len(keys), f"{store['name']} declares an option twice"
        module, _, cls = store["python_class"].rpartition(".")
        assert hasattr(__import__(module, fromlist=[cls]), cls)


def test_the_command_line_agrees_with_the_package() -> None:
    command = [sys.executable, "-c", "import sys; from strongroom._cli import main; sys.exit(main())"]
    done = subprocess.run([*command, "stores", "--json"], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == strongroom.stores()
    failed = subprocess.run([*command, "stores", "nowhere"], capture_output=True, text=True, timeout=60, check=False)
    assert (failed.returncode, "aws_secrets_manager" in failed.stderr) == (1, True)
    wrong = subprocess.run([*command, "--nonsense"], capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 2


def test_a_timeout_of_zero_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="`timeout`"):
        memory(timeout=0)


def test_an_id_that_cannot_be_named_follows_the_error_policy() -> None:
    assert memory(on_error="miss").get_variable("\ud800") is None


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupt_while_kwargs_are_checked_propagates(
    monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    """Any other failure to read them is ignored. After an interrupt the next constructor works as usual."""

    def unread(keys: object) -> list[str]:
        raise raised

    monkeypatch.setattr("strongroom._airflow.unread_kwargs", unread)
    options: dict[str, Any] = {"secrets": {"airflow/variables/a": raised.__name__}}
    if raised is ValueError:
        assert MemoryBackend(**options).get_variable("a") == "ValueError"
        return
    with pytest.raises(raised):
        MemoryBackend(**options)
    monkeypatch.undo()
    assert MemoryBackend(**options).get_variable("a") == raised.__name__
