"""The audit file from the outside: a line for each access, whatever its outcome and process, and never a value."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    InvalidNameError,
    MalformedSecretError,
    StrongroomError,
    UnreachableError,
)
from strongroom.hashicorp import VaultBackend
from strongroom.memory import MemoryBackend
from tests.conformance.canaries import canary, must_be_nowhere
from tests.python.backends import READ, aws_backend, memory_backend, messages
from tests.python.scripts import run
from tests.servers.aws import MiniStack, deny
from tests.servers.faults import Faults
from tests.servers.silent import silent_server

CLAIMS = {"dag": "DAG_ID", "task": "TASK_ID", "run": "DAG_RUN_ID", "try": "TRY_NUMBER"}
FIELDS = ["time", "pid", "uid", *CLAIMS, "kind", "id", "team", "store", "outcome", "age_seconds", "took_ms"]

Line = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the audit file will be."""
    return tmp_path / "audit.jsonl"


def lines(path: Path) -> list[Line]:
    """Every line of the file."""
    text = path.read_text("ascii")
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def outcomes(path: Path) -> list[str]:
    """How the lookups ended, in order."""
    return [line["outcome"] for line in lines(path)]


def audited(path: Path, **options: Any) -> MemoryBackend:
    """A backend in memory that records each access."""
    secrets = {"airflow/variables/v": "x", "airflow/connections/c": "http://h", "airflow/config/o": "x"}
    return memory_backend(secrets, audit_path=str(path), **options)


def test_each_access_is_one_line_those_from_memory_too(path: Path) -> None:
    backend = audited(path)
    for _ in range(5):
        assert backend.get_variable("v") == "x"
        assert backend.get_variable("gone") is None
    assert outcomes(path) == ["value", "absent"] * 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_asynchronous_lookups_are_lines_too(path: Path) -> None:
    backend = audited(path)

    async def ask() -> list[Any]:
        return [await backend.aget_variable("v"), await backend.aget_variable("v"), await backend.aget_variable("gone")]

    assert asyncio.run(ask()) == ["x", "x", None]
    assert outcomes(path) == ["value", "value", "absent"]


def test_a_line_says_who_asked_for_what_and_when(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed = {"dag": "sales", "task": 'lo"ad', "run": "manual__2026-02-28", "try": "2"}
    for field, value in claimed.items():
        monkeypatch.setenv(f"AIRFLOW_CTX_{CLAIMS[field]}", value)
    begun = datetime.now(timezone.utc).replace(microsecond=0)
    backend = audited(path)
    backend.get_conn_value("c", "blue")
    backend.get_config("o")
    first, second = lines(path)
    for line, kind, secret_id, team in ((first, "connection", "c", "blue"), (second, "config", "o", None)):
        assert list(line) == FIELDS
        assert (line["kind"], line["id"], line["team"]) == (kind, secret_id, team)
        assert (line["pid"], line["uid"], line["store"]) == (os.getpid(), os.geteuid(), "memory")
        assert {field: line[field] for field in claimed} == claimed
        assert begun <= datetime.fromisoformat(line["time"].replace("Z", "+00:00")) <= datetime.now(timezone.utc)
        assert 0 <= line["age_seconds"] < 60
        assert 0 <= line["took_ms"] < 60_000


def test_without_a_task_nothing_is_claimed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CLAIMS.values():
        monkeypatch.delenv(f"AIRFLOW_CTX_{name}", raising=False)
    audited(path).get_variable("v")
    (line,) = lines(path)
    assert [line[field] for field in CLAIMS] == [None] * 4


def test_an_id_cannot_forge_a_line(path: Path) -> None:
    secret_id = 'v"}\n{"outcome": "value", "id": "\u2028é\x00\x1b'
    assert audited(path).get_variable(secret_id) is None
    (line,) = lines(path)
    assert (line["id"], line["outcome"]) == (secret_id, "absent")


def test_a_lookup_that_does_not_reach_the_store_has_a_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "true")
    backend = audited(path, connections_prefix=None, config_lookup_pattern="only")
    backend.get_conn_value("c")
    backend.get_config("o")
    backend.get_variable("red--v")
    backend.get_variable("\ud800")
    vault = VaultBackend(url="http://127.0.0.1:1", token="t", audit_path=str(path))
    with pytest.raises(InvalidNameError):
        vault.get_variable("\ud800")
    assert outcomes(path) == ["skipped", "skipped", "refused", "refused", "invalid_name"]
    assert [line["age_seconds"] for line in lines(path)] == [None] * 5


@pytest.mark.parametrize("policy", ["official", "raise", "miss", "stop"])
def test_errors_have_lines_under_every_policy(faults: Faults, aws: MiniStack, path: Path, policy: str) -> None:
    aws.put_secrets({"airflow/variables/old": "x", "airflow/variables/locked": "x"})
    user = aws.user(READ, deny("secretsmanager:GetSecretValue", "airflow/variables/locked*"))
    backend = aws_backend(faults.url, user, audit_path=str(path), on_error=policy, max_attempts=1)

    def ask(key: str) -> None:
        try:
            assert backend.get_variable(key) in (None, "x")
        except StrongroomError:
            assert policy != "miss"

    ask("old")
    ask("locked")
    faults.error("ThrottlingException", times=1)
    ask("cold")
    faults.error("DecryptionFailure", times=1)
    ask("cold")
    faults.error("ServiceUnavailable", 503)
    backend.refresh("old")
    ask("old")
    ask("cold")
    assert outcomes(path) == ["value", "denied", "throttled", "denied", "stale", "unreachable"]
    assert [line["age_seconds"] is None for line in lines(path)] == [False, True, True, True, False, True]


def test_no_value_is_ever_in_it(aws: MiniStack, path: Path) -> None:
    secret = canary()
    value = json.dumps({"conn_type": "http", "password": secret, "extra": {"key": secret}})
    broken = f'{{"password": "{secret}", }}'
    names = {"good": value, "broken": broken}
    aws.put_secrets({f"airflow/{kind}/{each}": text for each, text in names.items() for kind in KINDS})
    user = aws.user(READ)
    backend = aws_backend(aws.url, user, audit_path=str(path))
    for get in (backend.get_conn_value, backend.get_variable, backend.get_config):
        for secret_id in ("good", "good", "broken", "gone"):
            with contextlib.suppress(MalformedSecretError):
                get(secret_id)
    assert len(lines(path)) == 12
    keys = {"value": secret, "access key": user.access_key, "secret key": user.secret_key}
    must_be_nowhere(keys, [(path.name, path.read_bytes())])


KINDS = ("connections", "variables", "config")


def test_a_full_file_is_rotated(path: Path) -> None:
    backend = audited(path, audit_max_bytes=3000)
    for number in range(40):
        backend.get_variable(f"n{number}")
    old = path.with_name("audit.jsonl.1")
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert max(path.stat().st_size, old.stat().st_size) <= 3000
    kept = [line["id"] for line in lines(old) + lines(path)]
    assert kept == [f"n{number}" for number in range(40)][-len(kept) :]
    assert len(kept) > 10
    assert sorted(each.name for each in path.parent.iterdir()) == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.lock"]


def spoil(path: Path, how: str) -> Path:
    """Makes the path unusable as an audit file in the given way, and returns the path that an error has to name."""
    if how == "no folder":
        return path / "audit.jsonl"
    if how == "open to others":
        path.touch(mode=0o644)
        path.chmod(0o644)
    elif how == "link":
        path.symlink_to(path.with_name("elsewhere"))
    elif how == "folder":
        path.mkdir()
    else:
        os.mkfifo(path, 0o600)
    return path


SPOILT = ["no folder", "open to others", "link", "folder", "pipe"]


@pytest.mark.parametrize("how", SPOILT)
def test_a_required_line_that_cannot_be_written_is_an_error(path: Path, how: str) -> None:
    spoilt = spoil(path, how)
    backend = audited(spoilt, audit_required=True)
    for key in ("v", "v", "gone"):
        with pytest.raises(ConfigurationError, match="audit file") as caught:
            backend.get_variable(key)
        assert str(spoilt) in str(caught.value)
        assert caught.value.operation == "audit"
    with pytest.raises(ConfigurationError, match="audit file"):
        asyncio.run(backend.aget_variable("v"))


@pytest.mark.parametrize("how", SPOILT)
def test_a_line_that_is_not_required_causes_one_warning(path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    backend = audited(spoil(path, how))
    assert [backend.get_variable(key) for key in ("v", "v", "gone")] == ["x", "x", None]
    (warning,) = messages(caplog)
    assert "could not be written down" in warning


def test_a_required_line_takes_precedence_over_the_error_policy(path: Path) -> None:
    """With `miss` the result is None, and no policy allows a value from memory."""
    good = audited(path, audit_required=True, on_error="miss")
    assert good.get_variable("v") == "x"
    path.chmod(0o644)
    assert good.get_variable("v") is None
    path.chmod(0o600)
    assert good.get_variable("v") == "x"


def test_an_error_of_the_store_is_raised_once_its_line_is_written(aws: MiniStack, path: Path) -> None:
    user = aws.user(deny("secretsmanager:GetSecretValue", "*"))
    backend = aws_backend(aws.url, user, audit_path=str(path), audit_required=True)
    with pytest.raises(AccessDeniedError):
        backend.get_variable("v")
    assert outcomes(path) == ["denied"]


@pytest.mark.parametrize("options", [{"audit_path": "audit.jsonl"}, {"audit_required": True}])
def test_an_impossible_option_is_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="audit_"):
        memory_backend({}, **options)


def test_threads_write_whole_lines(path: Path) -> None:
    backend = audited(path)

    def ask(number: int) -> None:
        for key in range(50):
            backend.get_variable(f"{number}-{key}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {line["id"] for line in lines(path)} == {f"{number}-{key}" for number in range(8) for key in range(50)}
    assert len(lines(path)) == 400


def test_processes_write_whole_lines(path: Path) -> None:
    body = """
        from strongroom.memory import MemoryBackend
        reader = MemoryBackend(secrets={"airflow/variables/v": "x"}, audit_path=sys.argv[1])
        assert reader.get_variable("v") == "x"

        def work():
            for number in range(100):
                assert reader.get_variable("v") == "x"
                reader.get_variable("n" * number)

        pids = [child(work) for _ in range(6)]
        assert [ended(pid) for pid in pids] == [0] * 6
        print(*pids)
    """
    pids = [int(word) for word in run(body, str(path)).split()]
    written = lines(path)
    assert len(written) == 1 + 6 * 200
    for pid in pids:
        own = [len(line["id"]) for line in written if line["pid"] == pid and set(line["id"]) <= {"n"}]
        assert own == list(range(100))


def test_a_lookup_that_a_signal_cuts_has_a_line(path: Path) -> None:
    body = """
        class Mine(BaseException):
            pass

        def handler(number, frame):
            raise Mine

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            backend(sys.argv[1], audit_path=sys.argv[2]).get_variable("v")
        except Mine:
            print("mine")
    """
    with silent_server() as url:
        assert run(body, url, str(path)) == "mine\n"
    assert outcomes(path) == ["interrupted"]


def test_an_outage_is_audited_and_still_raises(path: Path) -> None:
    backend = aws_backend(
        "http://127.0.0.1:1", aws_access_key_id="a", aws_secret_access_key="b", audit_path=str(path), max_attempts=1
    )
    with pytest.raises(UnreachableError):
        backend.get_variable("v")
    assert outcomes(path) == ["unreachable"]
