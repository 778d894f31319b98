"""Hands secrets to the log maskers of the running Airflow."""

from __future__ import annotations

from strongroom import _maskers, _reporting
from strongroom._signals import quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import TypeAlias

Entry: TypeAlias = "tuple[str, str | None]"
"""A text to hide, and the key that decides whether it is hidden (None: always)."""

_MOST_PENDING = 1000
_pending: dict[Entry, None] = {}
"""Read before there was a masker, oldest first."""


def register(entries: Iterable[Entry]) -> bool:
    """Register `entries` with every masker of this process, and report them to the supervisor of a task.

    The answer says whether all were told; else the same entries should come again with the next lookup. Raises
    only what a signal handler raised. A configuration value may be read while Airflow itself is being imported,
    when there is no masker yet: it waits for the next call.
    """
    _maskers.take_over()
    _pending.update(dict.fromkeys(entries))
    while len(_pending) > _MOST_PENDING:
        del _pending[next(iter(_pending))]
    maskers = list(_maskers.loaded())
    if not maskers:
        return False
    waiting = list(_pending)
    _pending.clear()
    hidden = [text for text, name in waiting if _mask(maskers, text, name)]
    return _reporting.report(hidden)


def _mask(maskers: list[tuple[_maskers.Masker, ModuleType]], text: str, name: str | None) -> bool:
    """Hand one text to each masker that would hide it; say whether one would."""
    hidden: list[bool] = []

    def add(masker: _maskers.Masker, module: ModuleType) -> None:
        if _maskers.hides(masker, module, text, name):
            hidden.append(True)
            masker.add_mask(text)

    for masker, module in maskers:
        quietly(add, masker, module)
    return bool(hidden)
