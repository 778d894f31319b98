"""The classes under test, named in this one place.

``STRONGROOM_TEST_CLASSES=official`` puts the ones in their place that Airflow and its Amazon provider ship: a run that
is green with both tests the behaviour, and not the harness. Tests of what only ours has are marked ``ours``.
"""

from __future__ import annotations

import os

from tests.stores import described

OFFICIAL = os.environ.get("STRONGROOM_TEST_CLASSES") == "official"

SECRETS_MANAGER, LOCAL = [
    store.official if OFFICIAL else store.backend
    for store in (described()["aws_secrets_manager"], described()["local"])
]
