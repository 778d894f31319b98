"""The pod that both classes are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend import KubernetesSecretsBackend as Official
from kubernetes.config import incluster_config

from tests.parity.kubernetes_comparison import Pod
from tests.servers.double import serving
from tests.servers.kubernetes import Kubernetes, service_account
from tests.servers.tls import Certificate


@pytest.fixture(scope="module")
def pod(tls: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """The official class finds what a pod has at fixed places, which are elsewhere here."""
    double = Kubernetes()
    account = service_account(tmp_path_factory.mktemp("account"), double.token, tls)
    with serving(double.answer, tls) as served, pytest.MonkeyPatch.context() as patch:
        patch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(account / "token"))
        patch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(account / "ca.crt"))
        patch.setattr(Official, "SERVICE_ACCOUNT_NAMESPACE_PATH", str(account / "namespace"))
        yield Pod(double, account, served)
