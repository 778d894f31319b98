"""Every official keyword of Google's class with every type of value: see `tests/parity/test_kwargs.py`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.parity.google_secret_manager import test_lookups as google_lookups
from tests.parity.keywords import lookups, wrong
from tests.parity.test_kwargs import VALUES
from tests.servers.google import GoogleServer, google

GOOGLE_KEYS = [
    "connections_prefix",
    "variables_prefix",
    "config_prefix",
    "sep",
    "gcp_key_path",
    "gcp_keyfile_dict",
    "gcp_credential_config_file",
    "gcp_scopes",
    "project_id",
    "impersonation_chain",
]
#: A project with a number for a name.
NUMBER = 123456789012

both = google_lookups.both


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """One double of Google for the module."""
    with google(tmp_path_factory.mktemp("google")) as server:
        yield server


def test_google(both: google_lookups.Both) -> None:
    """With the reader's key, unless the keyword sets other credentials."""
    secrets = {f"airflow-{kind}-hello": "world" for kind in ("variables", "connections", "config")}
    secrets |= {f"{prefix}-hello": "numbered" for prefix in ("0", "5", "7")} | {"airflow-variables5hello": "number"}
    found: list[str] = []
    for key, value in itertools.product(GOOGLE_KEYS, VALUES):
        for lookup in lookups(key):
            kwargs = {key: value}
            if key == "sep":
                kwargs["connections_prefix"] = None
            case = google_lookups.Case(key, kwargs, lookup, "hello", secrets=secrets)
            found += wrong(f"{lookup} {kwargs}", *both.run(case))
    assert found == [], "\n".join(found)


def test_a_google_project_by_its_number(both: google_lookups.Both) -> None:
    """A project's number is as valid as its id, in quotes and without."""
    for project in (NUMBER, str(NUMBER)):
        secret = {"value": "numbered", "parent": f"projects/{NUMBER}"}
        case = google_lookups.Case("number", {"project_id": project}, secrets={"airflow-variables-hello": secret})
        official, ours = both.run(case)
        assert official.value == "numbered", official
        google_lookups.alike(official, ours)
