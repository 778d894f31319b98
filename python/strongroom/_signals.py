"""Distinguishes exceptions of signal handlers from failures, where failures are otherwise ignored."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any


def raised_by_handler(error: BaseException) -> bool:
    """Return whether `error` must propagate: a signal handler raised it, or it is not an `Exception` at all.

    Python runs handlers between any two instructions of the main thread, so one may raise within a log
    handler or a masker whose own failures are ignored.
    """
    if not isinstance(error, Exception):
        return True
    handlers, trace = _handlers(), error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


def quietly(action: Callable[..., None], *arguments: Any) -> Exception | None:
    """Do what must not fail a lookup, and return its exception, if any. An exception of a handler propagates."""
    try:
        action(*arguments)
    except Exception as error:
        if raised_by_handler(error):
            raise
        return error
    return None


def _handlers() -> set[CodeType]:
    """Return the code of every installed handler."""
    import signal

    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    codes = (getattr(getattr(handler, "__func__", handler), "__code__", None) for handler in handlers)
    return {code for code in codes if code is not None}
