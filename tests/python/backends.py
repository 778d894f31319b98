"""Backends for tests, and readers of what they log."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend, SystemsManagerParameterStoreBackend
from strongroom.memory import MemoryBackend
from tests.servers.aws import REGION, Credentials, allow, allow_parameters

#: What an ordinary reader may do.
READ = allow("secretsmanager:GetSecretValue", "airflow/*")
#: The same for parameters.
READ_PARAMETERS = allow_parameters("ssm:GetParameter", "airflow/*")

_numbers = itertools.count()


def anywhere(*actions: str) -> dict[str, Any]:
    """A policy statement for actions of Secrets Manager that cannot be limited to a single secret."""
    return {"Effect": "Allow", "Action": [f"secretsmanager:{action}" for action in actions], "Resource": "*"}


def aws_backend(url: str, credentials: Credentials | None = None, **options: Any) -> SecretsManagerBackend:
    """A backend whose server is at ``url``."""
    given = credentials.options() if credentials else {}
    return SecretsManagerBackend(**{"region_name": REGION, "endpoint_url": url, **given, **options})


def parameter_backend(
    url: str, credentials: Credentials | None = None, **options: Any
) -> SystemsManagerParameterStoreBackend:
    """A backend on the Parameter Store whose server is at ``url``."""
    given = credentials.options() if credentials else {}
    return SystemsManagerParameterStoreBackend(**{"region_name": REGION, "endpoint_url": url, **given, **options})


def memory_backend(secrets: dict[str, Any], **options: Any) -> MemoryBackend:
    """A backend with its own secrets and its own cache: no earlier backend has the same configuration."""
    return MemoryBackend(secrets={**secrets, "number": next(_numbers)}, **options)


def messages(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    """What Strongroom logged at exactly this level."""
    return [record.getMessage() for record in records(caplog) if record.levelno == level]


def records(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What Strongroom logged. The tests' own clients may log anything."""
    return [record for record in caplog.records if record.name.startswith("strongroom")]
