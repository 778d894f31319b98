"""A certificate authority of our own and one certificate for the loopback names."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import LOOPBACK, program


@dataclass(frozen=True)
class Certificate:
    """Paths of PEM files: what a server presents and what its clients trust."""

    certificate: Path
    key: Path
    authority: Path


def certificate(folder: Path, *names: str, common_name: str | None = None) -> Certificate:
    """Makes an authority and a certificate in ``folder``: for ``names``, else for ``localhost`` and 127.0.0.1.

    It serves servers and clients; a client that Vault is to know by its certificate needs a ``common_name``.
    """
    command = [
        program("python"),
        "-m",
        "trustme",
        "--quiet",
        "--dir",
        str(folder),
        "--identities",
        *(names or ("localhost", LOOPBACK)),
        *(("--common-name", common_name) if common_name else ()),
    ]
    subprocess.run(command, check=True, timeout=60)
    return Certificate(folder / "server.pem", folder / "server.key", folder / "client.pem")
