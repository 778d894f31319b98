"""One Airflow home and the commands run in it; standard library only, so that `make run` can use it too."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DAGS = Path(__file__).resolve().parents[2] / "dags"

#: Whether ``[core] multi_team`` is on in every command: the same tests then show that it changes nothing for them.
MULTI_TEAM = "STRONGROOM_TEST_MULTI_TEAM" in os.environ

#: Variables of the caller that would configure Airflow or a store.
NOT_OURS = ("AIRFLOW", "AWS_", "AZURE_", "GOOGLE_", "VAULT_")

#: A command takes 2-10 s, `dags test` up to 60 s on a busy machine.
TIMEOUT = 300.0
#: As many as the cores of a small machine.
AT_ONCE = 2


def home_environment(home: Path) -> dict[str, str]:
    """The variables that make Airflow run in ``home``, quiet and isolated."""
    teams = {"AIRFLOW__CORE__MULTI_TEAM": "True"} if MULTI_TEAM else {}
    return {
        **teams,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


def backend_environment(backend: str, kwargs: Mapping[str, Any]) -> dict[str, str]:
    """What an operator sets to choose a secrets backend."""
    return {"AIRFLOW__SECRETS__BACKEND": backend, "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs)}


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    arguments: Sequence[str]
    code: int
    out: str = field(repr=False)
    err: str = field(repr=False)

    def json(self) -> Any:
        """The output of a command with `--output json`: its last line, after any log lines."""
        return json.loads(self.out.splitlines()[-1])

    def must(self, code: int = 0) -> Result:
        """This result, if it ended with ``code``."""
        if self.code != code:
            raise AssertionError(f"{self.arguments} ended with {self.code}, not {code}\n{self.out}\n{self.err}")
        return self


@dataclass
class Airflow:
    """An Airflow home, the environment of its commands, and everything that they have printed."""

    home: Path
    results: list[Result] = field(default_factory=list)
    #: The folder in which the commands are started; the home by default.
    folder: Path | None = None

    def migrate(self) -> None:
        """Creates the metadata database, an SQLite file in the home."""
        self.run([["db", "migrate"]], {})[0].must()

    def run(self, commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> list[Result]:
        """Runs ``airflow`` commands, several at once, and returns the results in their order."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            program = str(Path(sys.executable).with_name("airflow"))
            results = list(pool.map(lambda command: self._run([program, *command], environment), commands))
        self.results.extend(results)
        return results

    def python(self, code: str, environment: Mapping[str, str]) -> Result:
        """Runs Python code in a new process."""
        result = self._run([sys.executable, "-c", code], environment)
        self.results.append(result)
        return result

    def _run(self, command: Sequence[str], environment: Mapping[str, str]) -> Result:
        process = subprocess.Popen(
            command,
            cwd=self.folder or self.home,
            env={**_own_environment(), **home_environment(self.home), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeoutError(f"{command} took more than {TIMEOUT:.0f} s\n{out}\n{err}") from None
            raise
        return Result(command, process.returncode, out, err)


def _own_environment() -> dict[str, str]:
    """Our environment, without settings of Airflow or a store, shared AWS files or a metadata service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**kept, **nowhere, "AWS_EC2_METADATA_DISABLED": "true"}
