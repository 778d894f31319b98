"""Lints the workflows with zizmor and actionlint, and checks that each action is pinned by the hash of a commit.

    python3 -m tests.tools.release.workflows

actionlint is compiled by Go from its module; where there is no Go this is said, and with ``STRONGROOM_CI`` it fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

from tests.tools.venvs import CACHE, REPOSITORY, program

WORKFLOWS = REPOSITORY / ".github" / "workflows"
VERSION = "v1.7.12"
MODULE = f"github.com/rhysd/actionlint/cmd/actionlint@{VERSION}"
PINNED = re.compile(r"uses: (\S+)@[0-9a-f]{40} # v\d+(\.\d+)*")
PLACE = CACHE / f"actionlint-{VERSION}"


def unpinned(workflow: str) -> Iterator[str]:
    """The uses of actions that are not pinned by a commit with its version beside it."""
    for line in workflow.splitlines():
        if re.search(r"\buses:", line) and not PINNED.fullmatch(line.strip().removeprefix("- ")):
            yield line.strip()


def actionlint() -> str | None:
    """Where it is; compiled on first use."""
    compiled = PLACE / "actionlint"
    if not compiled.exists():
        go = shutil.which("go")
        if go is None:
            return None
        environment = {**os.environ, "GOBIN": str(PLACE), "GOFLAGS": "-trimpath"}
        subprocess.run([go, "install", MODULE], env=environment, timeout=600, check=True)
    return str(compiled)


def main() -> int:
    """Runs all of them; the answer is the exit code."""
    files = sorted(WORKFLOWS.glob("*.yml"))
    loose = [f"{file.name}: not pinned by a commit: {line}" for file in files for line in unpinned(file.read_text())]
    print(*loose, sep="\n")
    names = [str(file) for file in files]
    codes = [subprocess.run([program("tools", "zizmor"), "--offline", "--no-progress", *names], check=False).returncode]
    linter = actionlint()
    if linter:
        codes.append(subprocess.run([linter, "-color", *names], check=False).returncode)
    else:
        print("left out: actionlint, which Go compiles, and there is no Go")
        codes.append(int(bool(os.environ.get("STRONGROOM_CI"))))
    return int(bool(loose) or any(codes))


if __name__ == "__main__":
    sys.exit(main())
