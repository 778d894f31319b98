"""Many secrets in one: how often it is read, whose keys it answers, and what it may hold."""

from __future__ import annotations

import itertools
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import AccessDeniedError, MalformedSecretError
from strongroom.local import LocalFilesystemBackend
from strongroom.memory import MemoryBackend
from tests.conformance.harness import ODD_NAMES
from tests.python.backends import READ, aws_backend, memory_backend, messages, records
from tests.servers.aws import MiniStack, deny
from tests.servers.counting import Counter

BUNDLE = "airflow/all"
CANARY = "canary-83d1a7"


def bundled(entries: dict[str, Any], secrets: dict[str, Any] | None = None, **options: Any) -> MemoryBackend:
    """A backend in memory with a bundle of variables, and other secrets by their full names."""
    return memory_backend({BUNDLE: json.dumps(entries), **(secrets or {})}, bundle={"variables": BUNDLE}, **options)


def test_one_request_answers_many_ids(counted: Counter, aws: MiniStack) -> None:
    entries = {f"c{number}": f"http://h{number}" for number in range(50)}
    aws.put_secrets({BUNDLE: json.dumps(entries)})
    user = aws.user(READ)
    for key, value in entries.items():
        # A new backend for every lookup, as Airflow does.
        assert aws_backend(counted.url, user, bundle=BUNDLE).get_conn_value(key) == value
    assert counted.names() == [BUNDLE]


def test_it_is_read_once_in_its_time_to_live(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({BUNDLE: '{"a": "old", "b": "old"}'})
    backend = aws_backend(counted.url, aws.user(READ), bundle=BUNDLE, cache_ttl="500ms")
    assert [backend.get_conn_value(key) for key in "ab"] == ["old", "old"]
    aws.client("secretsmanager").put_secret_value(SecretId=BUNDLE, SecretString='{"a": "new", "b": "new"}')
    time.sleep(0.55)  # past the time to live
    assert [backend.get_conn_value(key) for key in "ab"] == ["new", "new"]
    assert counted.names() == [BUNDLE, BUNDLE]


def test_an_id_that_is_not_in_the_bundle_is_read_from_the_store(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({BUNDLE: '{"a": "http://a"}', "airflow/connections/alone": "http://alone"})
    backend = aws_backend(counted.url, aws.user(READ), bundle=BUNDLE)
    answers = [backend.get_conn_value(key) for key in ("alone", "gone", "a", "gone", "alone")]
    assert answers == ["http://alone", None, "http://a", None, "http://alone"]
    assert counted.names() == [BUNDLE, "airflow/connections/alone", "airflow/connections/gone"]


PLACES = ["team in bundle", "team in store", "shared in bundle", "shared in store"]


@pytest.mark.parametrize("filled", [set(each) for n in range(5) for each in itertools.combinations(PLACES, n)])
def test_the_teams_own_secret_takes_precedence_and_so_does_the_bundle(filled: set[str]) -> None:
    keys = {"team in bundle": "blue--v", "shared in bundle": "v"}
    names = {"team in store": "airflow/variables/blue--v", "shared in store": "airflow/variables/v"}
    entries = {key: place for place, key in keys.items() if place in filled}
    backend = bundled(entries, {name: place for place, name in names.items() if place in filled})
    assert backend.get_variable("v", "blue") == next((place for place in PLACES if place in filled), None)
    shared = next((place for place in PLACES[2:] if place in filled), None)
    assert backend.get_variable("v") == shared
    assert backend.get_variable("v", "red") == shared


def test_a_team_costs_one_read_of_the_bundle_and_asks_for_no_other_team(counted: Counter, aws: MiniStack) -> None:
    entries = {"blue--db": "http://blue", "red--db": "http://red", "db": "http://all", "red--x": "http://red"}
    aws.put_secrets({BUNDLE: json.dumps(entries)})
    backend = aws_backend(counted.url, aws.user(READ), bundle=BUNDLE)
    answers = [backend.get_conn_value("db", team) for team in ("blue", "red", "green", None)]
    assert answers == ["http://blue", "http://red", "http://all", "http://all"]
    assert backend.get_conn_value("x", "blue") is None
    assert backend.get_conn_value("x") is None
    own = ["airflow/connections/green--db", "airflow/connections/blue--x", "airflow/connections/x"]
    assert counted.names() == [BUNDLE, *own]


def test_with_teams_an_id_cannot_name_another_teams_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "true")
    backend = bundled({"red--v": "red", "blue--red--v": "odd"})
    assert backend.get_variable("red--v") is None
    assert backend.get_variable("red--v", "blue") is None
    assert backend.get_variable("v", "red") == "red"
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "false")
    assert backend.get_variable("red--v") == "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ("", ""),
        (5, "5"),
        (-0.5, "-0.5"),
        (True, "true"),
        ([1, "a"], '[1, "a"]'),
        ({"a": {"b": None}}, '{"a": {"b": null}}'),
        ("wörld \U0001f600\n", "wörld \U0001f600\n"),
    ],
)
def test_texts_stay_and_other_values_are_their_json(value: object, expected: str) -> None:
    backend = bundled({"v": value}, {"airflow/variables/v": "not asked"})
    assert backend.get_variable("v") == expected


def test_null_counts_as_absent() -> None:
    backend = bundled({"v": None, "w": None}, {"airflow/variables/v": "alone"})
    assert backend.get_variable("v") == "alone"
    assert backend.get_variable("w") is None


def test_the_last_of_equal_keys_counts() -> None:
    assert memory_backend({BUNDLE: '{"v": 1, "v": 2}'}, bundle={"variables": BUNDLE}).get_variable("v") == "2"


@pytest.mark.parametrize("label", ODD_NAMES)
def test_a_key_may_be_any_text(label: str) -> None:
    secret_id = ODD_NAMES[label]
    backend = bundled({secret_id: label, f"blue--{secret_id}": f"blue {label}"})
    assert backend.get_variable(secret_id) == label
    assert backend.get_variable(secret_id, "blue") == f"blue {label}"
    assert backend.get_variable(secret_id + "x") is None


@pytest.mark.parametrize(
    "body", [CANARY, f'"{CANARY}"', f'["{CANARY}"]', f'{{"a": "{CANARY}"', f'{{"a": "{CANARY}",}}', "5", "null"]
)
def test_a_bundle_that_is_not_an_object_is_an_error_with_its_name_only(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    caplog.set_level(1, "strongroom")
    aws.put_secrets({BUNDLE: body, "airflow/connections/a": "http://alone"})
    backend = aws_backend(counted.url, aws.user(READ), bundle=BUNDLE)
    with pytest.raises(MalformedSecretError, match=f"bundle `{BUNDLE}`") as caught:
        backend.get_conn_value("a")
    shown = [repr(caught.value), str(vars(caught.value)), *(str(vars(record)) for record in records(caplog))]
    assert CANARY not in "".join(shown)
    assert counted.names() == [BUNDLE]
    # It is not kept: once it is corrected, it answers.
    aws.client("secretsmanager").put_secret_value(SecretId=BUNDLE, SecretString='{"a": "http://a"}')
    assert backend.get_conn_value("a") == "http://a"


def test_without_a_bundle_each_secret_is_read_separately(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/connections/a": "http://a", "airflow/connections/b": "http://b"})
    backend = aws_backend(counted.url, aws.user(READ), bundle=BUNDLE)
    assert [backend.get_conn_value(key) for key in "aba"] == ["http://a", "http://b", "http://a"]
    assert counted.names() == [BUNDLE, "airflow/connections/a", "airflow/connections/b"]


def test_a_denied_bundle_is_an_error_and_nothing_else_is_asked(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put_secrets({BUNDLE: '{"a": "http://a"}', "airflow/connections/a": "http://alone"})
    user = aws.user(READ, deny("secretsmanager:GetSecretValue", f"{BUNDLE}*"))
    backend = aws_backend(counted.url, user, bundle=BUNDLE)
    with pytest.raises(AccessDeniedError, match=BUNDLE):
        backend.get_conn_value("a", "blue")
    assert counted.names() == [BUNDLE]
    (warning,) = messages(caplog)
    assert BUNDLE in warning


def test_each_kind_has_its_own(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/vs": '{"x": "variable"}', "airflow/cs": '{"x": "config"}'})
    options: dict[str, Any] = {"bundle": {"variables": "airflow/vs", "config": "airflow/cs"}}
    backend = aws_backend(counted.url, aws.user(READ), **options)
    assert backend.get_variable("x") == "variable"
    assert backend.get_config("x") == "config"
    assert backend.get_conn_value("x") is None
    assert counted.names() == ["airflow/vs", "airflow/cs", "airflow/connections/x"]
    as_text = aws_backend(counted.url, aws.user(READ), bundle=json.dumps(options["bundle"]))
    assert as_text.get_variable("x") == "variable"


@pytest.mark.parametrize("prefix", ["", "deep/er/"])
def test_a_key_is_the_id_whatever_the_prefix(prefix: str) -> None:
    backend = bundled({"v": "here"}, variables_prefix=prefix)
    assert backend.get_variable("v") == "here"


def test_a_kind_that_is_off_asks_for_no_bundle(counted: Counter, aws: MiniStack) -> None:
    backend = aws_backend(counted.url, aws.user(READ), bundle=BUNDLE, connections_prefix=None)
    assert backend.get_conn_value("a") is None
    assert counted.calls == []


def test_refresh_reads_it_again(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({BUNDLE: '{"a": "1", "b": "1"}'})
    backend = aws_backend(counted.url, aws.user(READ), bundle=BUNDLE)
    assert [backend.get_conn_value(key) for key in "ab"] == ["1", "1"]
    for number, arguments in enumerate([(), ("a",), ("a", "blue")], 2):
        body = json.dumps(dict.fromkeys("ab", str(number)))
        aws.client("secretsmanager").put_secret_value(SecretId=BUNDLE, SecretString=body)
        backend.refresh(*arguments)
        assert [backend.get_conn_value(key) for key in "ab"] == [str(number)] * 2
        assert counted.names() == [BUNDLE] * number


class Connection:
    """As Airflow's own classes: a URI by the constructor, JSON by a class method."""

    def __init__(self, *, conn_id: str, uri: str | None = None, **fields: Any) -> None:
        self.conn_id = conn_id
        self.fields = {"uri": uri} if uri else fields

    @classmethod
    def from_json(cls, value: str, conn_id: str) -> Connection:
        return cls(conn_id=conn_id, **json.loads(value))


def test_connections_of_both_forms_come_out_of_it(aws: MiniStack) -> None:
    fields = {"username": "u", "engine": "mysql", "host": "h"}
    aws.put_secrets({BUNDLE: json.dumps({"uri": "mysql://u@h", "json": fields, "text": json.dumps(fields)})})
    backend = aws_backend(aws.url, aws.user(READ), bundle=BUNDLE)
    backend._set_connection_class(Connection)
    uri, as_object, as_text = (backend.get_connection(each) for each in ("uri", "json", "text"))
    assert uri is not None
    assert uri.fields == {"uri": "mysql://u@h"}
    for connection in (as_object, as_text):
        # The names of the fields are the same as in a separate secret.
        assert connection is not None
        assert {key: connection.fields[key] for key in ("login", "conn_type", "host")} == {
            "login": "u",
            "conn_type": "mysql",
            "host": "h",
        }


def test_memory_may_hold_it_as_an_object() -> None:
    entries = {"a": "http://a", "b": {"conn_type": "http"}}
    backend = memory_backend({"all": entries}, bundle="all")
    assert backend.get_conn_value("a") == "http://a"
    assert json.loads(backend.get_conn_value("b") or "") == {"conn_type": "http"}


def test_a_local_file_may_hold_it_under_its_name_there(tmp_path: Path) -> None:
    file = tmp_path / "variables.json"
    file.write_text(json.dumps({"all": {"v": "bundled"}, "w": "alone"}))
    backend = LocalFilesystemBackend(variables_file_path=str(file), bundle={"variables": "variables/all"})
    assert [backend.get_variable(key) for key in ("v", "w", "x")] == ["bundled", "alone", None]


def test_nothing_of_it_shows(aws: MiniStack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1, "strongroom")
    aws.put_secrets({BUNDLE: json.dumps({"a": CANARY, "b": {"password": CANARY}})})
    backend = aws_backend(aws.url, aws.user(READ), bundle=BUNDLE)
    assert backend.get_conn_value("a") == CANARY
    assert backend.get_conn_value("b")
    assert backend.get_conn_value("c") is None
    shown = [repr(backend), repr(backend._core), *(str(vars(record)) for record in records(caplog))]
    assert messages(caplog, logging.DEBUG)
    assert CANARY not in "".join(shown)
