"""The output of commands on every store, as files: one for each store and command, so that changed words are seen.

A file is a sequence of runs: the command line, its output, its errors, and its exit code. Parts that differ from
run to run is replaced by a word in angle brackets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.command_line.shell import Run
from tests.command_line.store_shell import SERVERS, STORES, StoreShell
from tests.stores.description import Secrets

FOLDER = Path(__file__).with_name("transcripts")
CANARY = "canary-6c1e8f"
URI = f"postgres://app:{CANARY}@db.example:5432/sales?sslmode={CANARY}"
SECRETS: Secrets = {("connection", "db"): URI, ("connection", "broken"): f"{{{CANARY}", ("variable", "region"): CANARY}

#: The only command that shows a value.
SHOWING = "reveal"
#: Parts that differ from run to run.
CHANGING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<date>"),
    (r"\b\d+[smhd] ago", "<age> ago"),
    (r"\b\d+\.\d{3} ms", "<time>"),
    (r"\b\d+ ms\b", "<time>"),
    (r"\(\d+m?s, from", "(<time>, from"),
    (r'("took_us": )\d+', r"\1<time>"),
    (r'("p\d\d_us": )\d+', r"\1<time>"),
    (r"\b\d+ s from the (server|service)", r"<time> from the \1"),
    (r"\b(the server is \w+) [\d.]+", r"\1 <version>"),
    (r"\b\d+ s left\b", "<time> left"),
    (r"\bends in \d+ s\b", "ends in <time>"),
    (r"\bpolicy-\d+\b", "policy-<number>"),
    (r"\bversion \d+\.\d+\.\d+", "version <version>"),
    (r"127\.0\.0\.1:\d+", "<address>"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b[0-9a-f]{40}\b", "<key id>"),
    (r"\b[0-9a-f]{32}\b", "<version>"),
    (r"(:secret:[\w/+=.@-]+)-\w{6}\b", r"\1-<suffix>"),
    (r"\b000000000000\b", "<account>"),
    (r"\(os error \d+\)", "(os error <number>)"),
    (r"\bAKIA\w+", "<key>"),
    (r":user/user-\d+", ":user/<user>"),
    (r"strongroom \d+\.\d+\.\d+", "strongroom <version>"),
)


@dataclass(frozen=True)
class Part:
    """Runs in one state of the store."""

    lines: Sequence[str]
    #: The change of the store before the runs, and its title in the file.
    before: Callable[[StoreShell], object] | None = None
    title: str = ""


def denied(*lines: str) -> Part:
    """The reader has no permissions."""
    return Part(lines, StoreShell.shut, "the identity has no permissions")


def gone(*lines: str) -> Part:
    """The store does not answer."""
    return Part(lines, StoreShell.move, "the store does not answer")


def both(line: str) -> tuple[str, str]:
    """As text and as JSON."""
    return line, f"{line} --json"


def commands(store: str) -> Mapping[str, Sequence[Part]]:
    """The files of a store, and the commands in each."""
    found: dict[str, list[Part]] = {
        "get": [Part((*both("get connection db"), *both("get variable region"), *both("get variable nobody")))],
        "reveal": [Part((*both("reveal connection db"), *both("reveal variable region"), "reveal variable nobody"))],
        "list": [Part((*both("list"), "list variables --limit 1"))],
        "describe": [Part((*both("describe variable region"), *both("describe variable nobody")))],
        "explain": [Part((*both("explain connection db"), *both("explain variable nobody"), "explain config dsn"))],
        "lint": [Part(both("lint"))],
        "doctor": [Part((*both("doctor"), "doctor --offline"))],
        "env": [Part(both("env"))],
        "bench": [Part(both("bench variable region --count 2"))],
        "stores": [Part((f"stores {STORES[store].name}",))],
    }
    if STORES[store].policy:
        usual = f"policy {STORES[store].policy}"
        found["policy"] = [Part((*both(usual), f"{usual} --mode manage --prefix team-a"))]
    single = {
        "get": "get connection db",
        "reveal": "reveal variable region",
        "list": "list",
        "describe": "describe variable region",
        "explain": "explain connection db",
        "lint": "lint",
        "doctor": "doctor",
        "bench": "bench variable region --count 2",
    }
    for command, line in single.items():
        if store != "memory":
            found[command].append(denied(*both(line)))
        if store in SERVERS:
            found[command].append(gone(line))
    return found


def record(opened: StoreShell, parts: Sequence[Part]) -> tuple[str, list[Run]]:
    """Runs everything; returns the text for the file, and the runs."""
    text, runs = "", []
    usual = dict(opened.options)
    for part in parts:
        if part.before:
            opened.options = dict(usual)
            part.before(opened)
            text += f"# {part.title}\n\n"
        for line in part.lines:
            run = opened.run(*line.split())
            runs.append(run)
            text += shown(opened, line, run)
    return text, runs


def shown(opened: StoreShell, line: str, run: Run) -> str:
    """One run in the form of the file."""
    complaints = f"--- standard error\n{run.err}" if run.err else ""
    return f"$ strongroom {line}\n{normalised(opened, run.out + complaints)}[exit code {run.code}]\n\n"


def normalised(opened: StoreShell, text: str) -> str:
    """The text without the parts that differ from run to run."""
    places = {str(opened.shell.home): "<home>"} | {
        str(Path(str(opened.options[option])).parent): "<folder>"
        for option in ("ca_bundle",)
        if option in opened.options
    }
    for place, word in places.items():
        text = text.replace(place, word)
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    # The widths of columns depend on their contents.
    return re.sub(r"(?<=\S) {2,}", "  ", text)


def difference(expected: str, found: str) -> str:
    """The first line that differs, for the message of a test."""
    pairs = zip([*expected.splitlines(), "(the end)"], [*found.splitlines(), "(the end)"], strict=False)
    for number, (left, right) in enumerate(pairs, 1):
        if left != right:
            return f"line {number}: {json.dumps(left)} is now {json.dumps(right)}"
    return "no line"
