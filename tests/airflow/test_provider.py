"""Airflow recognises the package as a provider, and can be imported after it."""

from __future__ import annotations

import importlib.metadata

import pytest
import tomllib

from tests.airflow.classes import LOCAL, SECRETS_MANAGER
from tests.airflow.session import Airflow, backend_environment
from tests.airflow.versions import AIRFLOW
from tests.servers.process import REPOSITORY

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


#: What the API of Airflow answers about a provider, by the function that makes the answer.
DOCUMENTATION = """
from airflow.api_fastapi.core_api.services.public.providers import _provider_mapper
from airflow.providers_manager import ProvidersManager
print(_provider_mapper(ProvidersManager().providers["strongroom"]).documentation_url)
"""


@pytest.mark.ours
def test_the_api_shows_where_the_documentation_is(airflow: Airflow) -> None:
    if AIRFLOW < (3, 1):
        found = importlib.metadata.metadata("strongroom").get_all("Project-URL") or []
        assert [url for url in found if url.startswith("Documentation, https://")]
        return
    shown = airflow.python(DOCUMENTATION, {}).must().out.split()[-1]
    urls = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["urls"]
    assert shown == urls["Documentation"]


@pytest.mark.ours
def test_the_backend_can_be_imported_before_airflow(airflow: Airflow) -> None:
    result = airflow.python(IMPORT_FIRST, backend_environment(LOCAL, {}))
    assert result.must().out.split()[-1] == "strongroom.local"
