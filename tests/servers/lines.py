"""A TCP proxy that delays, holds, cuts or resets what it passes on, for servers that do not speak HTTP."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Literal

from tests.servers.process import LOOPBACK

Fault = Literal["slow", "hang", "cut", "reset", "down"]
#: How long each piece of an answer takes on a slow line.
DELAY = 0.2
#: How much of an answer arrives before it is cut.
ARRIVES = 3


class Line:
    """A running proxy. ``break_off`` applies to connections that are open as well."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.fault: Fault | None = None
        #: How many connections were accepted.
        self.opened = 0
        self._healed = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port = int(self._listener.getsockname()[1])

    def break_off(self, fault: Fault) -> None:
        """Starts a fault."""
        self._healed.clear()
        self.fault = fault
        if fault == "down":
            self._stop()
            self.hang_up()

    def heal(self) -> None:
        """Ends the fault."""
        if self.fault == "down":
            self._listener = self._listen(self.port)
        self.fault = None
        self._healed.set()

    def hang_up(self) -> None:
        """Ends every connection."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends everything."""
        self._healed.set()
        self._stop()
        self.hang_up()

    def _stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((LOOPBACK, port), backlog=128)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.opened += 1
            try:
                server = socket.create_connection((LOOPBACK, self.upstream))
            except OSError:
                client.close()
                continue
            self._open |= {client, server}
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        asking = threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True)
        asking.start()
        self._pass_on(server, client, True)
        asking.join()
        for end in (client, server):
            self._open.discard(end)
            end.close()

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.fault == "hang":
                    self._healed.wait(60)
                if self.fault == "slow":
                    time.sleep(DELAY)
                if answers and self.fault == "reset":
                    # Closed with something unsent and no patience, a connection is reset.
                    target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                if answers and self.fault == "cut":
                    target.sendall(data[:ARRIVES])
                    break
                target.sendall(data)
        with contextlib.suppress(OSError):
            if self.fault == "reset":
                # Wakes the other thread; the connection itself ends with `close`.
                target.shutdown(socket.SHUT_RD)
                return
            source.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def line(port: int) -> Iterator[Line]:
    """Runs a proxy in front of a port of this machine."""
    opened = Line(port)
    try:
        yield opened
    finally:
        opened.close()
