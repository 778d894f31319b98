"""The features of the Airflow in this environment. A test that needs a newer feature is marked ``needs("...")``."""

from __future__ import annotations

from importlib.metadata import version

#: The first Airflow with the feature. Older ones leave out the tests that need it; all other tests run on each.
SINCE = {
    "connections of the Task SDK": (3, 1),
    "a supervisor": (3, 0),
    "masking in silence": (3, 1),
    "a supervisor that any thread may inform": (3, 2),
    "an exception that ends the search": (3, 2, 2),
    "teams": (3, 2),
    "a trigger with secrets": (3, 0),
    "options of the Task SDK": (3, 2),
    "no secrets left afterwards": (3, 2),
}

#: The first Airflow without the feature.
BEFORE = {"logging that is configured again": (3, 0), "a task that a command runs": (3, 0)}

AIRFLOW = tuple(int(part) for part in version("apache-airflow").split(".")[:3])


def can(what: str) -> bool:
    """Whether this Airflow has the feature."""
    return BEFORE[what] > AIRFLOW if what in BEFORE else SINCE[what] <= AIRFLOW
