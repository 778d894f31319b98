"""The backend on Doppler."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import DopplerOptions


class DopplerBackend(SecretsBackend):
    """Reads connections, variables and config values from one config of Doppler.

        [secrets]
        backend = strongroom.doppler.DopplerBackend
        backend_kwargs = {"project": "airflow", "config": "prd"}

    The token stands in DOPPLER_TOKEN, or in `token`.
    """

    _store = "doppler"

    def __init__(self, **options: Unpack[DopplerOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
