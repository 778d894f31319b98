"""Runs a wheel in a Python that it is not installed in, beside a server that answers as AWS Secrets Manager does.

    python3 -m tests.tools.release.run WHEEL qemu-aarch64-static -L root root/usr/bin/python3.11

The interpreter can be another machine's, under an emulator, or one on another C library.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from tests.servers.aws import ministack

SMOKE = Path(__file__).with_name("smoke.py")


def run(wheel: Path, interpreter: list[str]) -> str:
    """What the wheel could do there."""
    with tempfile.TemporaryDirectory() as scratch:
        site = Path(scratch, "site")
        zipfile.ZipFile(wheel).extractall(site)
        server = Path(scratch, "server")
        server.mkdir()
        with ministack(server, auth=False) as aws:
            done = subprocess.run(
                [*interpreter, str(SMOKE), "--secrets-manager", aws.url],
                env={"PATH": os.environ["PATH"], "HOME": scratch, "PYTHONPATH": str(site)},
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
    if done.returncode:
        raise SystemExit(f"{wheel.name} in {' '.join(interpreter)}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def main(wheel: str, *interpreter: str) -> None:
    """The command line."""
    started = time.monotonic()
    print(f"{Path(wheel).name}: {run(Path(wheel), list(interpreter))} ({time.monotonic() - started:.1f} s)")


if __name__ == "__main__":
    main(*sys.argv[1:])
