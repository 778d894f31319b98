"""An agent that processes of other users may ask: who of them, for what, and in which folder."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from tests.python.process.agent import Store, ask, configured, environment, foreground, named, strongroom, until

#: Users and groups that no system has.
OWNER, GROUP, GUEST, OTHER, MEMBER = 61001, 61002, 61003, 61004, 61005

IS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")

#: Looks up what the arguments name and prints each value, or what was raised.
LOOK = """
import json, sys
from strongroom.aws import SecretsManagerBackend
backend = SecretsManagerBackend(**json.loads(sys.argv[1]))
answers = []
for word in sys.argv[2:]:
    kind, key, *team = word.split("/")
    try:
        if kind == "connection":
            answers.append(backend.get_conn_value(key, *team))
        else:
            answers.append(backend.get_variable(key, *team))
    except Exception as error:
        answers.append(f"{type(error).__name__}: {error}")
print(json.dumps(answers))
"""


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="g"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def group(*allow: dict[str, Any]) -> dict[str, Any]:
    return {"group": GROUP, "owner": os.geteuid(), "allow": list(allow)}


#: Becomes another user with some groups, with what is imported before: Python itself may be closed to that user.
BECOME = """
import asyncio, contextlib, json, logging, os, random, runpy, shlex, socket, sys, threading, uuid
import strongroom._cli, strongroom.aws
user, groups = int(sys.argv[1]), json.loads(sys.argv[2])
del sys.argv[1:3]
os.setgroups(groups)
os.setresgid(user, user, user)
os.setresuid(user, user, user)
"""


#: The command line.
COMMAND = "sys.exit(strongroom._cli.main())"


def as_user(user: int, *groups: int) -> tuple[int, tuple[int, ...]]:
    return user, groups


def program(script: str, who: tuple[int, tuple[int, ...]], *arguments: str) -> list[str]:
    """A Python script that another user runs."""
    return [sys.executable, "-c", BECOME + script, str(who[0]), json.dumps(who[1]), *arguments]


def look(folder: Path, options: dict[str, Any], who: tuple[int, tuple[int, ...]], *words: str) -> list[str | None]:
    """What a process gets that runs as another user and has no store behind it but the agent."""
    lonely = {**options, "endpoint_url": "http://127.0.0.1:9", "max_attempts": 1, "on_error": "raise"}
    done = subprocess.run(
        program(LOOK, who, json.dumps(lonely), *words),
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[str | None] = json.loads(done.stdout)
    return answers


def test_folder_and_socket_are_open_to_the_group_alone(folder: Path, store: Store) -> None:
    """A group that the user is in, which root is with any."""
    own = os.getgid()
    place = folder / "made"
    options = {**store.options(named(place)), "agent_group": {"group": own, "allow": [{"gid": own}]}}
    with foreground(folder, options):
        found = [path.stat() for path in (place, place / "agent.sock")]
        assert [stat.S_IMODE(file.st_mode) for file in found] == [0o750, 0o660]
        assert [file.st_gid for file in found] == [own, own]
        assert ask(folder, options, "hello")[0] == ["world"]
        assert ask(folder, options, "hello")[0] == ["world"]
    assert len(store.calls) == 1


def test_a_folder_that_is_open_to_others_is_refused(folder: Path, store: Store) -> None:
    place = folder / "open"
    place.mkdir()
    place.chmod(0o755)
    own = os.getgid()
    options = {**store.options(named(place)), "agent_group": {"group": own, "allow": [{"gid": own}]}}
    done = strongroom(folder, options)
    assert done.returncode == 3
    assert f"{place} is not open to group {own} and closed to all others" in done.stderr
    assert f"chmod 0750 {place}" in done.stderr


@IS_ROOT
def test_a_guest_asks_for_what_its_entry_names_and_nothing_else(common: Path, store: Store) -> None:
    place = common / "agent"
    allow: list[dict[str, Any]] = [
        {"uid": GUEST, "kinds": ["variables"], "ids": "hello", "teams": [None]},
        {"gid": MEMBER},
    ]
    options = {**store.options(named(place)), "agent_group": group(*allow)}
    guest, member, other = as_user(GUEST, GROUP), as_user(OTHER, GROUP, MEMBER), as_user(OTHER, GROUP)
    with foreground(common, options):
        answers = look(common, options, guest, "variable/hello", "variable/other", "connection/hello")
        assert answers[0] == "world"
        assert all(f"user {GUEST} may not ask the agent for this" in str(answer) for answer in answers[1:]), answers
        # It may not say that Airflow has no teams, to get at an id of another team.
        of_teams = look(common, options, guest, "variable/hello/blue", "variable/hello--x")
        assert "AccessDenied" in str(of_teams[0]) or "may not ask" in str(of_teams[0])
        assert of_teams[1] != "world"
        assert look(common, options, member, "variable/hello", "variable/none") == ["world", None]
        calls = list(store.calls)
        # One who is in the group and not in the list, and one who is not in the group, ask for themselves.
        for stranger in (other, as_user(OTHER)):
            (answer,) = look(common, options, stranger, "variable/hello")
            assert "UnreachableError" in str(answer)
        assert store.calls == calls
        stop = program(COMMAND, guest, "agent", "stop")
        figures = subprocess.run(
            stop, env=configured(common, options), capture_output=True, text=True, timeout=60, check=False
        )
        assert figures.returncode != 0
        assert "only the user of the agent may stop it" in figures.stderr
        assert strongroom(common, options, "status").returncode == 0
        assert look(common, options, guest, "variable/hello") == ["world"]


@IS_ROOT
def test_a_guest_trusts_only_the_owner_that_its_configuration_names(common: Path, store: Store) -> None:
    place = common / "agent"
    options = {**store.options(named(place)), "agent_group": group({"uid": GUEST})}
    # Made by the user that runs the agent, who is in the group.
    place.mkdir()
    os.chown(place, OWNER, GROUP)
    place.chmod(0o750)
    agent = subprocess.Popen(program(COMMAND, as_user(OWNER, GROUP), "agent"), env=configured(common, options))
    try:
        right = {**options, "agent_group": {**options["agent_group"], "owner": OWNER}}
        until(lambda: look(common, right, as_user(GUEST, GROUP), "variable/hello") == ["world"])
        wrong = look(common, options, as_user(GUEST, GROUP), "variable/hello")
        assert "UnreachableError" in str(wrong[0])
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.parametrize("agent", ["auto", "always"])
def test_a_group_needs_a_socket_with_a_name(agent: str) -> None:
    with pytest.raises(ValueError, match="`agent_group` in backend_kwargs needs a socket with a name"):
        SecretsManagerBackend(agent=agent, agent_group={"group": 1, "allow": [{"uid": 2}]})


#: Mounts what the first arguments name, then runs the agent as a container of a pod.
POD = """
import os, subprocess, sys
what, place = sys.argv[1:3]
folder = os.path.dirname(place)
os.makedirs(folder, exist_ok=True)
if what == "of memory":
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "none", folder], check=True)
elif what != "none":
    source = folder + "-of-node" + ("/volumes/kubernetes.io~empty-dir/agent" if what == "on disk" else "")
    os.makedirs(source, mode=0o700)
    subprocess.run(["mount", "--bind", source, folder], check=True)
os.environ["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
os.execv(sys.executable, [sys.executable, "-m", "strongroom", "agent"])
"""


@pytest.mark.parametrize(
    ("what", "identity", "starts"),
    [
        ("none", "own", True),
        ("of memory", "own", True),
        ("on disk", "own", True),
        ("of the node", "own", False),
        ("of the node", "shared", True),
    ],
)
def test_in_kubernetes_a_volume_of_the_node_needs_a_word(
    folder: Path, store: Store, what: str, identity: str, starts: bool
) -> None:
    place = named(folder / "pod")
    options = {**store.options(place), "agent_identity": identity}
    process = subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", POD, what, place],
        env=configured(folder, options),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if starts and os.geteuid() == 0:
            # The socket as it is seen in the namespace of the agent.
            until(Path(f"/proc/{process.pid}/root{place}").is_socket)
            return
        said = process.communicate(timeout=8 if starts else 60)[1]
    except subprocess.TimeoutExpired:
        assert starts
        return
    finally:
        process.kill()
        process.communicate()
    assert not starts, said
    assert process.returncode == 3
    assert "is on a volume that other pods may share" in said
    assert "set `agent_identity` to `shared`" in said
