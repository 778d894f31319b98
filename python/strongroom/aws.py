"""Backends on AWS."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import SecretsManagerOptions, SystemsManagerParameterStoreOptions


class SecretsManagerBackend(SecretsBackend):
    """Reads connections, variables and config values from AWS Secrets Manager.

    A drop-in for `airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend`:

        [secrets]
        backend = strongroom.aws.SecretsManagerBackend
        backend_kwargs = {"connections_prefix": "airflow/connections", "variables_prefix": null}

    It takes every keyword of the official class and more; `strongroom stores aws_secrets_manager` lists
    them, `docs/aws-secrets-manager.md` explains them.
    """

    _store = "aws_secrets_manager"

    def __init__(self, **options: Unpack[SecretsManagerOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold


class SystemsManagerParameterStoreBackend(SecretsBackend):
    """Reads connections, variables and config values from AWS Systems Manager Parameter Store.

    A drop-in for `airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend`:

        [secrets]
        backend = strongroom.aws.SystemsManagerParameterStoreBackend
        backend_kwargs = {"connections_prefix": "/airflow/connections", "variables_prefix": null}

    It takes every keyword of the official class and more; `strongroom stores aws_systems_manager` lists
    them, `docs/aws-ssm-parameter-store.md` explains them.
    """

    _store = "aws_systems_manager"

    def __init__(self, **options: Unpack[SystemsManagerParameterStoreOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
