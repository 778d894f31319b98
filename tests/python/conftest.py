"""What the tests of this folder share."""

from __future__ import annotations

import pytest

from tests.servers.aws import clear_environment


@pytest.fixture(autouse=True)
def _no_aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the environment of the tests from configuring an AWS client."""
    clear_environment(monkeypatch)
