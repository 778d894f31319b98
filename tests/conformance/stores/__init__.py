"""The harnesses: one module each, found by itself."""

from __future__ import annotations

import importlib
import pkgutil

from tests.conformance.harness import Harness


def harnesses() -> list[type[Harness]]:
    """The ``HARNESS`` of every module here."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}").HARNESS for name in names]
