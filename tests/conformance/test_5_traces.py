"""No secret shows anywhere: not in logs, exceptions, objects, pickles, files or the environment of children.

Each lookup runs in a process of its own, in which every logger is at level 1 and everything that is left is printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import strongroom
from tests.conformance.canaries import canary, files_below, must_be_nowhere, plain_canary, texts_in
from tests.conformance.capability import Capability, shows, shows_faults
from tests.conformance.harness import KINDS, Harness, Options
from tests.conformance.test_3_faults import quick
from tests.servers.process import REPOSITORY

POLICIES = ("official", "raise", "miss")


def trace(folder: Path, store: str, options: Options, environment: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Looks up in a process of its own; yields all that it left behind."""
    description = next(known for known in strongroom.stores() if known["name"] == store)
    lookups = [(kind, secret_id) for kind in KINDS for secret_id in ("hello", "hello", "nothing")]
    job = {"class": description["python_class"], "options": options, "lookups": lookups}
    home = folder / "home"
    home.mkdir(exist_ok=True)
    places = {name: str(home) for name in ("HOME", "TMPDIR", "AIRFLOW_HOME")}
    paths = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path]), "RUST_BACKTRACE": "full", "RUST_LOG": "trace"}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "tests.conformance.traced"],
        input=json.dumps(job).encode(),
        env={**os.environ, **paths, **places, **environment},
        cwd=home,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    yield "standard output", done.stdout
    yield "standard error", done.stderr
    yield from files_below(home)


def secret_options(harness: Harness) -> list[str]:
    """The keys that the store itself calls secret."""
    return [option["key"] for option in harness.description()["options"] if option["secret"]]


def known_secrets(harness: Harness, options: Options) -> dict[str, str]:
    """Every text in an option that is secret."""
    texts = [(key, text) for key in secret_options(harness) for text in texts_in(options.get(key))]
    return {f"{key} {number}": text for number, (key, text) in enumerate(texts)}


def fill(harness: Harness) -> dict[str, str]:
    """Puts a canary of each kind into the store, many times over, so that a part of the value holds one too."""
    secrets = {kind: canary() for kind in KINDS}
    for kind in KINDS:
        harness.put(kind, "hello", json.dumps({"conn_type": "x", "password": secrets[kind], "extra": [secrets[kind]] * 9}))
    return dict(secrets)


def assert_nothing_shows(harness: Harness, folder: Path, options: Options, secrets: Mapping[str, str]) -> None:
    """Traces a backend with these options and looks for its secrets and those of the store."""
    everything = {**known_secrets(harness, options), **secrets}
    must_be_nowhere(everything, trace(folder, harness.store, options, {}))


@shows(Capability.TRACES)
def test_no_value_shows_when_all_is_well(harness: Harness, tmp_path: Path) -> None:
    secrets = fill(harness)
    places = dict(trace(tmp_path, harness.store, harness.options(), {}))
    assert places["standard output"].endswith(b"answered 6\n")
    must_be_nowhere({**known_secrets(harness, harness.options()), **secrets}, places.items())


@shows_faults
@pytest.mark.parametrize("policy", POLICIES)
def test_no_fault_shows_a_secret(harness: Harness, fault: Capability, policy: str, tmp_path: Path) -> None:
    secrets = fill(harness)
    changed = harness.inject(fault)
    options = {**harness.options(), **quick(fault), **changed, "on_error": policy}
    assert_nothing_shows(harness, tmp_path, options, secrets)


@shows(Capability.TRACES)
def test_no_secret_option_shows_whatever_it_holds(harness: Harness, tmp_path: Path) -> None:
    """Alone, as text, as an object, as text of an object, and as what it cannot be."""
    fill(harness)
    for key in secret_options(harness):
        for number, shape in enumerate(shapes(canary())):
            options = {**harness.options(), "timeout": "2s", "max_attempts": 1, key: shape}
            folder = tmp_path / f"{key}-{number}"
            folder.mkdir()
            assert_nothing_shows(harness, folder, options, {key: next(texts_in(shape))})


def shapes(secret: str) -> list[Any]:
    """A secret as several kinds of JSON."""
    return [secret, {"a": secret}, json.dumps({"a": {"b": secret}}), f'{{"a": "{secret}', [secret], [[{"c": secret}]]]


@shows(Capability.TRACES)
def test_no_source_of_credentials_shows_what_it_holds(harness: Harness, tmp_path: Path) -> None:
    """Files, the environment, addresses with a password: what the harness knows of."""
    fill(harness)
    secret = plain_canary()
    for number, planting in enumerate(harness.plantings(secret)):
        folder = tmp_path / str(number)
        folder.mkdir()
        options = {**harness.options(), "timeout": "2s", "max_attempts": 1, **planting.options}
        must_be_nowhere({planting.label: secret}, trace(folder, harness.store, options, planting.environment))


@shows(Capability.TRACES)
def test_what_would_show_is_found(harness: Harness, tmp_path: Path) -> None:
    """The hunt itself: an unknown key is named in a warning, so a canary there must be found."""
    secret = plain_canary()
    with pytest.raises(AssertionError, match="unknown key in standard error"):
        must_be_nowhere({"unknown key": secret}, trace(tmp_path, harness.store, {**harness.options(), secret: 1}, {}))
