"""Every official keyword of the class with every type of value: see `tests/parity/test_kwargs.py`."""

from __future__ import annotations

import itertools

from tests.parity.keywords import wrong
from tests.parity.kubernetes_comparison import KINDS, LABEL, Case, Pod, one
from tests.parity.test_kwargs import VALUES

KEYS = [
    "namespace",
    "connections_label",
    "variables_label",
    "config_label",
    "team_label",
    "connections_data_key",
    "variables_data_key",
    "config_data_key",
]
#: A list or an object with contents is no label and no key: in ours an error of every lookup, not of one kind.
TRIED = [value for value in VALUES if not isinstance(value, (list, dict)) or not value]
#: Labels and keys that some of the values become, in addition to the usual ones.
LABELLED = ("0", "1", "5", "x", "True", "False")


def test_kubernetes(pod: Pod) -> None:
    """With secrets whose labels are the usual ones, and some that the values become."""
    data = {"value": "usual", **{key: f"key {key}" for key in LABELLED}}
    objects = [one(f"usual-{kind}", LABEL[kind], "hello", data) for kind in KINDS]
    objects += [one(f"label-{label.lower()}", label, "hello", data) for label in LABELLED]
    found: list[str] = []
    for key, value, kind in itertools.product(KEYS, TRIED, KINDS):
        case = Case(key, {key: value}, kind, objects=tuple(objects))
        found += wrong(f"{kind} {key}={value!r}", *pod.run(case))
    assert found == [], "\n".join(found)
