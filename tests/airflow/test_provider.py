"""Airflow recognises the package as a provider, and can be imported after it."""

from __future__ import annotations

import pytest

from tests.airflow.classes import LOCAL, SECRETS_MANAGER
from tests.airflow.session import Airflow, backend_environment

IMPORT_FIRST = """
import sys
import strongroom.aws, strongroom.local
assert not [name for name in sys.modules if name.split(".")[0] == "airflow"]
from airflow.configuration import ensure_secrets_loaded
print(type(ensure_secrets_loaded()[0]).__module__)
"""


@pytest.mark.ours
def test_the_provider_and_its_backends_are_listed(airflow: Airflow) -> None:
    commands = [["providers", "list", "--output", "json"], ["providers", "secrets", "--output", "json"]]
    providers, backends = airflow.run(commands, {})
    assert "strongroom" in [row["package_name"] for row in providers.must().json()]
    listed = {row["secrets_backend_class_name"] for row in backends.must().json()}
    assert {SECRETS_MANAGER, LOCAL} <= listed
    assert "Exception" not in providers.err + backends.err


@pytest.mark.ours
def test_the_backend_can_be_imported_before_airflow(airflow: Airflow) -> None:
    result = airflow.python(IMPORT_FIRST, backend_environment(LOCAL, {}))
    assert result.must().out.split()[-1] == "strongroom.local"
