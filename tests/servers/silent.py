"""A server that accepts and never answers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.servers.process import LOOPBACK


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """The kernel accepts the connections; nothing reads from them."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(64)
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
