"""Counts the instructions of the hot paths, so that a regression of 2 % shows on any machine, however busy.

    python3 -m tests.tools.instructions             # compares with the baseline, as `make test` does
    python3 -m tests.tools.instructions --write     # writes a new baseline: `make instructions-baseline`

Each path is run twice under callgrind, a few times and many times; the difference is the cost of the path alone.
Only instructions of the program itself count: those of the C library depend on its version and on the processor. Calls
of the library show in the allocations.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.tools.venvs import REPOSITORY

BASELINE = REPOSITORY / "benches" / "instructions.json"
TOLERANCE = 0.02
#: Multiples of the number of names in benches/paths.rs, so that each is read equally often.
FEW, MANY = 256, 256 + 16384
ALLOCATING = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"}
BUILD = ["cargo", "build", "--quiet", "--release", "--locked", "--no-default-features", "--features", "memory"]
#: Set by the services that run CI, and by `.ci/run`.
CI_VARIABLES = {"CI", "STRONGROOM_CI"}
RENEW = "`make instructions-baseline` makes a new one"


@dataclass(frozen=True)
class Count:
    """The cost of one run of a path."""

    instructions: float
    allocations: float


Baseline = dict[str, Count]


def read_profile(lines: Iterator[str], program: str) -> Count:
    """Sums up a callgrind file (valgrind's manual, "Callgrind Format Specification") for one object file."""
    names: dict[str, str] = {}
    instructions = allocations = 0
    here = called = ""
    for line in lines:
        key, _, rest = line.strip().partition("=")
        if key in ("ob", "cfn"):
            # A name is written in full where it comes first, and as its number from then on.
            number, _, name = rest.partition(" ")
            name = names.setdefault(f"{key[-2:]}{number}", name)
            here, called = (name, called) if key == "ob" else (here, name)
        elif key in ("cob", "fn"):
            number, _, name = rest.partition(" ")
            names.setdefault(f"{key[-2:]}{number}", name)
        elif key == "calls":
            next(lines)  # the cost of the callee, which has its own lines
            if here == program and called in ALLOCATING:
                allocations += int(rest.split()[0])
        elif here == program and re.match(r"[\d+*-]", line):
            instructions += int(line.split()[-1])
    return Count(instructions, allocations)


def profile(program: Path, path: str, walks: int) -> Count:
    """Runs the program under callgrind."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "profile"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(program), path, str(walks)]
        done = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"callgrind failed on {path!r}:\n{done.stderr}")
        with out.open() as lines:
            return read_profile(lines, str(program))


def count(program: Path, path: str) -> Count:
    """The cost of one run of a path."""
    few, many = profile(program, path, FEW), profile(program, path, MANY)
    return Count(
        round((many.instructions - few.instructions) / (MANY - FEW), 1),
        round((many.allocations - few.allocations) / (MANY - FEW), 2),
    )


def count_all() -> Baseline:
    """Builds the program and counts every path in it."""
    subprocess.run([*BUILD, "--example", "instructions"], cwd=REPOSITORY, check=True)
    target = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")
    program = (target / "release" / "examples" / "instructions").resolve()
    listed = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    return {path: count(program, path) for path in listed.splitlines()}


def compiler() -> str:
    """The version that the counts belong to."""
    command = [shutil.which("rustc") or "rustc", "--version"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()


def left_out() -> str | None:
    """Why nothing can be counted here; in CI a missing valgrind is an error."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return "the baseline is of Linux on x86_64"
    if shutil.which("valgrind"):
        return None
    if CI_VARIABLES & os.environ.keys():
        raise SystemExit("instruction counts need valgrind: apt-get install valgrind")
    return "valgrind is not installed (apt-get install valgrind); CI counts"


def change(now: float, before: float) -> float:
    """The increase as a share; from zero to anything is infinite."""
    return now / before - 1 if before else (float("inf") if now else 0.0)


def verdict(now: Count | None, before: Count | None) -> str:
    """The verdict on a path; it begins with ``MORE`` or ``CHANGED`` if that is a failure."""
    if now is None or before is None:
        return "CHANGED: only in the baseline" if now is None else "CHANGED: not in the baseline"
    changes = change(now.instructions, before.instructions), change(now.allocations, before.allocations)
    if max(changes) > TOLERANCE:
        return "MORE"
    return "less" if min(changes) < -TOLERANCE else "same"


def table(counted: Baseline, baseline: Baseline) -> dict[str, str]:
    """Prints every path with its baseline; returns the verdict of each."""
    verdicts = {path: verdict(counted.get(path), baseline.get(path)) for path in {**baseline, **counted}}
    print(f"{'':30}{'instructions':>26}{'allocations':>18}")
    print(f"{'per walk':30}{'now':>13}{'baseline':>13}{'now':>9}{'baseline':>9}")
    nothing = Count(0, 0)
    for path, word in verdicts.items():
        now, before = counted.get(path, nothing), baseline.get(path, nothing)
        instructions = f"{now.instructions:13,.0f}{before.instructions:13,.0f}"
        print(f"{path:30}{instructions}{now.allocations:9.2f}{before.allocations:9.2f}  {word}")
    return verdicts


def compare() -> None:
    """Fails if any path takes more than its baseline allows."""
    stored = json.loads(BASELINE.read_text())
    if stored["rustc"] != compiler():
        raise SystemExit(f"the baseline belongs to {stored['rustc']}, this is {compiler()}: {RENEW}")
    verdicts = table(count_all(), {path: Count(**figures) for path, figures in stored["paths"].items()})
    bad = [path for path, word in verdicts.items() if word.startswith(("MORE", "CHANGED"))]
    if bad:
        raise SystemExit(f"different from the baseline: {', '.join(bad)}. If that is intended, {RENEW}")
    less = [path for path, word in verdicts.items() if word == "less"]
    if less:
        print(f"note: {', '.join(less)} takes less than the baseline; {RENEW}, which keeps the gain")
    print(f"{len(verdicts)} passed: instruction counts within {TOLERANCE:.0%} of the baseline")


def write() -> None:
    """Writes a new baseline."""
    paths = {path: asdict(counts) for path, counts in count_all().items()}
    BASELINE.write_text(json.dumps({"rustc": compiler(), "paths": paths}, indent=2) + "\n")
    print(BASELINE.read_text())


def main(arguments: list[str]) -> None:
    """The command line."""
    reason = left_out()
    if reason:
        print(f"left out: instruction counts: {reason}")
    elif arguments == ["--write"]:
        write()
    else:
        compare()


if __name__ == "__main__":
    main(sys.argv[1:])
