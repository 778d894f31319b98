"""An agent of a host and its clients, as processes, with a store behind it that counts its calls."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Parts of what an agent holds and must show nowhere.
CANARY = "canary-4711"

ASK = """
import json, sys, time
from strongroom.aws import SecretsManagerBackend
backend = SecretsManagerBackend(**json.loads(sys.argv[1]))
begin = time.monotonic()
print(json.dumps([[backend.get_variable(key) for key in sys.argv[2:]], time.monotonic() - begin]))
"""

FORKS = """
import json, os, sys
from strongroom.aws import SecretsManagerBackend
backend = SecretsManagerBackend(**json.loads(sys.argv[1]))
failed = 0
for begin in range(0, int(sys.argv[2]), 64):
    children = []
    for number in range(min(64, int(sys.argv[2]) - begin)):
        child = os.fork()
        if child == 0:
            os._exit(0 if backend.get_variable("hello") == "world" else 1)
        children.append(child)
    failed += sum(os.waitpid(child, 0)[1] != 0 for child in children)
print(failed)
"""


class Store:
    """Secrets Manager with a few secrets; counts the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.value = "world"
        #: Whether this identity may read nothing.
        self.denies = False
        #: What it holds besides the variable ``hello``, which has the value above.
        self.others = {
            "airflow/variables/refers": "secret_coordinate::shared/place",
            "airflow/variables/broken": "secret_coordinate::shared/gone",
            "shared/place": "world",
        }
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.calls.append(body["SecretId"])
                held = {"airflow/variables/hello": outer.value, **outer.others}.get(body["SecretId"])
                absent = {
                    "__type": "AccessDeniedException" if outer.denies else "ResourceNotFoundException",
                    "message": "no",
                }
                held = None if outer.denies else held
                text = json.dumps(absent if held is None else {"Name": "n", "SecretString": held})
                self.send_response(400 if held is None else 200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def options(self, agent: str) -> dict[str, Any]:
        """The options of a backend on this store."""
        return {
            "endpoint_url": self.url,
            "region_name": "eu-west-1",
            "aws_access_key_id": "AKIA",
            "aws_secret_access_key": CANARY,
            "agent": agent,
        }


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of processes that share an agent, with its socket below ``folder``."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "AIRFLOW"))}
    return {**kept, "TMPDIR": str(folder), "HOME": str(folder), "PYTHONPATH": os.pathsep.join(sys.path), **more}


def run(folder: Path, script: str, *arguments: str, through: tuple[str, ...] = (), timeout: int = 120) -> Any:
    """What a Python script prints as JSON in its last line, run by another program if need be."""
    done = subprocess.run(
        [*through, sys.executable, "-c", script, *arguments],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def ask(folder: Path, options: dict[str, Any], *keys: str) -> tuple[list[str | None], float]:
    """What a new process gets for the variables, and the seconds that it waited for them."""
    values, seconds = run(folder, ASK, json.dumps(options), *keys, timeout=60)
    return values, seconds


def is_at_work(pid: int) -> bool:
    """Whether a process runs; one that has ended may still wait for the process that has adopted it."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def client_of_the_only_agent(folder: Path) -> socket.socket:
    """A connection to the agent whose socket is below ``folder``, once it listens."""
    connection = socket.socket(socket.AF_UNIX)

    def is_connected() -> bool:
        try:
            connection.connect(str(next(path for path in folder.rglob("*") if path.is_socket())))
        except (StopIteration, OSError):
            return False
        return True

    until(is_connected)
    return connection


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "strongroom", "agent", *arguments]


def configured(
    folder: Path, options: dict[str, Any], backend: str = "strongroom.aws.SecretsManagerBackend"
) -> dict[str, str]:
    return environment(
        folder,
        AIRFLOW_HOME=str(folder),
        AIRFLOW__SECRETS__BACKEND=backend,
        AIRFLOW__SECRETS__BACKEND_KWARGS=json.dumps(options),
    )


def strongroom(
    folder: Path, options: dict[str, Any], *arguments: str, **given: str
) -> subprocess.CompletedProcess[str]:
    """Runs `strongroom agent` with ``arguments``."""
    return subprocess.run(
        command(*arguments),
        env=configured(folder, options, **given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextlib.contextmanager
def foreground(
    folder: Path, options: dict[str, Any], *through: str, variables: dict[str, str] | None = None, **given: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`strongroom agent` at work at the socket that the options name, started by another program if need be."""
    process = subprocess.Popen(
        [*through, *command()], env={**configured(folder, options, **given), **(variables or {})}
    )
    try:
        until(Path(options["agent"]).exists)
        yield process
    finally:
        process.kill()
        process.wait()


def until(condition: Any) -> None:
    """Waits until ``condition`` holds."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def named(folder: Path) -> str:
    return str(folder / "agent.sock")
