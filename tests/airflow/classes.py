"""The classes under test, named in this one place.

``STRONGROOM_TEST_CLASSES=official`` puts the ones in their place that Airflow and its Amazon provider ship: a run that
is green with both tests the behaviour, and not the harness. Tests of what only ours has are marked ``ours``.
"""

from __future__ import annotations

import os

OFFICIAL = os.environ.get("STRONGROOM_TEST_CLASSES") == "official"

if OFFICIAL:
    SECRETS_MANAGER = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
    LOCAL = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
else:
    SECRETS_MANAGER = "strongroom.aws.SecretsManagerBackend"
    LOCAL = "strongroom.local.LocalFilesystemBackend"
