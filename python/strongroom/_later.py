"""Lookups of event loops: the loop goes on while the store is asked, and its own executor is left to others."""

from __future__ import annotations

from threading import Thread

from strongroom import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable
    from typing import Any


async def look_up(core: _native.Backend, kind: str, id: str, team_name: str | None, read: Callable[[Any], Any]) -> Any:
    """Return what `read` makes of the answer, the one value of a list.

    Ends with the deadline of the lookup, which counts from here.

    If the caller is cancelled, the lookup is given up.
    """
    # Whoever awaits this has loaded both.
    from asyncio import get_running_loop
    from contextvars import copy_context

    loop = get_running_loop()
    answer = loop.create_future()
    known, *held, begun = core.begin(kind, id, team_name, copy_context(), _recipient(loop, answer, read))
    if begun is not None and begun.shift is not None:
        _drive(begun.shift)
    if known or begun is None:
        # What may have begun besides is a refresh, which needs nobody to wait for it.
        return read(held)
    try:
        return await answer
    finally:
        begun.leave()


def _recipient(loop: AbstractEventLoop, answer: Future[Any], read: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return what is to be called with the end of the lookup, on the thread that drives it."""

    def receive(ended: _native.Ended) -> None:
        # It raises where the loop was closed meanwhile; then nobody waits.
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
    """Start the thread of a shift. It ends with the last lookup, and the interpreter waits for it at its own end."""
    try:
        Thread(target=_native.drive, args=(shift,), name="strongroom").start()
    except RuntimeError:
        # There is no room for a thread: better a loop that waits for once than a lookup that never ends.
        _native.drive(shift)
