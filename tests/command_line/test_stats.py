"""stats: sums up the audit file of real lookups."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, USAGE, Shell

CANARY = "canary-51d0c7"
#: A process with lookups: a value four times, three of them from memory, and a name that does not exist.
LOOKUPS = """
import json, sys, time
from strongroom.memory import MemoryBackend

reader = MemoryBackend(cache_ttl=60, **json.loads(sys.argv[1]))
reader.get_variable("v")
reader.get_variable("absent")
time.sleep(0.5)
for _ in range(3):
    reader.get_variable("v")
"""


@pytest.fixture
def audited(shell: Shell) -> Path:
    """A backend that records its lookups, and two processes that have used it."""
    shell.secrets.append(CANARY)
    path = shell.home / "audit.jsonl"
    options = {"secrets": {"airflow/variables/v": CANARY}, "audit_path": str(path), "rate_limit": "40/s"}
    shell.backend("memory", **options)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", LOOKUPS, json.dumps(options)], check=True, timeout=60)
    return path


def test_lookups_are_summed_up(shell: Shell, audited: Path) -> None:
    result = shell.run("stats", "--json")
    assert (result.code, result.err) == (DONE, "")
    summed = result.json
    counts = {each["outcome"]: (each["lookups"], each["from_store"]) for each in summed["outcomes"]}
    assert counts == {"value": (8, 2), "absent": (2, 2)}
    assert (summed["lookups"], summed["processes"], summed["from_store"]) == (10, 2, 4)
    assert (summed["quota_per_second"], summed["unread_lines"], summed["file"]) == (40.0, 0, str(audited))
    named = [(each["id"], each["from_store"], each["lookups"]) for each in summed["most_asked"]]
    assert named == [("absent", 2, 2), ("v", 2, 8)]
    times = [line["time"][:19] + "Z" for line in map(json.loads, audited.read_text().splitlines())]
    assert (summed["from"], summed["to"]) == (min(times), max(times))
    text = shell.run("stats").out
    assert f"{audited}: 10 lookups of 2 processes" in text
    assert "The quota is 40 calls a second" in text
    # The command itself is not a lookup of Airflow's.
    shell.run("get", "variable", "v")
    assert shell.run("stats", "--json").json["lookups"] == 10


def test_rotated_files_count_and_old_lines_do_not(shell: Shell, audited: Path) -> None:
    old = json.loads(audited.read_text().splitlines()[0]) | {"time": "2020-01-01T00:00:00.000Z", "id": "old"}
    Path(f"{audited}.1").write_text(json.dumps(old) + "\nno line\n")
    everything = shell.run("stats", "--json").json
    assert (everything["lookups"], everything["unread_lines"], everything["from"]) == (11, 1, "2020-01-01T00:00:00Z")
    assert shell.run("stats", "--since", "1d", "--json").json["lookups"] == 10


def test_a_file_can_be_named_without_any_configuration(shell: Shell, audited: Path) -> None:
    shell.variables.clear()
    result = shell.run("stats", "--file", str(audited), "--json")
    assert (result.code, result.json["lookups"], result.json["quota_per_second"]) == (DONE, 10, None)
    audited.write_text("")
    assert shell.run("stats", "--file", str(audited)).code == NO


def test_without_an_audit_file_the_remedy_is_named(shell: Shell) -> None:
    shell.backend("memory", secrets={})
    result = shell.run("stats")
    assert (result.code, "audit_path" in result.err, "strongroom bench" in result.err) == (CONFIGURATION, True, True)
    missing = shell.run("stats", "--file", str(shell.home / "nowhere"), "--json")
    assert (missing.code, missing.json["error"]["kind"]) == (CONFIGURATION, "config")
    assert shell.run("stats", "--since", "yesterday").code == USAGE
