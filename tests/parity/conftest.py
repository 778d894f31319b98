"""An Airflow home for this process, and the servers for both classes."""

from __future__ import annotations

import functools
import importlib.util
import os
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before any import of Airflow, which creates its home and its keys on import.
HOME = tempfile.TemporaryDirectory(prefix="strongroom-parity-")
os.environ["AIRFLOW_HOME"] = HOME.name
for steering in [name for name in os.environ if name.startswith(("AIRFLOW__", "AWS_", "VAULT_"))]:
    del os.environ[steering]

from airflow._shared.secrets_masker import _secrets_masker as core_masker  # noqa: E402
from airflow.sdk._shared.secrets_masker import _secrets_masker as sdk_masker  # noqa: E402
from botocore.loaders import JSONFileLoader  # noqa: E402

from tests.parity.comparison import Comparison, open_comparison  # noqa: E402  (Airflow's home comes first)
from tests.parity.vault_comparison import HELLO, VaultComparison  # noqa: E402
from tests.servers.aws import MiniStack, clear_environment  # noqa: E402
from tests.servers.counting import counting_proxy  # noqa: E402
from tests.servers.vault import Vault  # noqa: E402
from tests.stores import described  # noqa: E402
from tests.stores.description import CLOUDS  # noqa: E402

HERE = Path(__file__).parent
#: The providers of Google and Azure are in a separate environment.
ELSEWHERE = [name for name, store in described().items() if store.environment == CLOUDS]
collect_ignore = [] if importlib.util.find_spec("airflow.providers.google") else ELSEWHERE
MASKERS = (core_masker, sdk_masker)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignores the warnings of the official classes and their libraries."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the caller's environment, and a token that `vault login` left at home, from configuring either class."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("HOME", HOME.name)


@pytest.fixture(autouse=True)
def _nothing_masked() -> None:
    """Airflow's maskers compile one pattern of all their texts: a thousand values would take minutes."""
    for masker in MASKERS:
        masker().reset_masker()


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    """botocore reads its models from disk once and does not wait between tries; the proxy sends at once."""
    read = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda loader, path: read(path))
        patch.setattr("botocore.endpoint.time", types.SimpleNamespace(sleep=lambda seconds: None))
        # A header and a body in two packets would wait for each other's acknowledgement.
        patch.setattr("tests.servers.counting._Handler.disable_nagle_algorithm", True)
        yield


@pytest.fixture(scope="module")
def comparison(aws_server: MiniStack) -> Iterator[Comparison]:
    """An empty server with its users, behind this module's own proxy."""
    with open_comparison(aws_server) as opened:
        yield opened


@pytest.fixture(scope="module")
def vault_comparison(vault_server: Vault) -> Iterator[VaultComparison]:
    """An OpenBao with a reader of everything, behind this module's own proxy."""
    vault_server.reset()
    # Without permission the answer would be 403; with this reader every path either exists or not.
    reader = vault_server.token(vault_server.policy({"*": ["read"]}))
    with counting_proxy(vault_server.plain_url) as counter:
        comparison = VaultComparison(vault_server, counter, {"<token>": reader}, counter.url)
        for path, fields in HELLO.items():
            comparison.put(path, fields)
        yield comparison
