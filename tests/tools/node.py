"""The pinned packages of npm in ``.cache/node``: Prism, and Doppler's own description of its API.

    python3 -m tests.tools.node      # installs them if needed

Nothing runs while they are installed, and no part of them is in a wheel. Where npm is not installed, this says so, and
the test that needs them leaves itself out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.tools.venvs import CACHE, REQUIREMENTS

LISTS = REQUIREMENTS / "node"
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def folder() -> Path:
    """Where the packages are; another place with ``STRONGROOM_NODE``."""
    return Path(os.environ.get("STRONGROOM_NODE", CACHE / "node")) / "node_modules"


def ensure() -> bool:
    """Installs the packages, unless they are there; whether they are."""
    if shutil.which("npm") is None:
        print("note: npm is not installed, so the packages of tests/requirements/node are not either", flush=True)
        return False
    place = folder().parent
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = place / ".ready", (LISTS / "package-lock.json").read_text()
        if not (stamp.exists() and stamp.read_text() == wanted):
            started = time.monotonic()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(LISTS / name, place / name)
            subprocess.run(NPM, cwd=place, check=True, timeout=1800, stdin=subprocess.DEVNULL)
            stamp.write_text(wanted)
            print(f"installed the packages of npm in {time.monotonic() - started:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    ensure()
