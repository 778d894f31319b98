"""Every fault raises its own exception, is reported once, never counts as absent, and passes."""

from __future__ import annotations

import logging
import pickle
import signal
import threading
import time
from types import FrameType
from typing import Any

import pytest

from strongroom._base import SecretsBackend
from strongroom.exceptions import StrongroomError
from tests.conformance.capability import TEMPORARY, Capability
from tests.conformance.cases import FAULTS, shows, shows_faults
from tests.conformance.harness import KINDS, Harness, Kind, Options, look_up

VALUE = "x://" + "secret-value-" * 40
QUICK: Options = {"timeout": "5s", "max_attempts": 1}
#: A hang lasts until the timeout.
HANG: Options = {**QUICK, "timeout": "500ms"}


def quick(fault: Capability) -> Options:
    """Options that make a fault show quickly."""
    return HANG if fault is Capability.HANG else QUICK


def broken(harness: Harness, fault: Capability, **options: Any) -> tuple[SecretsBackend, bool]:
    """A backend that meets the fault, and whether it can be used after the fault has ended."""
    harness.put("variable", "hello", VALUE)
    changed = harness.inject(fault)
    return harness.backend(**{**quick(fault), **options, **changed}), not changed


def failure(backend: SecretsBackend, kind: Kind = "variable") -> StrongroomError:
    """The error of a lookup."""
    with pytest.raises(StrongroomError) as caught:
        look_up(backend, kind, "hello")
    return caught.value


@shows_faults
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_raises_its_own_exception(harness: Harness, fault: Capability, kind: Kind) -> None:
    harness.put(kind, "hello", VALUE)
    backend, _ = broken(harness, fault, on_error="raise")
    error = failure(backend, kind)
    assert type(error) is FAULTS[fault]
    assert error.store == harness.store
    assert error.temporary == (fault in TEMPORARY)
    assert VALUE[:16] not in f"{error} {error!r} {vars(error)} {pickle.dumps(error)!r}"


@shows_faults
def test_nothing_remains_of_a_fault_that_has_ended(harness: Harness, fault: Capability) -> None:
    """Nothing of it is cached, not even as absent, and the client still works."""
    backend, lives_on = broken(harness, fault, on_error="raise")
    for _ in range(2):
        assert type(failure(backend)) is FAULTS[fault]
    harness.heal()
    assert (backend if lives_on else harness.backend()).get_variable("hello") == VALUE


@shows_faults
def test_a_fault_may_count_as_a_miss_and_is_reported_once(
    harness: Harness, fault: Capability, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    backend, lives_on = broken(harness, fault, on_error="miss")
    assert [backend.get_variable("hello") for _ in range(2)] == [None, None]
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "hello" in warning.getMessage()
    assert "Returning None" in warning.getMessage()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("strongroom")]
    assert VALUE[:16] not in "".join(ours)
    harness.heal()
    assert (backend if lives_on else harness.backend()).get_variable("hello") == VALUE


@shows_faults
@shows(Capability.COUNTED)
@pytest.mark.parametrize("attempts", [1, 2])
def test_only_faults_that_may_pass_are_retried(harness: Harness, fault: Capability, attempts: int) -> None:
    backend, _ = broken(harness, fault, on_error="raise", max_attempts=attempts, timeout="3s")
    before = harness.requests()
    assert type(failure(backend)) is FAULTS[fault]
    # A refused connection is not counted, and one that broke off may be tried once more.
    expected = {
        Capability.REFUSED: {0},
        Capability.HANG: {1, attempts},
        Capability.BROKEN_OFF: {attempts, 2 * attempts},
        Capability.UNAUTHENTICATED: {harness.refused_reads},
    }.get(fault, {attempts if fault in TEMPORARY else 1})
    assert harness.requests() - before in expected


@shows_faults
@shows(Capability.TEAMS)
def test_a_fault_on_a_teams_name_is_not_answered_by_the_shared_one(harness: Harness, fault: Capability) -> None:
    harness.put("variable", "hello", "x://team", team="blue")
    backend, _ = broken(harness, fault, on_error="raise")
    with pytest.raises(FAULTS[fault]):
        backend.get_variable("hello", "blue")


@shows(Capability.HANG)
def test_a_hang_ends_with_the_deadline(harness: Harness) -> None:
    backend, _ = broken(harness, Capability.HANG, on_error="raise", max_attempts=3)
    start = time.monotonic()
    failure(backend)
    assert 0.4 < time.monotonic() - start < 3


class Mine(BaseException):
    """The exception of a handler."""


def handler(number: int, _frame: FrameType | None) -> None:
    """A handler of the caller."""
    raise Mine(number)


@shows(Capability.HANG)
def test_a_cancelled_lookup_leaves_the_backend_usable(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler raises during a hang, several times; then the same backend reads."""
    harness.put("variable", "hello", VALUE)
    backend = harness.backend(timeout="60s")
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(3):
            harness.inject(Capability.HANG)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            start = time.monotonic()
            with pytest.raises(Mine):
                backend.get_variable("hello")
            assert time.monotonic() - start < 3
            harness.heal()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert backend.get_variable("hello") == VALUE


@shows(Capability.HANG)
def test_a_waiter_takes_over_from_a_cancelled_reader(harness: Harness) -> None:
    """One thread waits for the main thread, whose lookup is cancelled; the waiter gets the value once there is one."""
    harness.put("variable", "hello", VALUE)
    harness.inject(Capability.HANG)
    backend, answers = harness.backend(timeout="30s"), []
    waiter = threading.Thread(target=lambda: answers.append(backend.get_variable("hello")))
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        threading.Timer(0.1, waiter.start).start()
        with pytest.raises(Mine):
            backend.get_variable("hello")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    harness.heal()
    waiter.join(30)
    assert answers == [VALUE]


@shows(Capability.INTERRUPTED)
def test_handlers_that_raise_at_any_moment_break_nothing(harness: Harness) -> None:
    """Each exception gets through, wherever it was raised: before, within or after the native part of a lookup."""
    harness.put("variable", "hello", VALUE)
    backend, lost = harness.backend(cache_ttl=0), 0
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for number in range(30):
            lost += not interrupted(backend, 0.0002 + number * 0.0004)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert backend.get_variable("hello") == VALUE
    assert lost == 0


def interrupted(backend: SecretsBackend, seconds: float) -> bool:
    """Looks up until the handler raises, after so many seconds; false if it never does."""
    end = time.monotonic() + 0.3
    try:
        # A busy machine may call the handler before the first lookup.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        while time.monotonic() < end:
            assert backend.get_variable("hello") == VALUE
    except Mine:
        return True
    return False
