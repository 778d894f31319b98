"""Looks secrets up with every log record shown, and prints everything that remains, except the values.

The job comes as JSON on standard input: ``class``, ``lookups`` (pairs of a kind and an id) and ``cases``, each with a
``label``, ``options`` and an ``environment``. ``MARK`` and the label mark the start of each case on both streams.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import logging
import os
import pickle
import sys
import threading
import traceback
from typing import Any

from strongroom._base import SecretsBackend

MARK = "-----case "


class Everything(logging.Handler):
    """Prints everything that a record holds."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints to standard error."""
        print("record", vars(record), record.getMessage(), file=sys.stderr)


def show(what: str, value: object) -> None:
    """One line of output."""
    print(what, ascii(value), str(value).encode("utf-8", "backslashreplace").decode())


def show_error(error: BaseException) -> None:
    """An exception with everything attached to it."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is None or any(found is other for other in seen):
            continue
        seen.append(found)
        waiting += [found.__cause__, found.__context__]
        details = [repr(found), found.args, vars(found), getattr(found, "__notes__", None)]
        show(f"exception {type(found).__name__}", [str(found), *details, type(found).__mro__])
        show("traceback", "".join(traceback.format_exception(found)))
        show("pickle", pickle.dumps(found))


def show_object(what: str, value: object) -> None:
    """An object, its attributes and those of its class."""
    show(what, [repr(value), f"{value}", getattr(value, "__dict__", None), vars(type(value)), type(value)])
    for name in dir(value):
        attribute = getattr(value, name, None)
        show(f"{what}.{name}", attribute)
        if hasattr(attribute, "__dict__"):
            show(f"{what}.{name}.__dict__", vars(attribute))
    for protocol in (pickle.HIGHEST_PROTOCOL, 0):
        try:
            show(f"pickle of {what}", pickle.dumps(value, protocol))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is shown)
            show_error(error)


def ask(backend: SecretsBackend, kind: str, secret_id: str) -> object:
    """A lookup in each possible way."""
    if kind == "connection":
        return backend.get_conn_value(secret_id)
    if kind == "config":
        return backend.get_config(secret_id)
    return asyncio.run(backend.aget_variable(secret_id), debug=True) or backend.get_variable(secret_id)


def main(job: dict[str, Any]) -> None:
    """Runs the job, case by case."""
    logging.basicConfig(level=1, handlers=[Everything()])
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.setLevel(1)
    module, _, name = job["class"].rpartition(".")
    backend_class = getattr(importlib.import_module(module), name)
    environment = dict(os.environ)
    for case in job["cases"]:
        for stream in (sys.stdout, sys.stderr):
            print(f"\n{MARK}{case['label']}", file=stream, flush=True)
        os.environ.update(case["environment"])
        run(backend_class, case["options"], job["lookups"])
        for name in case["environment"]:
            del os.environ[name]
        os.environ.update(environment)


def run(backend_class: Any, options: dict[str, Any], lookups: list[tuple[str, str]]) -> None:
    """One case; its last line is the number of lookups that returned a value."""
    answered = 0
    try:
        backend = backend_class(**options)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is shown)
        show_error(error)
        return
    for kind, secret_id in lookups:
        try:
            answered += ask(backend, kind, secret_id) is not None
        except Exception as error:  # noqa: BLE001 (whatever it is, it is shown)
            show_error(error)
    show_object("backend", backend)
    show_object("core", backend._core)
    show("threads", threading.enumerate())
    show("argv", [sys.argv, sys.orig_argv])
    gc.collect()
    print("answered", answered, flush=True)


if __name__ == "__main__":
    main(json.load(sys.stdin))
