"""What a session of tests with harnesses shares: their servers, and an environment that steers nothing."""

from __future__ import annotations

import contextlib
import itertools
import os

import pytest

from tests.conformance.harness import Harness
from tests.servers.aws import clean_environment

#: Numbers that make the configurations of one test different from those of all others.
GENERATIONS = itertools.count(10_000)
#: Variables that steer clients, beside those that begin with ``AWS_``.
STEERING = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


class Harnesses(contextlib.ExitStack):
    """The harnesses whose servers run; each is opened once."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self.folders = folders
        self.opened: dict[type[Harness], Harness] = {}

    def get(self, kind: type[Harness]) -> Harness:
        """The harness of a class, empty."""
        if kind not in self.opened:
            harness = kind(self.folders.mktemp(kind.label()))
            self.enter_context(harness.running())
            self.opened[kind] = harness
        found = self.opened[kind]
        found.generation = next(GENERATIONS)
        found.reset()
        return found


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's steers a store."""
    clean = clean_environment()
    for name in set(os.environ) - set(clean):
        monkeypatch.delenv(name)
    for name in STEERING:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in clean.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
