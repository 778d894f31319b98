"""The backend on databases."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import JdbcOptions


class JdbcBackend(SecretsBackend):
    """Reads connections, variables and config values from a table of sealed values in PostgreSQL, MySQL or MariaDB.

        [secrets]
        backend = strongroom.jdbc.JdbcBackend
        backend_kwargs = {"url": "jdbc:postgresql://db.example.com:5432/vault", "username": "airflow"}

    The password stands in STRONGROOM_JDBC_PASSWORD, or in `password`; the key of the values in
    STRONGROOM_SEALING_KEY, in the file of `sealing_key_file`, or in `sealing_key`.
    """

    _store = "jdbc"

    def __init__(self, **options: Unpack[JdbcOptions]) -> None:
        """Take the `backend_kwargs`; no connection is opened before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
