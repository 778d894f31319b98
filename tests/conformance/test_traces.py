"""No secret shows anywhere: not in logs, exceptions, objects, pickles, files or the environment of children.

Each lookup runs in a separate process, in which every logger is at level 1 and everything that remains is printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import strongroom
from tests.conformance.canaries import canary, files_below, must_be_nowhere, plain_canary, texts_in
from tests.conformance.capability import Capability
from tests.conformance.cases import shows, shows_faults
from tests.conformance.harness import KINDS, Harness, Options, Planting
from tests.conformance.test_faults import quick
from tests.conformance.traced import MARK
from tests.servers.process import REPOSITORY

POLICIES = ("official", "raise", "miss")


def trace(folder: Path, store: str, cases: Sequence[Planting]) -> list[tuple[str, bytes]]:
    """Like ``trace_class``, for the class of a store."""
    description = next(known for known in strongroom.stores() if known["name"] == store)
    return trace_class(folder, description["python_class"], cases)


def trace_class(folder: Path, python_class: str, cases: Sequence[Planting]) -> list[tuple[str, bytes]]:
    """Runs each case in a separate process; returns everything that was left behind, by case."""
    lookups = [(kind, secret_id) for kind in KINDS for secret_id in ("hello", "hello", "nothing")]
    job = {"class": python_class, "lookups": lookups, "cases": [asdict(case) for case in cases]}
    home = folder / "home"
    home.mkdir()
    places = {name: str(home) for name in ("HOME", "TMPDIR", "AIRFLOW_HOME")}
    paths = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path]), "RUST_BACKTRACE": "full", "RUST_LOG": "trace"}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "tests.conformance.traced"],
        input=json.dumps(job).encode(),
        env={**os.environ, **paths, **places},
        cwd=home,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [*parts("standard output", done.stdout), *parts("standard error", done.stderr), *files_below(home)]


def parts(stream: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The output on a stream, by case."""
    for part in content.split(MARK.encode()):
        label, _, rest = part.partition(b"\n")
        yield f"{stream} of {label.decode()}", rest


def secret_options(harness: Harness) -> list[str]:
    """The keys that the store itself marks as secret."""
    return [option["key"] for option in harness.description()["options"] if option["secret"]]


def known_secrets(harness: Harness, options: Options) -> dict[str, str]:
    """Every text in an option that is secret."""
    texts = [(key, text) for key in secret_options(harness) for text in texts_in(options.get(key))]
    return {f"{key} {number}": text for number, (key, text) in enumerate(texts)}


def fill(harness: Harness) -> dict[str, str]:
    """Puts a canary of each kind into the store, repeated, so that any part of the value contains one too."""
    secrets: dict[str, str] = {kind: canary() for kind in KINDS}
    for kind in KINDS:
        harness.put(
            kind, "hello", json.dumps({"conn_type": "x", "password": secrets[kind], "extra": [secrets[kind]] * 9})
        )
    return secrets


def usual(harness: Harness, label: str = "usual", **changed: Any) -> Planting:
    """A case with the harness's own options, some of them changed."""
    return Planting(label, {**harness.options(), "timeout": "2s", "max_attempts": 1, **changed})


@shows(Capability.TRACES)
def test_no_value_shows_when_all_is_well(harness: Harness, tmp_path: Path) -> None:
    secrets = fill(harness)
    places = trace(tmp_path, harness.store, [usual(harness, timeout="30s")])
    assert dict(places)["standard output of usual"].endswith(b"answered 6\n")
    must_be_nowhere({**known_secrets(harness, harness.options()), **secrets}, places)


@shows_faults
def test_no_fault_shows_a_secret(harness: Harness, fault: Capability, tmp_path: Path) -> None:
    secrets = fill(harness)
    changed = {**quick(fault), **harness.inject(fault)}
    if fault is Capability.HANG:
        changed["timeout"] = "200ms"
    cases = [usual(harness, policy, **changed, on_error=policy) for policy in POLICIES]
    places = trace(tmp_path, harness.store, cases)
    ends = [content for place, content in places if place in {f"standard output of {case.label}" for case in cases}]
    assert [end.split()[-2:] for end in ends] == [[b"answered", b"0"]] * len(cases)
    must_be_nowhere({**known_secrets(harness, cases[0].options), **secrets}, places)


@shows(Capability.TRACES)
def test_no_secret_option_shows_whatever_it_holds(harness: Harness, tmp_path: Path) -> None:
    """As a string, as an object, as JSON in a string, and as values of a wrong type."""
    fill(harness)
    secrets = {key: canary() for key in secret_options(harness)}
    cases = [usual(harness, key, **{key: shape}) for key, secret in secrets.items() for shape in shapes(secret)]
    must_be_nowhere(secrets, trace(tmp_path, harness.store, cases))


def shapes(secret: str) -> list[Any]:
    """A secret as several kinds of JSON."""
    return [secret, {"a": secret}, json.dumps({"a": {"b": secret}}), f'{{"a": "{secret}', [secret], [[{"c": secret}]]]


@shows(Capability.TRACES)
def test_no_source_of_credentials_shows_what_it_holds(harness: Harness, tmp_path: Path) -> None:
    """Files, the environment, addresses with a password: every source that the harness declares."""
    fill(harness)
    secret = plain_canary()
    cases = [
        Planting(planted.label, usual(harness, **planted.options).options, planted.environment)
        for planted in harness.plantings(secret)
    ]
    must_be_nowhere({"secret": secret}, trace(tmp_path, harness.store, cases))


@shows(Capability.TRACES)
def test_the_search_finds_a_canary(harness: Harness, tmp_path: Path) -> None:
    """The search itself: an unknown key is named in a warning, so a canary there must be found."""
    secret = plain_canary()
    places = trace(tmp_path, harness.store, [usual(harness, "unknown", **{secret: 1})])
    with pytest.raises(AssertionError, match="secret in standard error of unknown"):
        must_be_nowhere({"secret": secret}, places)
