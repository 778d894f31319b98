"""The backend on Kubernetes Secrets."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import KubernetesSecretsOptions


class KubernetesSecretsBackend(SecretsBackend):
    """Reads connections, variables and config values from Secrets of Kubernetes, which it finds by their labels.

    A drop-in for `KubernetesSecretsBackend` of `apache-airflow-providers-cncf-kubernetes`:

        [secrets]
        backend = strongroom.kubernetes.KubernetesSecretsBackend
        backend_kwargs = {"namespace": "airflow"}

    `strongroom stores kubernetes` lists the options, `docs/kubernetes-secrets.md` explains them.
    """

    _store = "kubernetes_secrets"

    def __init__(self, **options: Unpack[KubernetesSecretsOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
