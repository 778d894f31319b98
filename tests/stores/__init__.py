"""The stores, each described once: a module for each, with the name of the store, and its ``STORE``.

A description holds what the tests of a store need: conformance, failures, the command line, Airflow, the invariants and
``make`` iterate over these. ``description`` defines what one may hold; ``aws`` is what the two stores of AWS share, and
``guarded`` what those on a double that checks one token do.

``tests.tools.stages`` reads them before any environment exists, so no module here imports more than the standard
library at its top.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from tests.stores.description import Store

#: The modules here that do not describe a store.
SHARED = ("aws", "description", "guarded")


def described() -> Mapping[str, Store]:
    """Every description, by the name of its store."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in SHARED)
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    for name, module in modules.items():
        assert hasattr(module, "STORE"), f"tests/stores/{name}.py has no STORE: see tests/stores/description.py"
        missing = [attribute for attribute in Store.__annotations__ if not hasattr(module.STORE, attribute)]
        assert not missing, f"the STORE of tests/stores/{name}.py does not set its {', '.join(missing)}"
    return {name: module.STORE for name, module in modules.items()}
