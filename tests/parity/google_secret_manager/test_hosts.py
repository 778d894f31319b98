"""Google Secret Manager at its own host name: the official class as it is, over gRPC, beside ours.

The comparison itself is in ``real_hosts/google_inside.py``: it runs where the name leads to a server of ours.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.namespace import assert_passes_inside


def test_both_classes_at_googles_own_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hundreds of lookups; what differs has a row in docs/differences.md."""
    assert_passes_inside("tests/parity/real_hosts/google_inside.py", tmp_path, capsys)
