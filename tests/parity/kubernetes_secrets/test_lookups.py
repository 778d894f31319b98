"""Kubernetes Secrets: labels, keys, teams, values and errors, both classes as the same pod."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kubernetes.client.rest import ApiException

from strongroom.exceptions import AccessDeniedError, ThrottledError, UnauthenticatedError
from tests.parity.kubernetes_comparison import KINDS, LABEL, Case, Pod, one
from tests.parity.outcomes import CONNECTION_CLASSES, assert_parity
from tests.parity.values import CONNECTIONS, OTHERS, THROUGH
from tests.servers.kubernetes import NAMESPACE, TEAM


def cases() -> Iterator[Case]:
    """What is found, by every kind."""
    for kind, label in LABEL.items():
        here = one("a-secret", label, "hello")
        option = {"conn": "connections", "var": "variables", "config": "config"}[kind]
        yield Case(f"{kind} found", {}, kind, objects=(here,), ends="value")
        yield Case(f"{kind} absent", {}, kind, "gone", objects=(here,), ends="none")
        yield Case(f"{kind} switched off", {f"{option}_label": None}, kind, objects=(here,), ends="none")
        mine = one("mine", "example.com/id", "hello")
        yield Case(f"{kind} label", {f"{option}_label": "example.com/id"}, kind, objects=(here, mine), ends="value")
        keyed = one("keyed", label, "hello", {"uri": "x://keyed", "value": "x://value"})
        yield Case(f"{kind} data key", {f"{option}_data_key": "uri"}, kind, objects=(keyed,), ends="value")
        yield Case(f"{kind} no such data key", {f"{option}_data_key": "gone"}, kind, objects=(keyed,), ends="none")
        yield Case(f"{kind} no data", {}, kind, objects=(one("none", label, "hello", {}),), ends="none")
        yield Case(f"{kind} empty", {}, kind, objects=(one("e", label, "hello", {"value": ""}),), ends="value")
        yield Case(
            f"{kind} twice", {}, kind, objects=(one("b", label, "hello"), one("a", label, "hello")), ends="value"
        )
        yield Case(f"{kind} not text", {}, kind, objects=(one("b", label, "hello", {"value": b"\xff"}),), ends="raises")
        yield Case(f"{kind} namespace", {"namespace": "elsewhere"}, kind, objects=(here,), ends="none")
        yield Case(f"{kind} namespace given", {"namespace": NAMESPACE}, kind, objects=(here,), ends="value")
        yield Case(f"{kind} other kind", {}, kind, objects=(one("x", "example.com/id", "hello"),), ends="none")


def team_cases() -> Iterator[Case]:
    """A team's own secret, the shared one, both, another team's."""
    for kind in ("conn", "var"):
        label = LABEL[kind]
        shared, ops, dev = (
            one("shared", label, "hello"),
            one("of-ops", label, "hello", more={TEAM: "ops"}),
            one("of-dev", label, "hello", more={TEAM: "dev"}),
        )
        for objects in ((), (shared,), (ops,), (dev,), (shared, ops), (shared, dev), (ops, dev), (shared, ops, dev)):
            names = " ".join(each[0] for each in objects)
            for team in (None, "", "ops", "red"):
                yield Case(f"{kind} {names}, team {team!r}", {}, kind, team=team, objects=objects)
                without = {"team_label": None}
                yield Case(f"{kind} {names}, team {team!r}, no label", without, kind, team=team, objects=objects)
        mine = {"team_label": "example.com/team"}
        other = one("other", label, "hello", more={"example.com/team": "ops"})
        yield Case(f"{kind} label of teams", mine, kind, team="ops", objects=(other, shared))
        yield Case(f"{kind} of a team asked as shared", {}, kind, "_ops___hello", objects=(ops,), ends="none")
        empty = one("empty", label, "hello", {}, more={TEAM: "ops"})
        yield Case(f"{kind} of a team without the key", {}, kind, team="ops", objects=(empty, shared), ends="value")
    yield Case("config, team", {}, "config", objects=(one("ops", LABEL["config"], "hello", more={TEAM: "ops"}),))


def id_cases() -> Iterator[Case]:
    """Ids that a label can have."""
    for kind, label in LABEL.items():
        for name in ("A", "a-b_c.d", "0", "x" * 63, ""):
            yield Case(f"{kind} {name[:9]!r}", {}, kind, name, objects=(one("s", label, name),), ends="value")


def value_cases() -> Iterator[Case]:
    """Every connection as text, some all the way to an object, others as variables and config values."""
    tried = [(label, "conn", value) for label, value in CONNECTIONS.items()]
    tried += [(label, lookup, value) for label, value in OTHERS.items() for lookup in ("var", "config")]
    tried += [(label, lookup, value) for label, value in THROUGH.items() for lookup in CONNECTION_CLASSES]
    for label, lookup, value in tried:
        where = LABEL.get(lookup, LABEL["conn"])
        yield Case(f"{lookup} {label}", {}, lookup, objects=(one("s", where, "hello", {"value": value}),))


@pytest.mark.parametrize("case", [*cases(), *team_cases(), *id_cases(), *value_cases()], ids=lambda case: case.id)
def test_both_end_alike(pod: Pod, case: Case) -> None:
    """The same result, and the same requests."""
    official, ours = pod.run(case)
    if case.ends:
        assert official.ending == case.ends, official
    assert_parity(official, ours)


ERRORS = {
    "denied": (Case("denied", {}, "var", denied=True), 403, AccessDeniedError),
    "an ended token": (Case("ended", {}, "var", token="ended"), 401, UnauthenticatedError),
    "throttled": (Case("throttled", {}, "var", fault=429), 429, ThrottledError),
}


@pytest.mark.parametrize("label", ERRORS)
def test_errors_are_raised_by_both_and_apart_in_ours(pod: Pod, label: str) -> None:
    case, code, kind = ERRORS[label]
    official, ours = pod.run(case)
    assert isinstance(official.error, ApiException)
    assert official.error.status == code
    assert (ours.ending, type(ours.error)) == ("raises", kind)


@pytest.mark.parametrize("name", ["a b", "a/b", "-a", "x" * 64, "dépôt", "a,b=c"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_id_that_no_label_has_is_refused_by_the_server_and_not_asked_by_ours(pod: Pod, kind: str, name: str) -> None:
    official, ours = pod.run(Case("odd", {}, kind, name))
    assert official.ending in ("raises", "none")
    assert (ours.ending, ours.asked) == ("none", ())


def test_outside_of_a_pod_both_raise(pod: Pod) -> None:
    official, ours = pod.run(Case("outside", {}, "var", environment={"KUBERNETES_SERVICE_HOST": ""}))
    assert (official.ending, ours.ending) == ("raises", "raises")
    assert "KUBERNETES_SERVICE_HOST" in str(ours.error)


def test_without_a_namespace_both_raise(pod: Pod) -> None:
    file = pod.account / "namespace"
    file.unlink()
    official, ours = pod.run(Case("no namespace", {}, "var"))
    file.write_text(NAMESPACE)
    assert (official.ending, ours.ending) == ("raises", "raises")
    assert "automountServiceAccountToken" in str(ours.error)
