"""Secrets in memory, for tests of DAGs and of Airflow deployments."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import MemoryOptions


class MemoryBackend(SecretsBackend):
    """Serves the secrets in the option `secrets`: a dict of physical names and values.

    backend = strongroom.memory.MemoryBackend
    backend_kwargs = {"secrets": {"airflow/variables/hello": "world"}}
    """

    _store = "memory"

    def __init__(self, **options: Unpack[MemoryOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
