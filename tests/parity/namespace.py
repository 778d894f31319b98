"""A private network in which the clouds' own host names lead to servers of this machine.

``run`` starts pytest in a separate network and mount namespace: nothing there reaches the outside, ``/etc/hosts``
leads the names to the loopback interface, and our certificate authority is trusted through the variables that the
clients read anyway. So the official classes run unchanged: no address, transport or class of theirs is replaced.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests.servers.tls import Certificate, certificate

REPOSITORY = Path(__file__).resolve().parents[2]
#: The address of each name; port 443 is free there.
HOSTS = {
    "127.0.0.2": ("secretmanager.googleapis.com", "oauth2.googleapis.com", "iamcredentials.googleapis.com"),
    "127.0.0.3": ("reader.vault.azure.net", "absent.vault.azure.net", "login.microsoftonline.com"),
}
#: Root needs no user namespace; others get one in which they are root.
WAYS = (("unshare", "--net", "--mount"), ("unshare", "--map-root-user", "--net", "--mount"))
#: The folder of the certificates, for the process inside.
FOLDER = "STRONGROOM_NAMESPACE_FOLDER"
#: Each takes over a minute on two quiet cores.
LIMIT = 600
#: linux/mount.h
MS_BIND = 4096


@cache
def way() -> tuple[str, ...] | None:
    """The command that creates the namespaces, if this machine has one."""
    inside = "from tests.parity.namespace import enter; enter()"
    for command in WAYS:
        try:
            tried = subprocess.run(
                [*command, sys.executable, "-c", inside], cwd=REPOSITORY, capture_output=True, timeout=60
            )
        except OSError:
            continue
        if tried.returncode == 0:
            return command
    return None


def assert_passes_inside(file: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs the tests of a file inside. Without a namespace they are skipped with a message, and CI fails."""
    if way() is None:
        reason = f"{file}: needs `unshare --net --mount`, as root or with user namespaces"
        assert "STRONGROOM_CI" not in os.environ, reason
        with capsys.disabled():
            print(f"\nleft out: {reason}")
        pytest.skip(reason)
    ended = run(file, folder)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    with capsys.disabled():
        print(f"\nnote: {file}: {ended.stdout.strip().splitlines()[-1]}")


def run(file: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the tests of a file inside; their output is in the result."""
    command = way()
    assert command, "no namespace can be made here"
    tls = certificate(folder, *(name for names in HOSTS.values() for name in names))
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    # gRPC reads its variable only once.
    environment |= {FOLDER: str(folder), "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(tls.authority)}
    inside = [*command, sys.executable, "-m", "tests.parity.namespace", file]
    return subprocess.run(inside, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=LIMIT)


def tls_of_hosts() -> Certificate:
    """The certificate for all the names, inside."""
    folder = Path(os.environ[FOLDER])
    return Certificate(folder / "server.pem", folder / "server.key", folder / "client.pem")


def trust() -> dict[str, str]:
    """The variable by which clients other than gRPC trust the authority."""
    return {"REQUESTS_CA_BUNDLE": str(tls_of_hosts().authority)}


def enter() -> None:
    """Enables the loopback interface and leads the names to it; the namespaces are new."""
    _raise_loopback()
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for address, names in HOSTS.items() for name in names)]
    with tempfile.NamedTemporaryFile("w", prefix="strongroom-hosts-") as hosts:
        hosts.write("\n".join([*lines, ""]))
        hosts.flush()
        # The mount outlives the file's name.
        if ctypes.CDLL(None, use_errno=True).mount(hosts.name.encode(), b"/etc/hosts", None, MS_BIND, None):
            raise OSError(ctypes.get_errno(), "mount")


def _raise_loopback() -> None:
    """What ``ip link set lo up`` does (linux/sockios.h, SIOCGIFFLAGS and SIOCSIFFLAGS)."""
    name = b"lo".ljust(16, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, 0x8913, name + bytes(16))
        (flags,) = struct.unpack("H", answer[16:18])
        fcntl.ioctl(any_socket, 0x8914, name + struct.pack("H", flags | 1) + bytes(14))


if __name__ == "__main__":
    enter()
    sys.exit(pytest.main(["-q", *sys.argv[1:]]))
