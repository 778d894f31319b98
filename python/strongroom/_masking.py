"""Hands secrets to the log maskers of the running Airflow."""

from __future__ import annotations

import sys
import threading

from strongroom._signals import quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

Entry: TypeAlias = "tuple[str, str | None]"
"""A text to hide, and the key that decides whether it is hidden (None: always)."""

_MASKERS = (
    "airflow._shared.secrets_masker",
    "airflow.sdk._shared.secrets_masker",
    "airflow.sdk.execution_time.secrets_masker",
    "airflow.utils.log.secrets_masker",
)
"""Where Airflow 3.2 and newer (core, Task SDK), 3.0 to 3.1, and 2.x keep it. Each copy has a list of its own."""

_MOST_PENDING = 1000
_pending: list[Entry] = []


def register(entries: Iterable[Entry]) -> None:
    """Register `entries` with every masker of this process. Raises only what a signal handler raised.

    A configuration value may be read while Airflow itself is being imported, when there is no masker yet:
    it waits for the next call.
    """
    if "airflow" not in sys.modules:
        return
    _pending.extend(entries)
    del _pending[:-_MOST_PENDING]
    maskers = [masker for masker in map(_masker, _MASKERS) if masker is not None]
    if not maskers:
        return
    waiting, _pending[:] = list(_pending), []
    for text, name in waiting:
        for mask in maskers:
            quietly(mask, text, name)
    quietly(_tell_supervisor, waiting)


def _masker(module: str) -> Callable[[str, str | None], None] | None:
    """Return the function that registers a text in this process, and does nothing else.

    In Airflow 3.0 `mask_secret` tells the supervisor as well, with a blocking call for each text.
    """
    found = sys.modules.get(module)
    make: Callable[[], Any] | None = getattr(found, "_secrets_masker", None)
    mask: Callable[[str, str | None], None] | None = make().add_mask if make else getattr(found, "mask_secret", None)
    return mask


def _tell_supervisor(entries: list[Entry]) -> None:
    """In a task, what it prints is masked by its supervisor, another process.

    The channel is a blocking one: it is left alone on an event loop, where it could deadlock, and off the
    main thread.
    """
    task_runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    channel = getattr(task_runner, "SUPERVISOR_COMMS", None)
    if channel is None or threading.current_thread() is not threading.main_thread() or _on_event_loop():
        return
    from airflow.sdk.execution_time.comms import MaskSecret

    for name in {name for _, name in entries}:
        texts = [text for text, its_name in entries if its_name == name]
        channel.send(MaskSecret(value=texts, name=name))


def _on_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None
