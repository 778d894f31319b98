"""What the comparisons of keywords with every type of value share: see `test_kwargs.py`."""

from __future__ import annotations

from tests.parity.outcomes import Outcome


def wrong(label: str, official: Outcome, ours: Outcome) -> list[str]:
    """What the official class reads, and we do not."""
    if official.ending != "value" or (ours.ending, ours.value) == (official.ending, official.value):
        return []
    return [f"{label}: official {official.value!r}, ours {ours.ending} {ours.value!r} {ours.error!r}"]


def lookups(key: str) -> tuple[str, ...]:
    """Names are made for each getter."""
    return ("var", "conn", "config") if key.endswith("_prefix") or key == "sep" else ("var",)
