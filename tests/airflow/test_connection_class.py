"""Connections equal those that Airflow's own classes make from the same text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.airflow.session import Airflow
from tests.airflow.versions import can

GOLDEN = Path(__file__).parents[1] / "golden" / "connections.jsonl"

COMPARE = """
import importlib.util, json, sys
import airflow.models.connection
from airflow.secrets import BaseSecretsBackend
from strongroom.memory import MemoryBackend

FIELDS = ("conn_id", "conn_type", "description", "host", "schema", "login", "password", "port", "extra")
CORE = airflow.models.connection.Connection
OFFERS_CLASS = hasattr(BaseSecretsBackend, "_set_connection_class")
OLD_SDK = tuple(map(int, airflow.__version__.split(".")[:2])) < (3, 3)

def classes():
    yield CORE
    if importlib.util.find_spec("airflow.sdk"):
        from airflow.sdk.definitions.connection import Connection
        yield Connection

def as_airflow_does(conn_class):
    theirs = BaseSecretsBackend()
    if OFFERS_CLASS:
        theirs._set_connection_class(conn_class)
    elif conn_class is not CORE:  # before 3.2 no backend makes one of it; Airflow calls its methods elsewhere
        if not hasattr(conn_class, "from_uri"):
            return None
        by_uri, by_json = conn_class.from_uri, conn_class.from_json
        return lambda conn_id, text: (
            by_json(value=text.strip(), conn_id=conn_id) if text.strip()[0] == "{"
            else by_uri(uri=text.strip(), conn_id=conn_id)
        )
    return theirs.deserialize_connection

def described(deserialize, text):
    try:
        connection = deserialize("golden", text)
    except Exception as error:
        return "error"
    fields = [getattr(connection, name) for name in FIELDS]
    try:
        uri = connection.get_uri()
    except Exception:
        uri = "no uri"
    return type(connection), [(type(field), field) for field in fields], uri

for conn_class in classes():
    ours = MemoryBackend(secrets={})
    if conn_class is not CORE or OFFERS_CLASS:
        ours._set_connection_class(conn_class)
    theirs, agreed = as_airflow_does(conn_class), 0
    if theirs is None:
        continue
    for line in open(sys.argv[1]):
        text = json.loads(line)["input"]
        expected, found = described(theirs, text), described(ours.deserialize_connection, text)
        # The Task SDK before 1.3 refuses {"uri": ...}, or leaves it an extra that is no text.
        odd = OLD_SDK and conn_class is not CORE and text.startswith('{"uri"')
        assert found == expected or odd, (conn_class, text, found, expected)
        agreed += 1
    print("agreed on", conn_class.__module__, agreed)
"""

OTHER_CLASSES = """
import airflow.models.connection
from strongroom.memory import MemoryBackend

class Derived(airflow.models.connection.Connection):
    __mapper_args__ = {"polymorphic_identity": "derived"}

class Own:
    @classmethod
    def from_uri(cls, *, conn_id, uri):
        return ("uri", conn_id, uri)
    @classmethod
    def from_json(cls, *, conn_id, value):
        return ("json", conn_id, value)

ours = MemoryBackend(secrets={})
ours._set_connection_class(Own)
assert ours.deserialize_connection("c", " http://h ") == ("uri", "c", "http://h")
assert ours.deserialize_connection("c", ' {"a": 1}') == ("json", "c", '{"a": 1}')
ours._set_connection_class(Derived)
for text in ("http://h", '{"conn_type": "http", "host": "h"}'):
    found = ours.deserialize_connection("c", text)
    assert isinstance(found, airflow.models.connection.Connection) and found.host == "h", found
print("theirs")
"""

MASK = """
import importlib, sys
import airflow.models.connection, airflow.models.variable
from strongroom.memory import MemoryBackend

for name in ("airflow.sdk.log", "airflow.sdk.definitions.connection"):
    try:
        importlib.import_module(name)
    except ImportError:
        pass

backend = MemoryBackend(secrets={
    "airflow/connections/uri": "postgres://u:canary-p%2Fw@h/db?private_key=canary-key&region=eu-central-1",
    "airflow/connections/json":
        '{"conn_type": "x", "password": "canary \\\\"quoted\\\\"", "extra": {"token": {"deep": "canary-deep"}}}',
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
# Airflow has one masker, or one each for core and tasks, in modules that its versions name differently.
maskers = {
    id(module.redact): module.redact
    for name, module in sorted(sys.modules.items())
    if name.endswith("secrets_masker") and hasattr(module, "redact")
}
for redact in maskers.values():
    for text in HIDDEN:
        assert text not in redact(f"a {text} b"), (redact.__module__, text)
    # What Airflow itself would not hide stays readable.
    assert redact("hello-world eu-central-1") == "hello-world eu-central-1"
print("masked", sorted({redact.__module__ for redact in maskers.values()}))
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
def test_every_golden_connection_equals_airflows(airflow: Airflow) -> None:
    printed = airflow.python(COMPARE.replace("sys.argv[1]", repr(str(GOLDEN))), {}).must().out.splitlines()
    lines = len(GOLDEN.read_text().splitlines())
    classes = ["airflow.models.connection"]
    if can("connections of the Task SDK"):
        classes.append("airflow.sdk.definitions.connection")
    agreed = [line for line in printed if line.startswith("agreed on")]
    assert agreed == [f"agreed on {module} {lines}" for module in classes]


@pytest.mark.ours
def test_another_connection_class_is_created_by_its_own_methods(airflow: Airflow) -> None:
    assert airflow.python(OTHER_CLASSES, {}).must().out.splitlines()[-1] == "theirs"


@pytest.mark.ours
def test_what_airflow_masks_is_masked_in_every_form(airflow: Airflow) -> None:
    printed = airflow.python(MASK, {}).must().out.splitlines()[-1]
    assert printed.startswith("masked ['airflow.")


@pytest.mark.ours
@pytest.mark.needs("an exception that ends the search")
def test_an_error_can_end_airflows_search(airflow: Airflow) -> None:
    assert airflow.python(STOP, {}).must().out.splitlines()[-1] == "stopped"
