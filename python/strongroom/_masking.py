"""Registers secrets with the log maskers of the running Airflow."""

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
"""Texts that were read before there was a masker, oldest first."""


def register(entries: Iterable[Entry]) -> bool:
    """Register `entries` with every masker of this process, and report them to the supervisor of a task.

    Returns whether all of them got the texts; otherwise the same entries have to come again with the next lookup.
    Raises only what a signal handler has raised. A configuration value may be read while Airflow itself is being
    imported, when there is no masker yet: it waits for the next call.
    """
    _maskers.take_over()
    maskers = list(_maskers.loaded())
    own = dict.fromkeys(entries)
    if not maskers:
        _pending.update(own)
        while len(_pending) > _MOST_PENDING:
            _pending.pop(next(iter(_pending)), None)
        return False
    # Another thread may take some of the waiting texts; each text is taken by one thread.
    while _pending:
        own[_pending.popitem()[0]] = None
    rules: dict[tuple[int, str | None], bool] = {}
    return _reporting.report([text for text, name in own if _mask(maskers, rules, text, name)])


def _mask(
    maskers: list[tuple[_maskers.Masker, ModuleType]],
    rules: dict[tuple[int, str | None], bool],
    text: str,
    name: str | None,
) -> bool:
    """Register one text with each masker that would hide it; return whether one would.

    `rules` caches what each masker decides for a name.
    """
    hidden: list[bool] = []

    def add(masker: _maskers.Masker, module: ModuleType) -> None:
        key = (id(masker), name)
        if key not in rules:
            rules[key] = _maskers.hides(masker, module, name)
        if rules[key] and len(text) >= _maskers.least(masker, module):
            hidden.append(True)
            masker.add_mask(text)

    for masker, module in maskers:
        quietly(add, masker, module)
    return bool(hidden)
