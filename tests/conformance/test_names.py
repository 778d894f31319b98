"""Names and metadata, as the command line shows them: below the prefixes, from every page, and without values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.command_line.shell import DONE, NO, Run, Shell
from tests.conformance.capability import Capability
from tests.conformance.cases import shows
from tests.conformance.harness import KINDS, Harness
from tests.stores import described

CANARY = "canary-5e2bd3"
STORES = described()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell that fails when a value is shown."""
    return Shell(tmp_path, secrets=[CANARY])


def run(shell: Shell, harness: Harness, *arguments: str, **options: Any) -> Run:
    """A command on the harness's backend."""
    python_class = str(harness.description()["python_class"])
    shell.backend(python_class, **harness.options(), **options)
    return shell.run(*arguments, "--json")


@shows(Capability.LISTED)
def test_names_are_listed_by_kind_and_without_duplicates(shell: Shell, harness: Harness) -> None:
    for kind in KINDS:
        for number in range(3):
            harness.put(kind, f"{kind}{number}", CANARY)
    listed = run(shell, harness, "list")
    assert listed.code == DONE, listed.err
    found = [(secret["kind"], secret["id"]) for secret in listed.json["secrets"]]
    assert found == [(kind, f"{kind}{number}") for kind in KINDS for number in range(3)]


@shows(Capability.LISTED)
def test_a_long_list_is_complete(shell: Shell, harness: Harness) -> None:
    ids = [f"v{number:03}" for number in range(120)]
    for each in ids:
        harness.put("variable", each, CANARY)
    listed = run(shell, harness, "list", "variables")
    assert [secret["id"] for secret in listed.json["secrets"]] == ids


@shows(Capability.LISTED)
def test_an_empty_store_has_an_empty_list(shell: Shell, harness: Harness) -> None:
    harness.put("connection", "c", CANARY)
    assert run(shell, harness, "list", "variables").json == {"secrets": []}


@shows(Capability.DESCRIBED)
def test_a_secret_is_described_and_a_missing_one_is_not(shell: Shell, harness: Harness) -> None:
    harness.put("variable", "hello", CANARY)
    described = run(shell, harness, "describe", "variable", "hello")
    assert described.code == DONE, described.err
    assert described.json["name"].endswith(STORES[harness.store].place("variable", "hello"))
    missing = run(shell, harness, "describe", "variable", "absent")
    assert (missing.code, missing.json["found"]) == (NO, False)
