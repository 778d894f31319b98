"""The classes under test, defined only here.

``STRONGROOM_TEST_CLASSES=official`` replaces them by those of Airflow and its Amazon provider: a run that
is green with both tests the behaviour, and not the harness. Tests of features that only ours have are marked ``ours``.
"""

from __future__ import annotations

import os

from tests.stores import described

OFFICIAL = os.environ.get("STRONGROOM_TEST_CLASSES") == "official"

SECRETS_MANAGER, LOCAL = [
    store.official if OFFICIAL else store.backend
    for store in (described()["aws_secrets_manager"], described()["local"])
]
