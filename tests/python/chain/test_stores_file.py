"""The stores of a chain in a file: what it holds, what becomes of a change, and what is wrong with a file."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.exceptions import ConfigurationError
from tests.command_line.shell import CONFIGURATION, DONE, Shell
from tests.python.backends import messages

CANARY = "canary-4be0c2"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one store, which has one variable."""
    path = tmp_path / "stores.toml"
    write(path, "one")
    return path


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An environment without any configuration."""
    return Shell(tmp_path)


def write(path: Path, value: str, more: str = "") -> None:
    """Replaces the file by one whose store has the variable `a`, as an editor does it."""
    new = path.with_suffix(".new")
    secrets = json.dumps({"airflow/variables/a": value})
    new.write_text(f"[[stores]]\nname = 'm'\nstore = 'memory'\nsecrets = '{secrets}'\n{more}")
    new.rename(path)


def chain(file: Path, **options: Any) -> ChainBackend:
    """A chain without a cache, so that each lookup looks at the file."""
    return ChainBackend(stores_file=str(file), **{"cache_ttl": 0, **options})


def test_a_change_of_the_file_is_a_new_chain(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    backends = [chain(file), chain(file)]
    assert [backend.get_variable("a") for backend in backends] == ["one", "one"]
    write(file, "two")
    assert [backend.get_variable("a") for backend in [*backends, chain(file)]] == ["two"] * 3
    assert messages(caplog) == []


def test_what_memory_answers_looks_at_no_file(file: Path) -> None:
    backend = chain(file, cache_ttl=600)
    assert backend.get_variable("a") == "one"
    write(file, "two")
    assert backend.get_variable("a") == "one"
    assert backend.get_variable("absent") is None
    assert backend.get_variable("a") == "two"


def test_a_broken_version_keeps_the_old_stores_and_is_reported_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = chain(file)
    assert backend.get_variable("a") == "one"
    for broken, expected in [
        (f"[[stores]]\nstore = 'memory'\nsecrets = '{CANARY}\n", "line 3: it is no valid TOML"),
        ("[[stores]]\nstore = 'memory'\n\n[[stores]]\nstore = 'memory'\n", 'stores.toml", line 4)'),
        ("[[stores]]\nstore = 'memroy'\n", "Did you mean `memory`?"),
        ("[[stores]]\nclass = 'json.JSONDecoder'\n", "`json.JSONDecoder` is no secrets backend class"),
    ]:
        caplog.clear()
        file.write_text(broken)
        # A backend that is made now has the old stores, too.
        assert [backend.get_variable("a"), chain(file).get_variable("a"), backend.get_variable("a")] == ["one"] * 3
        (said,) = messages(caplog)
        assert expected in said
        assert said.endswith("the stores that were read before stay in use")
        assert CANARY not in said
    caplog.clear()
    file.unlink()
    assert backend.get_variable("a") == "one"
    assert "it is not there" in messages(caplog)[0]
    write(file, "two")
    assert backend.get_variable("a") == "two"


def test_nothing_but_a_file_is_read(file: Path) -> None:
    backend = chain(file)
    file.unlink()
    os.mkfifo(file)
    start = time.monotonic()
    assert backend.get_variable("a") == "one"
    with pytest.raises(ConfigurationError, match="not a regular file"):
        chain(file, timeout=5)
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stores": []}, "are two lists of stores"),
        ({"stores_file": 5}, "is not a text"),
        ({"stores_file": "/nonexistent/stores.toml"}, "it is not there"),
        ({"stores_file": ""}, "there is no store in the chain"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_at_the_start(options: dict[str, Any], message: str, file: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ChainBackend(**{"stores_file": str(file), **options})


def test_options_beside_it_hold_for_its_stores(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(file, "one", "kinds = ['variables']\nkind = 'a'\n")
    assert chain(file, storesFile=None).get_variable("a") == "one"
    assert "the unknown key `kind` is ignored. Did you mean `kinds`?" in messages(caplog)[0]
    with pytest.raises(ConfigurationError, match="`kind` is ignored"):
        chain(file, strict=True)


def test_changes_under_load_and_in_children(file: Path) -> None:
    backend = chain(file)
    over, wrong = threading.Event(), []

    def look_up() -> None:
        while not over.is_set():
            if (value := backend.get_variable("a")) is None or not value.isdigit():
                wrong.append(value)

    write(file, "0")
    # While one thread reads a new version, others continue with the old one.
    assert backend.get_variable("a") == "0"
    threads = [threading.Thread(target=look_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    codes = []
    for count in range(40):
        write(file, str(count))
        if child := os.fork():
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        else:
            value = backend.get_variable("a")
            os._exit(0 if value is not None and value.isdigit() else 1)
    over.set()
    for thread in threads:
        thread.join(10)
    assert (wrong, set(codes), backend.get_variable("a")) == ([], {0}, "39")


def test_the_command_line_reads_it(file: Path, shell: Shell) -> None:
    write(file, CANARY)
    shell.secrets.append(CANARY)
    shell.backend("strongroom.chain.ChainBackend", stores_file=str(file))
    assert shell.run("reveal", "variable", "a").out == f"{CANARY}\n"
    assert shell.run("explain", "variable", "a").code == DONE
    file.write_text("[[stores]]\nstore = 'memory'\n[[stores]]\nname = 'memory'\nstore = 'memory'")
    run = shell.run("get", "variable", "a")
    assert (run.code, 'stores.toml", line 3)' in run.err) == (CONFIGURATION, True)
