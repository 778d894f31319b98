"""Lookups from event loops: the loop continues while the store is called, and its executor stays free for others."""

from __future__ import annotations

from threading import Thread

from strongroom import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable
    from typing import Any


async def look_up(core: _native.Backend, kind: str, id: str, team_name: str | None, read: Callable[[Any], Any]) -> Any:
    """Return what `read` makes of the answer, which is the only value in a list.

    Ends at the deadline of the lookup, which starts here.

    If the caller is cancelled, the lookup is abandoned.
    """
    # A caller in an event loop has already loaded both.
    from asyncio import get_running_loop
    from contextvars import copy_context

    loop = get_running_loop()
    answer = loop.create_future()
    known, *held, begun = core.begin(kind, id, team_name, copy_context(), _recipient(loop, answer, read))
    if begun is not None and begun.shift is not None:
        _drive(begun.shift)
    if known or begun is None:
        # A lookup that has begun despite a known answer is a refresh, which no caller has to wait for.
        return read(held)
    try:
        return await answer
    finally:
        begun.leave()


def _recipient(loop: AbstractEventLoop, answer: Future[Any], read: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return the function to call at the end of the lookup, on the thread that drives it."""

    def receive(ended: _native.Ended) -> None:
        # It raises if the loop has been closed in the meantime; then no caller is waiting.
        loop.call_soon_threadsafe(_settle, answer, *_outcome(ended, read))

    return receive


def _outcome(ended: _native.Ended, read: Callable[[Any], Any]) -> tuple[Any, BaseException | None]:
    try:
        return read([ended.result()]), None
    except BaseException as error:  # noqa: BLE001  # it is raised where the answer is awaited
        return None, error


def _settle(answer: Future[Any], found: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(found)
    else:
        answer.set_exception(error)


def _drive(shift: int) -> None:
    """Start the thread of a shift. It ends with the last lookup, and the interpreter waits for it when it exits."""
    try:
        Thread(target=_native.drive, args=(shift,), name="strongroom").start()
    except RuntimeError:
        # No thread can be started: it is better to block the loop once than to have a lookup that never ends.
        _native.drive(shift)
