"""The common parts of the tests that give keywords every type of value: see `test_kwargs.py`."""

from __future__ import annotations

from tests.parity.outcomes import Outcome


def wrong(label: str, official: Outcome, ours: Outcome) -> list[str]:
    """Values that the official class reads and ours does not."""
    if official.ending != "value" or (ours.ending, ours.value) == (official.ending, official.value):
        return []
    return [f"{label}: official {official.value!r}, ours {ours.ending} {ours.value!r} {ours.error!r}"]


def lookups(key: str) -> tuple[str, ...]:
    """The getters for a key; those of names differ."""
    return ("var", "conn", "config") if key.endswith("_prefix") or key == "sep" else ("var",)
