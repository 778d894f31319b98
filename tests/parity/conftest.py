"""An Airflow home for this process, and the servers that both classes are asked against."""

from __future__ import annotations

import functools
import importlib.util
import os
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything imports Airflow, which makes its home and its keys on import.
HOME = tempfile.TemporaryDirectory(prefix="strongroom-parity-")
os.environ["AIRFLOW_HOME"] = HOME.name
for steering in [name for name in os.environ if name.startswith(("AIRFLOW__", "AWS_", "VAULT_"))]:
    del os.environ[steering]

from airflow._shared.secrets_masker import _secrets_masker as core_masker  # noqa: E402
from airflow.sdk._shared.secrets_masker import _secrets_masker as sdk_masker  # noqa: E402
from botocore.loaders import JSONFileLoader  # noqa: E402

from tests.parity.house import House, open_house  # noqa: E402  (Airflow's home comes first)
from tests.parity.vault_house import HELLO, VaultHouse  # noqa: E402
from tests.servers.aws import MiniStack, clear_environment  # noqa: E402
from tests.servers.counting import counting_proxy  # noqa: E402
from tests.servers.vault import Vault  # noqa: E402
from tests.stores import described  # noqa: E402
from tests.stores.description import CLOUDS  # noqa: E402

HERE = Path(__file__).parent
#: The providers of Google and Azure stand in an environment of their own.
ELSEWHERE = [name for name, store in described().items() if store.environment == CLOUDS]
collect_ignore = [] if importlib.util.find_spec("airflow.providers.google") else ELSEWHERE
MASKERS = (core_masker, sdk_masker)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The official classes and their libraries warn as they like."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's steers either class, nor a token that somebody's `vault login` left at home."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("HOME", HOME.name)


@pytest.fixture(autouse=True)
def _nothing_masked() -> None:
    """Airflow's maskers compile one pattern of all they were ever told: a thousand values take minutes."""
    for masker in MASKERS:
        masker().reset_masker()


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    """botocore reads its models from disk once and does not wait between tries; the proxy sends at once."""
    read = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda loader, path: read(path))
        patch.setattr("botocore.endpoint.time", types.SimpleNamespace(sleep=lambda seconds: None))
        # A header and a body in two packets wait for each other's acknowledgement.
        patch.setattr("tests.servers.counting._Handler.disable_nagle_algorithm", True)
        yield


@pytest.fixture(scope="module")
def house(aws_server: MiniStack) -> Iterator[House]:
    """An empty server with its users, behind a proxy of this module's own."""
    with open_house(aws_server) as opened:
        yield opened


@pytest.fixture(scope="module")
def vault_house(vault_server: Vault) -> Iterator[VaultHouse]:
    """An OpenBao with a reader of everything, behind a proxy of this module's own."""
    vault_server.reset()
    # Where nobody may look, 403 is the answer; here every path is either there or not.
    reader = vault_server.token(vault_server.policy({"*": ["read"]}))
    with counting_proxy(vault_server.plain_url) as counter:
        house = VaultHouse(vault_server, counter, {"<token>": reader}, counter.url)
        for path, fields in HELLO.items():
            house.put(path, fields)
        yield house
