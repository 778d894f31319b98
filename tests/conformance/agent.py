"""A backend whose lookups an agent answers, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.harness import Harness, Options

if TYPE_CHECKING:
    from strongroom._base import SecretsBackend


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
        agent = subprocess.Popen([sys.executable, "-m", "strongroom", "agent"], env=environment)
        try:
            end = time.monotonic() + 30
            while not place.exists():
                assert agent.poll() is None, "it ended at once"
                assert time.monotonic() < end, "it does not listen"
                time.sleep(0.01)
            yield harness.backend(**whole)
        finally:
            agent.kill()
            agent.wait()
