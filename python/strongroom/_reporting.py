"""Reports secrets to the supervisor of a task, which writes and masks the output of the task.

The channel to it is one socket with one answer to each message. Which threads may use it depends on the running SDK,
and is determined by the attributes of its channel, not by its version:

| channel | threads that may send |
|---|---|
| of a trigger | any thread: the message is passed to the loop that owns the channel |
| with a check for the loop (Task SDK 1.3) | any thread; a refused message is kept |
| with a lock (1.2) | a thread that runs no event loop |
| with neither (1.0, 1.1) | the main thread, if it runs no event loop |

A message that may not be sent now is kept. It is sent with the next lookup that may send, or before the next message
that Airflow itself sends from such a thread, at the latest the one that reports how the task has ended.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from strongroom import _maskers, _native
from strongroom._signals import quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Channel: TypeAlias = Any
    """What the running SDK calls `SUPERVISOR_COMMS`."""

_MOST_KEPT = 10_000
_kept: dict[str, None] = {}
"""Texts that still have to be sent, oldest first."""
_sent: dict[str, None] = {}
"""Texts that the supervisor has."""
_supervisor: tuple[int, Channel | None] = (0, None)
"""The process and the channel of both: the supervisor of a child has its parent's texts in its own memory."""
_PAUSE = 1.0
"""Seconds until the next attempt after a failure."""
_not_before = 0.0
_sending = threading.local()


def report(texts: list[str]) -> bool:
    """Send `texts`, and those that were kept, to the supervisor, or keep them. True: they need not come again."""
    channel = _channel()
    # A supervisor without our matcher gets only what Airflow itself sends: more would slow its masker down.
    if channel is not None and _maskers.parent_has_our_matcher():
        _keep(channel, texts)
        _flush(channel)
    return True


def retry() -> None:
    """Send the kept texts, if that is possible here and now."""
    channel = _channel()
    if channel is not None:
        _flush(channel)


def _channel() -> Channel | None:
    return getattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS", None)


def _keep(channel: Channel, texts: list[str]) -> None:
    global _supervisor
    if _supervisor[0] != os.getpid() or _supervisor[1] is not channel:
        _supervisor = (os.getpid(), channel)
        _kept.clear()
        _sent.clear()
    _add(_kept, [text for text in texts if text not in _sent])


def _add(known: dict[str, None], texts: list[str]) -> None:
    known.update(dict.fromkeys(texts))
    while len(known) > _MOST_KEPT:
        known.pop(next(iter(known)), None)


def _flush(channel: Channel) -> None:
    """Send the kept texts, or make sure that they are sent later."""
    global _not_before
    texts = list(_kept)
    if texts and not getattr(_sending, "now", False) and _may_send(channel) and time.monotonic() >= _not_before:
        _sending.now = True
        try:
            if quietly(_send, channel, texts) is None:
                _done(texts)
            else:
                _not_before = time.monotonic() + _PAUSE
        finally:
            _sending.now = False
    if _kept:
        _send_with_others(type(channel))
    _native.keep_masks(bool(_kept))


def _done(texts: list[str]) -> None:
    for text in texts:
        _kept.pop(text, None)
    _add(_sent, texts)


def _send(channel: Channel, texts: list[str]) -> None:
    from airflow.sdk.execution_time.comms import MaskSecret

    message = MaskSecret(value=texts)
    loop = _loop_of_trigger(channel)
    if loop is None:
        channel.send(message)
        return
    from asyncio import run_coroutine_threadsafe

    def ended(sent: Any) -> None:
        if sent.cancelled() or sent.exception() is not None:
            for text in texts:
                _sent.pop(text, None)
            _add(_kept, texts)
            _native.keep_masks(True)

    run_coroutine_threadsafe(channel.asend(message), loop).add_done_callback(ended)


def _may_send(channel: Channel) -> bool:
    if _loop_of_trigger(channel) is not None or hasattr(channel, "_is_on_loop_thread"):
        return True
    if _runs_loop():
        return False
    return hasattr(channel, "_thread_lock") or threading.current_thread() is threading.main_thread()


def _loop_of_trigger(channel: Channel) -> Any:
    """The loop that owns a trigger's channel; None for the channel of a task."""
    reader = getattr(channel, "_async_reader", None)
    return getattr(channel, "_loop", None) or getattr(reader, "_loop", None) if reader is not None else None


def _runs_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def _send_with_others(channel_class: type) -> None:
    """Send the kept texts before Airflow's own messages. Only used when texts had to be kept."""
    channel_class = next((each for each in channel_class.__mro__ if "send" in vars(each)), channel_class)
    airflows: Callable[..., Any] | None = vars(channel_class).get("send")
    if airflows is None or hasattr(airflows, "strongroom"):
        return

    def send(self: Channel, msg: Any, *rest: Any, **named: Any) -> Any:
        """Send a request to the parent and block until the response is received."""
        if _kept:
            _flush(self)
        return airflows(self, msg, *rest, **named)

    send.strongroom = True  # type: ignore[attr-defined]
    channel_class.send = send  # type: ignore[attr-defined]
