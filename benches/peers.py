"""The cost of a lookup compared with that of the peers, in one run on one machine.

Each row is measured in new processes, peer and ours in turn, and also given as a ratio: the absolute figures depend on
the machine, the ratio hardly does. Run it with `make bench`; it writes `docs/benchmarks.md`.

| file | what it measures |
|---|---|
| `airflow_process.py` | typical use: tasks and the processes around them, with both maskers loaded |
| `speed.py` | time and memory in hot loops and in fresh processes |
| `stores.py` | the same for each of the other stores |
| `traffic.py` | how often the store is called |
| `agent.py` | a lookup and a new process through the agent |
| `command_line.py` | `airflow connections get` |
| `criterion/` | the Rust paths, without Python |
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import agent
import airflow_process
import command_line
import speed
import stores
import traffic
from measure import REPOSITORY, ROUNDS, stub_server

PROVIDERS = tuple(f"apache-airflow-providers-{name}" for name in ("amazon", "google", "hashicorp", "microsoft-azure"))
PACKAGES = ("apache-airflow", *PROVIDERS, "boto3", "hvac", "aws-secretsmanager-caching", "strongroom")

CRITERION = ("--bench", "--output-format", "bencher", "--warm-up-time", "0.5", "--measurement-time", "2")


def head(wheel: Path) -> str:
    """What was measured, where and how."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"""# Benchmarks

Made by `make bench` on {time.strftime("%Y-%m-%d")}: {platform.machine()}, {os.cpu_count()} cores, Python \
{platform.python_version()}, {platform.system()} {platform.release()}.
{packages}.

AWS's cache for Rust is `aws_secretsmanager_caching`, pinned in [benches/aws_cache](../benches/aws_cache/Cargo.toml).
The server is one on the loopback that answers at once. Times belong to the machine, ratios travel. The wheel has \
{wheel.stat().st_size / 1e6:.2f} MB.
"""


def page(stub: str, wheel: Path) -> str:
    """Measures everything; returns the documentation page."""
    rows = [*speed.start_rows(stub), *speed.lookup_rows(stub), *speed.parse_rows(stub), *stores.rows(stub)]
    lines = "\n".join(row.line() for row in rows)
    first = "\n".join(row.line() for row in airflow_process.rows(stub))
    return f"""{head(wheel)}
## In a task, and in the processes around it

Both log maskers of Airflow are loaded, as in every task, parse child, triggerer and API server. Medians of fresh
processes of each side, in turns. "Airflow's own masks" are what Airflow's code registers by itself, with its own
matcher: fewer forms of each secret than [Strongroom hides](security.md#masking-in-task-logs).

| what | unit | peer | peer's figure | Strongroom | ratio |
|---|---|---|---|---|---|
{first}

## Hot loops, starts and memory

One thing again and again, pinned to a core where a row says so, and fresh processes up to their first value. Medians of
{ROUNDS} fresh processes of each side, in turns.

| what | unit | peer | peer's figure | Strongroom | ratio |
|---|---|---|---|---|---|
{lines}

## Requests

{traffic.table(stub)}

## Through the agent

[The agent](agent.md) has the value already. Each lookup is of a name that its process has not read before, one at a
time; medians of the percentiles of {ROUNDS} processes of each side, in turns.

{agent.section(stub)}

## The command line

{command_line.paragraph(stub)}

## Inside

The Rust paths without Python, by Criterion; `cargo bench` measures them at length. The instruction count of each
is in [benches/instructions.json](../benches/instructions.json), and `make test` fails when one takes 2 % more.

{criterion_table(os.environ["CRITERION"])}
"""


def criterion_table(program: str) -> str:
    """The results of Criterion; its `test NAME ... bench: 1,234 ns/iter (+/- 5)` lines as a table."""
    done = subprocess.run([program, *CRITERION], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    text = done.stdout
    found = re.findall(r"^test (.+) \.\.\. bench: +([\d,]+) ns/iter", text, re.MULTILINE)
    return "\n".join(["| path | ns |", "|---|---|", *(f"| {name} | {nanoseconds} |" for name, nanoseconds in found)])


def main() -> None:
    """Measures everything and writes the page."""
    program, rust_cache, criterion, wheel = *sys.argv[1:4], Path(sys.argv[4])
    os.environ |= {"RUST_CACHE": rust_cache, "CRITERION": criterion}
    with stub_server(program) as stub:
        text = page(stub, wheel)
    (REPOSITORY / "docs" / "benchmarks.md").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
