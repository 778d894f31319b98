"""Runs the command line in a separate environment, and searches all of its output for secrets."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.servers.aws import REGION, Credentials, clean_environment
from tests.stores import described

#: Exit codes as documented in docs/command-line.md.
DONE, NO, USAGE, CONFIGURATION, STORE = range(5)

#: The program of the wheel, or the one that cargo built, if this names it.
BINARY = os.environ.get("STRONGROOM_BINARY")
PROGRAM = [BINARY] if BINARY else [sys.executable, "-m", "strongroom"]

CLASSES = {store.word: store.backend for store in described().values()}


@dataclass(frozen=True)
class Run:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed with ``--json``."""
        return json.loads(self.out)


@dataclass
class Shell:
    """An environment in which commands are run; ``secrets`` must not be shown, except by ``reveal``."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)

    def backend(self, store: str, **options: Any) -> None:
        """Configures the backend by environment variables."""
        self.variables["AIRFLOW__SECRETS__BACKEND"] = CLASSES.get(store, store)
        self.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = json.dumps(options)

    def aws_backend(self, store: str, url: str, credentials: Credentials, **options: Any) -> None:
        """A backend on one of the AWS stores; its keys are secrets too."""
        self.secrets.append(credentials.secret_key)
        self.backend(store, region_name=REGION, endpoint_url=url, **credentials.options(), **options)

    def run(self, *arguments: str, stdin: str = "", variables: Mapping[str, str] | None = None) -> Run:
        """Runs a command and searches its output."""
        given = clean_environment() | {"AIRFLOW_HOME": str(self.home), "HOME": str(self.home)}
        given = {name: value for name, value in given.items() if not name.startswith(("AIRFLOW__", "VAULT_"))}
        given |= self.variables | dict(variables or {})
        given["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
        command = [*PROGRAM, *arguments]
        done = subprocess.run(  # the arguments are those of the tests
            command, env=given, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )
        if "reveal" not in arguments:
            self.search(done.stdout + done.stderr, arguments)
        return Run(done.returncode, done.stdout, done.stderr)

    def search(self, text: str, arguments: object) -> None:
        """Fails if one of the secrets is in ``text`` in any form."""
        for secret in self.secrets:
            forms = [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")]
            assert not [form for form in forms if form in text], f"a secret was shown by {arguments}"
