"""What the Airflow of this environment can do. A test that needs more than all have is marked ``needs("...")``."""

from __future__ import annotations

from importlib.metadata import version

#: From which Airflow on. Older ones leave out the tests that need it; everything else is tested on each.
SINCE = {
    "connections of the Task SDK": (3, 1),
    "a supervisor": (3, 0),
    "masking in silence": (3, 1),
    "a supervisor that any thread may tell": (3, 2),
    "an exception that ends the search": (3, 2, 2),
    "teams": (3, 2),
    "a trigger with secrets": (3, 0),
    "options of the Task SDK": (3, 2),
    "secrets that are nowhere afterwards": (3, 2),
}

#: Up to which Airflow, this one left out.
BEFORE = {"logging that is configured anew": (3, 0), "a task that a command runs": (3, 0)}

AIRFLOW = tuple(int(part) for part in version("apache-airflow").split(".")[:3])


def can(what: str) -> bool:
    """Whether this Airflow has it."""
    return BEFORE[what] > AIRFLOW if what in BEFORE else SINCE[what] <= AIRFLOW
