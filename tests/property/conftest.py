"""Two profiles: few examples that are the same in each run, and many that differ."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.tools.venvs import CACHE

set_hypothesis_home_dir(CACHE / "hypothesis")
QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
settings.register_profile(
    "test", max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=QUIET
)
settings.register_profile(
    "soak", max_examples=20_000, deadline=timedelta(seconds=20), print_blob=True, suppress_health_check=QUIET
)
settings.load_profile("test")
