"""AWS Secrets Manager on moto: a second opinion on values, names and broken answers.

moto answers everybody, and its own errors do not look like AWS's, so no fault of its own is declared.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.capability import Capability
from tests.conformance.gate import gate
from tests.conformance.stores.aws_secrets_manager import SecretsManager, unchecked_client
from tests.servers.process import LOOPBACK, REPOSITORY, answers, ask, free_port, running


def program() -> str:
    """moto's server, from an environment of its own: it would change the version of the other servers."""
    folder = Path(os.environ.get("STRONGROOM_MOTO", REPOSITORY / ".cache" / "venvs" / "moto"))
    path = folder / "bin" / "moto_server"
    if not path.exists():
        raise RuntimeError(f"{path} is missing: run `make servers`, or point STRONGROOM_MOTO at that environment")
    return str(path)


class OnMoto(SecretsManager):
    """The other server."""

    server = "moto"
    #: It takes an empty value for none.
    capabilities = SecretsManager.capabilities - {Capability.EMPTY}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Gate, moto."""
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        command = [program(), "-H", LOOPBACK, "-p", str(port)]
        environment = {"HOME": str(self.folder), "TMPDIR": str(self.folder)}

        def ready() -> bool:
            return answers(f"{self.url}/moto-api/")

        with running(command, environment, self.folder / "moto.log", ready), gate(self.url) as self.gate:
            self.root = unchecked_client(self.url)
            yield

    def reset(self) -> None:
        """An empty server."""
        super().reset()
        ask(f"{self.url}/moto-api/reset", "POST")


HARNESS = OnMoto
