"""Several agents of a user, the first process of a container, and what is counted and reported of an agent."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import strongroom as package
from strongroom.aws import SecretsManagerBackend
from tests.python.process.agent import (
    Store,
    ask,
    command,
    configured,
    foreground,
    named,
    run,
    strongroom,
    until,
)


@contextlib.contextmanager
def at_work(folder: Path, options: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """An agent in the foreground, in the folder of the user."""
    before = set(folder.rglob("*.sock"))
    with subprocess.Popen(command(), env=configured(folder, options)) as process:
        try:
            until(lambda: set(folder.rglob("*.sock")) - before)
            yield process
        finally:
            process.kill()


def test_with_a_ninth_agent_the_one_that_was_idle_longest_ends(folder: Path, store: Store) -> None:
    each = [{**store.options("auto"), "variables_prefix": f"airflow/v{number}"} for number in range(9)]
    with contextlib.ExitStack() as stack:
        agents = [stack.enter_context(at_work(folder, options)) for options in each[:8]]
        # The first one is in use, so the second one has been idle longest. Asking for figures is no use of an agent.
        ask(folder, each[0], "hello")
        assert strongroom(folder, each[1], "status").returncode == 0
        assert [agent.poll() for agent in agents] == [None] * 8
        agents.append(stack.enter_context(at_work(folder, each[8])))
        assert agents[1].wait(timeout=20) == 0
        assert [agent.poll() for agent in agents] == [None, 0, *[None] * 7]
        assert strongroom(folder, each[8], "status").returncode == 0
    # One whose socket is named is no such agent.
    with foreground(folder, store.options(named(folder))):
        assert strongroom(folder, store.options(named(folder)), "status").returncode == 0


#: The first process of a container: it waits for its own child alone, or for every process.
FIRST = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE)
text = child.stdout.read().decode()
while sys.argv[1] == "all" and os.wait()[0] != child.pid:
    pass
print(text)
"""

#: `doctor`, and what a container's first process has time to wait for while it runs.
DOCTOR = [sys.executable, "-m", "strongroom", "doctor", "--offline", "--json"]


@pytest.mark.parametrize("waits_for", ["its own", "all"])
def test_doctor_finds_a_first_process_that_leaves_zombies(folder: Path, store: Store, waits_for: str) -> None:
    code = FIRST
    if waits_for == "all":
        # Waits all the time, as an init does.
        code = code.replace("text = child", "import threading\nended = threading.Event()\ntext = child")
        code = (
            "import os, sys\nread, write = os.pipe()\nchild = os.fork()\n"
            "if child == 0:\n    os.dup2(write, 1)\n    os.execv(sys.argv[2], sys.argv[2:])\n"
            "while os.wait()[0] != child:\n    pass\n"
            "os.close(write)\nprint(open(read).read())\n"
        )
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    done = subprocess.run(
        [*unshare, sys.executable, "-c", code, waits_for, *DOCTOR],
        env=configured(folder, store.options("auto")),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    findings = [found for found in json.loads(done.stdout)["findings"] if found["check"] == "agent"]
    assert "the next lookup starts one" in findings[0]["evidence"]
    told = [found for found in findings if "stays as a zombie" in found["evidence"]]
    assert [found["severity"] for found in told] == ([] if waits_for == "all" else ["warning"])
    assert all("docker run --init" in found["remedy"] for found in told)


def test_doctor_says_what_an_agent_at_work_has_done(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    with foreground(folder, options) as agent:
        ask(folder, options, "hello", "hello", "none")
        done = subprocess.run(DOCTOR, env=configured(folder, options), capture_output=True, text=True, check=False)
        (found,) = [found for found in json.loads(done.stdout)["findings"] if found["check"] == "agent"]
        assert found["severity"] == "ok"
        assert found["evidence"].startswith(f"process {agent.pid} has been at work for ")
        assert found["evidence"].endswith(" s: 2 lookups, 2 calls")
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        done = subprocess.run(DOCTOR, env=configured(folder, options), capture_output=True, text=True, check=False)
    (found,) = [found for found in json.loads(done.stdout)["findings"] if found["check"] == "agent"]
    assert (found["severity"], found["remedy"]) == ("warning", "Lookups ask the store directly")


COUNT = """
import json, sys, strongroom
from strongroom.aws import SecretsManagerBackend
backend = SecretsManagerBackend(**json.loads(sys.argv[1]))
for key in ("hello", "hello", "none"):
    backend.get_variable(key)
counts = strongroom.stats()["aws_secrets_manager"]
print(json.dumps([counts[name] for name in ("agent_answers", "agent_absences", "calls", "hits")]))
"""


def test_answers_of_an_agent_and_lookups_without_one_are_counted(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    with foreground(folder, options):
        assert run(folder, COUNT, json.dumps(options)) == [2, 0, 0, 1]
        status = json.loads(strongroom(folder, options, "status", "--json").stdout)
        assert [status[name] for name in ("lookups", "calls", "turned_away")] == [2, 2, 0]
        assert status["longest_silence_ms"] < 5000
    # What this process has read itself is not asked for again.
    answers, absences, calls, _ = run(folder, COUNT, json.dumps(options))
    assert (answers, calls) == (0, 2)
    assert absences >= 2
    assert {"agent_answers", "agent_absences"} <= set(package.stats()["aws_secrets_manager"])
    assert SecretsManagerBackend.__module__ == "strongroom.aws"
