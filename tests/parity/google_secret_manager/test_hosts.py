"""Google Secret Manager at its own host name: the unchanged official class, over gRPC, compared with ours.

The comparison itself is in ``real_hosts/google_inside.py``: it runs where the name leads to our server.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.namespace import assert_passes_inside


def test_both_classes_at_googles_own_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hundreds of lookups; each difference has a row in docs/differences.md."""
    assert_passes_inside("tests/parity/real_hosts/google_inside.py", tmp_path, capsys)
