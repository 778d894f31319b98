"""Connections are those that Airflow's own classes make of the same text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.airflow.session import Airflow

GOLDEN = Path(__file__).parents[1] / "golden" / "connections.jsonl"

COMPARE = """
import json, sys
import airflow.models.connection, airflow.sdk.definitions.connection
from airflow.sdk.bases.secrets_backend import BaseSecretsBackend
from strongroom.memory import MemoryBackend

FIELDS = ("conn_id", "conn_type", "description", "host", "schema", "login", "password", "port", "extra")

def described(backend, text):
    try:
        connection = backend.deserialize_connection("golden", text)
    except Exception as error:
        return "error"
    fields = [getattr(connection, name) for name in FIELDS]
    try:
        uri = connection.get_uri()
    except Exception:
        uri = "no uri"
    return type(connection), [(type(field), field) for field in fields], uri

theirs, ours = BaseSecretsBackend(), MemoryBackend(secrets={})
agreed = 0
for conn_class in (airflow.models.connection.Connection, airflow.sdk.definitions.connection.Connection):
    theirs._set_connection_class(conn_class)
    ours._set_connection_class(conn_class)
    for line in open(sys.argv[1]):
        text = json.loads(line)["input"]
        expected, found = described(theirs, text), described(ours, text)
        assert found == expected, (conn_class, text, found, expected)
        agreed += 1

class Derived(airflow.models.connection.Connection):
    __mapper_args__ = {"polymorphic_identity": "derived"}

class Own:
    @classmethod
    def from_uri(cls, *, conn_id, uri):
        return ("uri", conn_id, uri)
    @classmethod
    def from_json(cls, *, conn_id, value):
        return ("json", conn_id, value)

ours._set_connection_class(Own)
assert ours.deserialize_connection("c", " http://h ") == ("uri", "c", "http://h")
assert ours.deserialize_connection("c", ' {"a": 1}') == ("json", "c", '{"a": 1}')
print("agreed", agreed)
"""

MASK = """
import airflow.sdk.log, airflow.models.connection
from airflow._shared.secrets_masker.secrets_masker import redact as core
from airflow.sdk._shared.secrets_masker.secrets_masker import redact as sdk
from strongroom.memory import MemoryBackend

backend = MemoryBackend(secrets={
    "airflow/connections/uri": "postgres://u:canary-p%2Fw@h/db?private_key=canary-key&region=eu-central-1",
    "airflow/connections/json": '{"conn_type": "x", "password": "canary \\\\"quoted\\\\"", "extra": {"token": {"deep": "canary-deep"}}}',
    "airflow/variables/db_password": "canary-variable",
    "airflow/variables/greeting": "hello-world",
    "airflow/config/dsn": "canary-config",
})
for conn_id in ("uri", "json"):
    backend.get_connection(conn_id)
for key in ("db_password", "greeting"):
    backend.get_variable(key)
backend.get_config("dsn")

HIDDEN = ["canary-p/w", "canary-p%2Fw", "Y2FuYXJ5LXAvdw==", "canary-key", 'canary "quoted"', 'canary \\\\"quoted\\\\"',
          "canary-variable", "canary-config", "Y2FuYXJ5LWNvbmZpZw=="]
for redact in (core, sdk):
    for text in HIDDEN:
        assert text not in redact(f"a {text} b"), (redact.__module__, text)
    # What Airflow itself would not hide stays readable.
    assert redact("hello-world eu-central-1") == "hello-world eu-central-1"
print("masked", len(HIDDEN))
"""

STOP = """
import pickle
from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied
from strongroom.exceptions import ConfigurationError
from strongroom.memory import MemoryBackend

backend = MemoryBackend(secrets={}, on_error="stop", variables_lookup_pattern="(")
try:
    backend.get_variable("a")
except AirflowSecretsBackendAccessDenied as error:
    assert isinstance(error, ConfigurationError)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)
    print("stopped")
"""


@pytest.mark.ours
def test_every_golden_connection_is_the_one_that_airflow_makes(airflow: Airflow, tmp_path: Path) -> None:
    script = COMPARE.replace("sys.argv[1]", repr(str(GOLDEN)))
    assert airflow.python(script, {}).must().out.splitlines()[-1] == "agreed 550"


@pytest.mark.ours
def test_what_airflow_masks_is_masked_in_every_form(airflow: Airflow) -> None:
    assert airflow.python(MASK, {}).must().out.splitlines()[-1] == "masked 9"


@pytest.mark.ours
def test_an_error_can_end_airflows_search(airflow: Airflow) -> None:
    assert airflow.python(STOP, {}).must().out.splitlines()[-1] == "stopped"
