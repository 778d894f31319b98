"""A backend whose lookups an agent answers, in a process of its own that shows no secret."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.canaries import files_below, must_be_nowhere
from tests.conformance.harness import Harness, Options
from tests.conformance.test_traces import known_secrets

if TYPE_CHECKING:
    from strongroom._base import SecretsBackend


#: What a test has put into the store, where it is long enough not to be found by chance.
STORED: dict[str, str] = {}


def shown(agent: int, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that an agent shows: its arguments, its environment and its files, with its log and a core file."""
    process = Path("/proc") / str(agent)
    for name in ("cmdline", "environ", "status", "stat", "limits", "comm"):
        # Those of a process that is not dumpable are root's.
        with contextlib.suppress(PermissionError):
            yield name, (process / name).read_bytes()
    yield from files_but_the_configuration(folder)


def files_but_the_configuration(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that an agent may have written."""
    return ((place, content) for place, content in files_below(folder) if place != "airflow.cfg")


@contextlib.contextmanager
def asked_through_agent(harness: Harness, **options: object) -> Iterator[SecretsBackend]:
    """A backend on the store of ``harness`` that asks an agent of the same configuration."""
    # The path of a socket has 103 bytes at most, and no other user may write to its folder.
    with tempfile.TemporaryDirectory(prefix="agent") as folder:
        place = Path(folder) / "s"
        whole: Options = {**harness.options(), "cache_max_entries": harness.generation, **options, "agent": str(place)}
        # A file, since a variable of the environment has 128 KiB at most.
        (Path(folder) / "airflow.cfg").write_text(
            f"[secrets]\nbackend = {harness.description()['python_class']}\n"
            f"backend_kwargs = {json.dumps(whole).replace('%', '%%')}\n"
        )
        environment = {**os.environ, "AIRFLOW_HOME": folder}
        with (Path(folder) / "log").open("wb") as log:
            agent = subprocess.Popen(
                [sys.executable, "-m", "strongroom", "agent"], env=environment, stdout=log, stderr=log, cwd=folder
            )
        try:
            end = time.monotonic() + 30
            while not place.exists():
                assert agent.poll() is None, "it ended at once"
                assert time.monotonic() < end, "it does not listen"
                time.sleep(0.01)
            yield harness.backend(**whole)
            secrets = {**known_secrets(harness, whole), **STORED}
            must_be_nowhere(secrets, list(shown(agent.pid, Path(folder))))
            # Wherever the system sends core files, this process leaves none. SIGQUIT would do, too, but is ignored by
            # what a shell has started in the background.
            agent.send_signal(signal.SIGABRT)
            _, ended = os.waitpid(agent.pid, 0)
            agent.returncode = -signal.SIGABRT
            assert os.WIFSIGNALED(ended)
            assert not os.WCOREDUMP(ended)
            must_be_nowhere(secrets, files_but_the_configuration(Path(folder)))
        finally:
            agent.kill()
            agent.wait()
