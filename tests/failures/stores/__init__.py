"""How each store fails: one module each, called after the store, with its ``HARNESS`` and its ``WAYS``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence

from tests.conformance.harness import Harness
from tests.failures.way import Way


def failing() -> Mapping[type[Harness], Sequence[Way]]:
    """The ways in which each store can fail, on the server that shows most of them."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return {module.HARNESS: module.WAYS for module in modules}
