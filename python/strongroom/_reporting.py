"""Reports secrets to the supervisor of a task, which writes what the task prints, and masks it.

The channel to it is one socket with one answer to each message. Who may use it is for the running SDK to say, and is
known by what its channel has, not by its version:

| channel | who may send |
|---|---|
| of a trigger | any thread: the message is left to the loop that owns the channel |
| with a check for the loop (Task SDK 1.3) | any thread; what it refuses is kept |
| with a lock (1.2) | a thread that runs no event loop |
| with neither (1.0, 1.1) | the main thread, if it runs no event loop |

What may not be sent now is kept. It goes out with the next lookup that may send, or before the next message that
Airflow itself sends from such a place, which is at the latest the one that says how the task has ended.
"""

from __future__ import annotations

import os
import sys
import threading

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
"""What is still to be sent, oldest first."""
_sent: dict[str, None] = {}
"""What the supervisor knows."""
_supervisor: tuple[int, Channel | None] = (0, None)
"""The process and the channel that both are of: a child's supervisor has from its own memory what its parent knew."""
_sending = threading.local()


def report(texts: list[str]) -> bool:
    """Send `texts`, and what was kept, to the supervisor. The answer says whether nothing is left to be sent."""
    task_runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    channel = getattr(task_runner, "SUPERVISOR_COMMS", None)
    # A supervisor without our matcher gets what Airflow itself sends: its masker is slow with more.
    if channel is None or not _maskers.parent_has_our_matcher():
        return True
    _keep(channel, texts)
    return _flush(channel)


def _keep(channel: Channel, texts: list[str]) -> None:
    global _supervisor
    if _supervisor[0] != os.getpid() or _supervisor[1] is not channel:
        _supervisor = (os.getpid(), channel)
        _kept.clear()
        _sent.clear()
    new = [text for text in texts if text not in _sent and text not in _kept]
    if new:
        _native.masking_changed()  # so that the next lookup, whatever it asks for, comes here if they stay
        _add(_kept, new)


def _add(known: dict[str, None], texts: list[str]) -> None:
    known.update(dict.fromkeys(texts))
    while len(known) > _MOST_KEPT:
        del known[next(iter(known))]


def _flush(channel: Channel) -> bool:
    if not _kept:
        return True
    texts = list(_kept)
    if not _may_send(channel) or quietly(_send, channel, texts) is not None:
        _send_with_others(type(channel))
        return False
    for text in texts:
        _kept.pop(text, None)
    _add(_sent, texts)
    return True


def _send(channel: Channel, texts: list[str]) -> None:
    from airflow.sdk.execution_time.comms import MaskSecret

    message = MaskSecret(value=texts)
    loop = _loop_of_trigger(channel)
    if loop is None:
        channel.send(message)
        return
    from asyncio import run_coroutine_threadsafe

    run_coroutine_threadsafe(channel.asend(message), loop).add_done_callback(lambda done: done.exception())


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
    """Let what is kept go before Airflow's own messages. Only where something had to be kept."""
    channel_class = next((each for each in channel_class.__mro__ if "send" in vars(each)), channel_class)
    airflows: Callable[..., Any] | None = vars(channel_class).get("send")
    if airflows is None or hasattr(airflows, "strongroom"):
        return

    def send(self: Channel, msg: Any, *rest: Any, **named: Any) -> Any:
        """Send a request to the parent and block until the response is received."""
        if _kept and not getattr(_sending, "now", False):
            _sending.now = True
            try:
                _flush(self)
            finally:
                _sending.now = False
        return airflows(self, msg, *rest, **named)

    send.strongroom = True  # type: ignore[attr-defined]
    channel_class.send = send  # type: ignore[attr-defined]
