"""Vault's servers as pytest fixtures: one start per session, ``vault`` emptied before each test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.counting import Counter, counting_proxy
from tests.servers.directories import Cluster, Directory, cluster, ldap_directory, radius_server
from tests.servers.signer import Signer
from tests.servers.tls import Certificate, certificate
from tests.servers.vault import Vault, openbao


@pytest.fixture(scope="session")
def vault_server(tls: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """The server with the API of HashiCorp Vault; it keeps its contents during the session."""
    with openbao(tmp_path_factory.mktemp("vault"), tls) as server:
        yield server


@pytest.fixture
def vault(vault_server: Vault) -> Vault:
    """``vault_server``, empty."""
    vault_server.reset()
    return vault_server


@pytest.fixture
def counted_vault(vault: Vault) -> Iterator[Counter]:
    """A counting proxy in front of ``vault``, over http."""
    with counting_proxy(vault.plain_url) as counter:
        yield counter


@pytest.fixture(scope="session")
def ldap_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """An LDAP directory with one user."""
    with ldap_directory(tmp_path_factory.mktemp("ldap")) as directory:
        yield directory


@pytest.fixture(scope="session")
def radius_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """A RADIUS server with one user."""
    with radius_server(tmp_path_factory.mktemp("radius")) as directory:
        yield directory


@pytest.fixture(scope="session")
def kubernetes_cluster(tls: Certificate) -> Iterator[Cluster]:
    """The cluster that OpenBao asks about the tokens of service accounts."""
    with cluster(tls) as running:
        yield running


@pytest.fixture(scope="session")
def signer() -> Signer:
    """A key that signs JSON web tokens."""
    return Signer()


@pytest.fixture(scope="session")
def client_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that a client shows to Vault, from its own authority."""
    return certificate(tmp_path_factory.mktemp("client"), "airflow", common_name="airflow")


@pytest.fixture(scope="session")
def untrusted_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate from an authority that no server trusts."""
    return certificate(tmp_path_factory.mktemp("stranger"), "airflow", common_name="airflow")
