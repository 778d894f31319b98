"""Secrets in memory, for tests of DAGs and of Airflow deployments."""

from __future__ import annotations

from strongroom._base import SecretsBackend


class MemoryBackend(SecretsBackend):
    """Serves what the option `secrets` holds: a dict of physical names and values.

    backend = strongroom.memory.MemoryBackend
    backend_kwargs = {"secrets": {"airflow/variables/hello": "world"}}
    """

    _store = "memory"
