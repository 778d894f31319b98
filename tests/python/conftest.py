"""What the tests of this folder share."""

from __future__ import annotations

import os

import pytest

from tests.servers.aws import clean_environment


@pytest.fixture(autouse=True)
def _no_aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing around the tests steers an AWS client."""
    clean = clean_environment()
    for name in set(os.environ) - set(clean):
        monkeypatch.delenv(name)
    for name in set(clean) - set(os.environ):
        monkeypatch.setenv(name, clean[name])
