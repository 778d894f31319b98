"""What a lookup and a new process cost through the agent: beside a bare echo, and beside asking the store.

`make bench` makes a section of `docs/benchmarks.md` of it. The agent runs in a process of its own, in the foreground.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measure import OFFICIAL, OURS, environment, figure, medians, stub_server

#: Names that no process has read before it measures; the agent has.
NAMES = 500

#: Two processes that send each other the bytes of a lookup and of its answer, and do nothing else.
ECHO = """
import socket
here, there = socket.socketpair()
question, answer = b"q" * 40, b"a" * 48
if os.fork() == 0:
    here.close()
    while there.recv(4096):
        there.send(answer)
    os._exit(0)
there.close()
def ask(_):
    here.send(question)
    here.recv(4096)
"""

THROUGH = """
reader = backend(agent={agent!r})
def ask(number):
    assert reader.get_variable("numbered-%d" % number) is not None
"""

LATENCY = """
times = []
ask(0)
for number in range(1, {names}):
    start = time.perf_counter()
    ask(number)
    times.append((time.perf_counter() - start) * 1e6)
times.sort()
report(p50=times[len(times) // 2], p99=times[len(times) * 99 // 100])
"""

FIRST = """
{setup}
reader = backend({options})
before, memory = cpu(), resident()
assert reader.get_variable("hello") == "world"
report(cpu_ms=cpu() - before, mib=resident() - memory)
"""


@contextlib.contextmanager
def agent(stub: str) -> Iterator[str]:
    """An agent at work; yields the path of its socket."""
    with tempfile.TemporaryDirectory(prefix="agent") as folder:
        place = Path(folder) / "agent.sock"
        options = {"region_name": "eu-central-1", "endpoint_url": stub, "agent": str(place), "cache_ttl": "1h"}
        variables = {
            **environment(stub),
            "AIRFLOW_HOME": folder,
            "AIRFLOW__SECRETS__BACKEND": "strongroom.aws.SecretsManagerBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(options),
        }
        process = subprocess.Popen([sys.executable, "-m", "strongroom", "agent"], env=variables)
        try:
            while not place.exists():
                time.sleep(0.01)
            yield str(place)
        finally:
            process.kill()
            process.wait()


def latency(stub: str, place: str) -> str:
    """A lookup whose answer the agent has, and the process that asks has not."""
    ours = OURS + THROUGH.format(agent=place)
    warm = ours + f"for number in range({NAMES}):\n    ask(number)\nreport()"
    medians([warm], stub, 1)
    echo, through = medians([code + LATENCY.format(names=NAMES) for code in (ECHO, ours)], stub)
    rows = [
        f"| {name} | {figure(echo[name])} | {figure(through[name])} | {through[name] - echo[name]:+.1f} |"
        for name in ("p50", "p99")
    ]
    head = (
        "| us | a bare echo between two Python processes | a lookup through the agent | difference |\n|---|---|---|---|"
    )
    return "\n".join([head, *rows])


def first_value(stub: str, place: str) -> str:
    """The first value of a new process, beyond the import and the construction of the backend."""
    sides = {
        "official class": FIRST.format(setup=OFFICIAL, options=""),
        "Strongroom, the store asked": FIRST.format(setup=OURS, options=""),
        "Strongroom through the agent": FIRST.format(setup=OURS, options=f"agent={place!r}"),
    }
    found = medians([*sides.values()], stub)
    rows = [
        f"| {name} | {figure(side['cpu_ms'])} | {figure(side['mib'])} |"
        for name, side in zip(sides, found, strict=True)
    ]
    head = "| the first value, after import and construction | CPU ms | MiB added |\n|---|---|---|"
    return "\n".join([head, *rows])


def section(stub: str) -> str:
    """Both tables."""
    with agent(stub) as place:
        return f"{latency(stub, place)}\n\n{first_value(stub, place)}"


if __name__ == "__main__":
    with stub_server(sys.argv[1]) as address:
        print(section(address))
