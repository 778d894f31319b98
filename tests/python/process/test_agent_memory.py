"""What an agent keeps in memory: how much of it, and that it stays out of swap and of dumps."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.process.agent import Store, ask, foreground, is_at_work, named, run, strongroom, until

MIB = 1024
SECRETS = 10_000


def of(pid: int, name: str) -> int:
    """A figure of a process in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


#: A Vault in which every name has a value of 1 KiB of its own; prints its port.
MANY = """
import asyncio, json
async def serve(reader, writer):
    while head := await reader.readuntil(b"\\r\\n\\r\\n"):
        name = head.split()[1].decode().rpartition("/")[2]
        secret = {"data": {"value": name.rjust(1024, "x")}, "metadata": {"version": 1}}
        content = json.dumps({"data": secret}).encode()
        head = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n"
        writer.write(head % len(content) + content)
async def run():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(run())
"""

#: Looks up some secrets through the agent, one after the other; prints how many of them were there.
READ = """
import json, sys
from strongroom.hashicorp import VaultBackend
backend = VaultBackend(**json.loads(sys.argv[1]))
values = [backend.get_variable(f"n{number}") for number in range(0, int(sys.argv[2]), int(sys.argv[3]))]
print(sum(len(value or "") == 1024 for value in values))
"""


@pytest.fixture
def many() -> Iterator[str]:
    """The address of such a store."""
    with subprocess.Popen([sys.executable, "-c", MANY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


def test_10000_secrets_of_1_kib_take_64_mib_at_most(folder: Path, many: str) -> None:
    options = {"url": many, "token": "t", "cache_max_entries": SECRETS, "cache_ttl": "1h", "agent": named(folder)}
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    limit = sys.maxsize if limit == resource.RLIM_INFINITY else limit
    with foreground(folder, options, backend="strongroom.hashicorp.VaultBackend") as agent:
        assert run(folder, READ, json.dumps(options), str(SECRETS), "1") == SECRETS
        # It holds all of them.
        assert run(folder, READ, json.dumps(options), str(SECRETS), "100") == SECRETS / 100
        # The rest of the 64 MiB is for code: Python's, and that of a release, which is a third of a test build's.
        assert of(agent.pid, "RssAnon") <= 40 * MIB
        until(lambda: of(agent.pid, "VmLck") >= min(limit // 1024, 16 * MIB) // 2)
        assert of(agent.pid, "VmLck") * 1024 <= limit


@pytest.mark.parametrize("limit", [0, 65536, 262144])
def test_memory_is_locked_up_to_the_limit_and_no_allocation_fails(folder: Path, store: Store, limit: int) -> None:
    store.value = "x" * 400_000
    options = {**store.options(named(folder)), "cache_max_bytes": 64_000_000}
    # Root is bound by no limit, unless it cannot do without one.
    bound = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"] if os.geteuid() == 0 else []
    with foreground(folder, options, *bound, "prlimit", f"--memlock={limit}:{limit}") as agent:
        assert ask(folder, options, "hello")[0] == [store.value]
        until(lambda: limit == 0 or of(agent.pid, "VmLck") > 0)
        assert of(agent.pid, "VmLck") * 1024 <= limit
        assert ask(folder, options, "hello")[0] == [store.value]
        assert len(store.calls) == 1


@pytest.mark.parametrize("mode", ["auto", "in the foreground"])
def test_no_core_is_dumped_and_no_file_of_the_process_is_readable(folder: Path, store: Store, mode: str) -> None:
    """The status of a process says whether it has dumped one, wherever the pattern of the system sends it."""
    options = store.options(named(folder) if mode != "auto" else "auto")
    if mode == "auto":
        ask(folder, options, "hello")
        until(lambda: strongroom(folder, options, "status").returncode == 0)
        pid = json.loads(strongroom(folder, options, "status", "--json").stdout)["pid"]
        # A process that is not dumpable belongs to root in /proc.
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
        os.kill(pid, signal.SIGABRT)
        until(lambda: not is_at_work(pid))
        assert ask(folder, options, "hello")[0] == ["world"]
    else:
        with foreground(folder, options) as agent:
            assert ask(folder, options, "hello")[0] == ["world"]
            os.kill(agent.pid, signal.SIGABRT)
            _, ended = os.waitpid(agent.pid, 0)
            agent.returncode = -signal.SIGABRT
        assert os.WIFSIGNALED(ended)
        assert not os.WCOREDUMP(ended)
    assert not list(folder.rglob("core*"))
    assert not list(Path("/").glob("core*"))
