"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An environment without any configuration."""
    return Shell(tmp_path)
