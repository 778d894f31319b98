"""Mounted files: what only this store has."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.exceptions import AccessDeniedError, ConfigurationError, MalformedSecretError, StrongroomError
from strongroom.files import MountedFilesBackend
from tests.servers.mounts import Mount

SECRET = "canary-4d1f"


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    """An empty mount."""
    return Mount(tmp_path / "secrets")


def backend(mount: Mount, **options: Any) -> MountedFilesBackend:
    """A backend that raises what goes wrong."""
    return MountedFilesBackend(path=str(mount.folder), on_error="raise", **options)


def test_a_swap_shows_at_the_next_lookup_with_the_options_that_the_page_shows(mount: Mount) -> None:
    mount.put("connections/db", b"postgres://u:old@h/db\n")
    reader = MountedFilesBackend(path=str(mount.folder))
    assert reader.get_conn_value("db") == "postgres://u:old@h/db"
    assert reader.get_variable("region") is None
    mount.files |= {"connections/db": b"postgres://u:new@h/db\n", "variables/region": b"eu\n"}
    mount.swap()
    assert (reader.get_conn_value("db"), reader.get_variable("region")) == ("postgres://u:new@h/db", "eu")
    mount.clear()
    assert (reader.get_conn_value("db"), reader.get_variable("region")) == (None, None)


def test_values_are_kept_where_a_time_is_written(mount: Mount) -> None:
    mount.put("variables/region", b"eu")
    reader = backend(mount, cache_ttl="1m")
    assert reader.get_variable("region") == "eu"
    mount.put("variables/region", b"us")
    assert [reader.get_variable("region"), backend(mount).get_variable("region")] == ["eu", "us"]


def test_no_lookup_misses_while_the_mount_is_swapped_again_and_again(mount: Mount) -> None:
    mount.put("variables/region", b"0")
    reader, answers, is_over = backend(mount), [], threading.Event()

    def read() -> None:
        while not is_over.is_set():
            answers.append(reader.get_variable("region"))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 200):
        mount.put("variables/region", str(number).encode())
    is_over.set()
    for thread in threads:
        thread.join(30)
    assert answers
    assert None not in answers


def test_each_kind_may_have_a_folder_or_a_prefix(mount: Mount) -> None:
    mount.files = {"conn-db": b"x://h", "var-db": b"text", "db": b"option"}
    mount.swap()
    place = str(mount.folder)
    reader = backend(mount, sep="-", connections_prefix="conn", variables_prefix="var", config_path=place)
    assert (reader.get_conn_value("db"), reader.get_variable("db"), reader.get_config("db")) == (
        "x://h",
        "text",
        "option",
    )
    assert backend(mount, variables_prefix=None).get_variable("db") is None


def test_teams_have_files_of_their_own_without_a_prefix_too(mount: Mount) -> None:
    mount.files = {"ops--db": b"x://ops", "db": b"x://shared"}
    mount.swap()
    reader = MountedFilesBackend(connections_path=str(mount.folder))
    assert [reader.get_conn_value("db", team) for team in ("ops", "dev", None)] == [
        "x://ops",
        "x://shared",
        "x://shared",
    ]
    assert reader.get_conn_value("db", "../secrets/ops") == "x://shared"


@pytest.mark.parametrize("secret_id", ["..", "../outside", "a/../../outside", "..data/x", ".hidden", "/etc/passwd", ""])
def test_no_id_leads_out_of_the_folder(
    mount: Mount, secret_id: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outside").write_text(SECRET)
    mount.put("x", b"1")
    (mount.folder / ".hidden").write_text(SECRET)
    with caplog.at_level(logging.WARNING):
        assert MountedFilesBackend(variables_path=str(mount.folder)).get_variable(secret_id) is None
    assert SECRET not in caplog.text


def test_line_ends_and_binary_content(mount: Mount) -> None:
    mount.files = {
        "variables/lines": b"a\r\n\n",
        "variables/one": b"a\r\n",
        "variables/binary": SECRET.encode() + b"\xfe",
    }
    mount.swap()
    assert [backend(mount).get_variable(key) for key in ("lines", "one")] == ["a\r\n", "a"]
    assert [backend(mount, keep_newline=True).get_variable(key) for key in ("lines", "one")] == ["a\r\n\n", "a\r\n"]
    with pytest.raises(MalformedSecretError, match=f"byte {len(SECRET) + 1} is not valid in UTF-8") as caught:
        backend(mount).get_variable("binary")
    assert SECRET not in repr(caught.value) + str(vars(caught.value))


def test_a_pipe_is_refused_and_not_waited_for(mount: Mount) -> None:
    mount.put("variables/a", b"1")
    os.mkfifo(mount.folder / "variables" / "pipe")
    start = time.monotonic()
    with pytest.raises(ConfigurationError, match="is not a regular file"):
        backend(mount).get_variable("pipe")
    assert time.monotonic() - start < 2


def test_a_missing_folder_is_an_error_and_no_folder_at_all_is_refused(mount: Mount) -> None:
    mount.remove()
    with pytest.raises(ConfigurationError, match="does not exist"):
        backend(mount).get_variable("a")
    for kwargs in ({}, {"path": ""}, {"connections_prefix": "x"}):
        with pytest.raises(ConfigurationError, match="no folder with mounted files is configured"):
            MountedFilesBackend(**kwargs)


def test_a_file_that_may_not_be_read_is_denied(mount: Mount) -> None:
    mount.put("variables/a", b"1")
    mount.forbid(Path("/proc/sys/vm/compact_memory"))
    with pytest.raises(AccessDeniedError, match="fsGroup"):
        backend(mount).get_variable("a")


def test_a_bundle_is_a_file_too(mount: Mount) -> None:
    mount.put("all.json", json.dumps({"region": "eu"}).encode())
    place = str(mount.folder / "all.json")
    assert backend(mount, bundle={"variables": place}).get_variable("region") == "eu"
    with pytest.raises(StrongroomError, match="is not the path of a file in a folder"):
        backend(mount, bundle={"variables": "/etc/passwd"}).get_variable("region")


def test_a_swap_shows_at_the_next_lookup_of_a_chain_too(mount: Mount) -> None:
    mount.put("variables/a", b"mounted")
    behind = {"store": "memory", "secrets": {"airflow/variables/a": "behind", "airflow/variables/b": "behind"}}
    chain = ChainBackend(stores=[{"store": "mounted", "path": str(mount.folder)}, behind])
    assert [chain.get_variable(key) for key in "ab"] == ["mounted", "behind"]
    mount.files = {"variables/b": b"mounted"}
    mount.swap()
    assert [chain.get_variable(key) for key in "ab"] == ["behind", "mounted"]


def test_a_child_reads_what_is_mounted_by_then(mount: Mount) -> None:
    mount.put("variables/a", b"1")
    reader = backend(mount)
    assert reader.get_variable("a") == "1"
    for number in range(20):
        mount.put("variables/a", str(number).encode())
        child = os.fork()
        if child == 0:
            os._exit(0 if reader.get_variable("a") == str(number) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
