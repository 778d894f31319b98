"""What the tests of stores on a double share: an empty double, a proxy that counts, backends of their own."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.servers.counting import Counter, counting_proxy
from tests.servers.double import Double, Guarded, Request

_numbers = itertools.count(1000)


def unlike_others() -> int:
    """A number that no other test uses: backends with the same configuration share a cache."""
    return next(_numbers)


def alone() -> dict[str, Any]:
    """Options with which no earlier backend has the same configuration, and that change nothing else."""
    return {"max_attempts": unlike_others()}


def empty(kind: type[Guarded]) -> Any:
    """A fixture: the double of this kind, with nothing in it."""

    @pytest.fixture
    def double(guarded_servers: Callable[[type[Guarded]], Guarded]) -> Guarded:
        found = guarded_servers(kind)
        found.reset()
        return found

    return double


def counting(server: str) -> Any:
    """A fixture: a proxy that counts what goes to the double of the fixture ``server``."""

    @pytest.fixture
    def counted(request: pytest.FixtureRequest) -> Iterator[Counter]:
        with counting_proxy(request.getfixturevalue(server).url) as counter:
            yield counter

    return counted


def asked(counter: Counter, word: Callable[[str, str], str]) -> list[str]:
    """What was asked for since the last time: ``word`` of path and query, with the status if that is not 200."""
    calls = [(word(*call.path.partition("?")[::2]), call.status) for call in counter.calls]
    counter.clear()
    return [path if status == 200 else f"{path} {status}" for path, status in calls]


def parts(request: Request) -> Mapping[str, str]:
    """What a request is made of, by what the tables on the pages call it."""
    headers = {f"the header {name}": value for name, value in request.headers.items()}
    return {"the address": request.target, "the body": request.body.decode(errors="replace"), **headers}


def where(double: Double, secrets: Mapping[str, str]) -> list[str]:
    """Which of the secrets goes where, a line for each; also printed, beside the address."""
    found = []
    for request in list(double.requests):
        for what, secret in secrets.items():
            places = [place for place, text in parts(request).items() if secret in text]
            found += [f"{request.method} {request.path}: {what} in {place}" for place in places]
    print(*(f"{line}, over {double.url.partition(':')[0]}" for line in found), sep="\n")
    return found


def native_threads() -> int:
    """The threads of this process that Python did not start."""
    return len(list(Path("/proc/self/task").iterdir())) - threading.active_count()


def soon(is_so: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether something becomes so."""
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
    return is_so()


def in_child(work: Callable[[], bool]) -> bool:
    """Whether ``work`` succeeds in a child of a fork."""
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0
