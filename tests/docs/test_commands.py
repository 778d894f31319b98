"""Every block of commands on the pages runs as written, or is listed here with the reason why it cannot."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from strongroom.aws import SecretsManagerBackend, SystemsManagerParameterStoreBackend
from strongroom.hashicorp import VaultBackend
from tests.command_line.shell import PROGRAM
from tests.docs.pages import Block, blocks, inline
from tests.servers.aws import REGION, MiniStack, clean_environment
from tests.servers.process import REPOSITORY
from tests.servers.vault import ROOT, Vault

#: Why a line cannot run here, by its beginning. Its syntax is checked all the same.
CANNOT_RUN = {
    "make ": "a target of the Makefile; tests/tools runs this very suite in one, and the page's targets exist",
    "cargo test": "the Rust tests; `make test` runs them",
    "pip install": "the wheel is installed by `make test` into its environments",
    "uv ": "changes an environment of the reader's",
    "astro ": "needs Docker and the Astro CLI; tests/astro makes the project by hand",
    "az ": "needs a subscription of Azure",
    "gcloud ": "needs a project of Google",
    "printf ": "hands its text to gcloud",
    "airflow ": "runs in a real Airflow: tests/airflow/test_pages.py",
    "AIRFLOW__SENTRY__SENTRY_DSN_SECRET=sentry_dsn airflow ": "the same",
}

RUN_ELSEWHERE = {"docs/operating.md": "tests/command_line/test_operating.py"}


def commands(block: Block) -> list[str]:
    """The commands of a block, each with its continued lines; without comments."""
    joined = re.sub(r"(\\|\|)\n\s*", lambda end: " " if end[1] == "\\" else "| ", block.text)
    lines = [line.strip() for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def excuse(command: str) -> str | None:
    """Why it cannot run."""
    return next((why for beginning, why in CANNOT_RUN.items() if command.startswith(beginning)), None)


BASH = [block for block in blocks("bash") if block.page not in RUN_ELSEWHERE]
LINES = [(block, command) for block in BASH for command in commands(block)]
OF_STRONGROOM = [block for block in BASH if any(command.startswith("strongroom ") for command in commands(block))]
INLINE = inline("strongroom ")


def program(home: Path, name: str, script: str) -> None:
    """Puts a program of this name on the path of `run`."""
    path = home / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def run(home: Path, script: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a block in a shell, and stops at the first command with an exit code other than 0."""
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("AIRFLOW__")}
    environment |= {"AIRFLOW_HOME": str(home), "HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    parts = [str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment["PYTHONPATH"] = os.pathsep.join(str(Path(part).resolve()) for part in parts if part)
    return subprocess.run(
        ["/bin/sh", "-e", "-c", script],
        cwd=home,
        env=environment | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An Airflow home on local files, and `strongroom` on the path."""
    secrets = {
        "connections": {"smtp_default": "smtp://u:p@mail.example:25", "warehouse": "postgres://u:p@h/db"},
        "variables": {"region": "eu"},
    }
    for name, content in secrets.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
        (tmp_path / f"{name}.json").chmod(0o600)
    (tmp_path / "region.txt").write_text("eu\n")
    values = {"connection": "postgres://loader:not-real@h/db", "password": "not-real", "zone": "eu-west-1"}
    for name, value in values.items():
        (tmp_path / f"{name}.txt").write_text(f"{value}\n")
    kwargs = {f"{kind}_file_path": f"{tmp_path}/{kind}.json" for kind in secrets}
    cfg = f"[secrets]\nbackend = strongroom.local.LocalFilesystemBackend\nbackend_kwargs = {json.dumps(kwargs)}\n"
    (tmp_path / "airflow.cfg").write_text(cfg)
    for name, example in (("airbyte.json", "airbyte-aws-keys.json"), ("application.yaml", "kestra-vault-approle.yaml")):
        shutil.copy(REPOSITORY / "tests" / "golden" / "import" / example, tmp_path / name)
    program(tmp_path, "strongroom", f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    return tmp_path


@pytest.mark.parametrize("block", BASH, ids=lambda block: block.name)
def test_a_shell_can_read_it(block: Block) -> None:
    shell = shutil.which("bash") or "/bin/bash"
    done = subprocess.run([shell, "-n"], input=block.text, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_runs_or_has_an_excuse() -> None:
    known = ("strongroom ", "aws ", "vault ", "jq ", "export ")
    unknown = [(block.name, line) for block, line in LINES if not line.startswith(known) and not excuse(line)]
    assert unknown == []
    unused = [beginning for beginning in CANNOT_RUN if not any(line.startswith(beginning) for _, line in LINES)]
    assert unused == []


@pytest.mark.parametrize("block", OF_STRONGROOM, ids=lambda block: block.name)
def test_our_own_commands(block: Block, home: Path) -> None:
    script = "\n".join(line for line in commands(block) if not excuse(line))
    done = run(home, script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_targets_of_the_makefile_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    asked = {line.split("#")[0].split()[1] for _, line in LINES if line.startswith("make ")}
    asked |= {words.split()[1] for words in inline("make ")}
    assert asked
    assert [target for target in asked if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("command", INLINE)
def test_a_command_in_a_sentence_exists(command: str, home: Path) -> None:
    words = re.sub(r"\|.*$|\.\.\.", "", command).split()
    path: list[str] = []
    for word in words[1:]:
        if (
            not re.fullmatch(r"[a-z][a-z-]*", word)
            or run(home, shlex.join(["strongroom", *path, word, "--help"])).returncode
        ):
            break
        path.append(word)
    help_text = run(home, shlex.join(["strongroom", *path, "--help"])).stdout
    assert path or words[1].startswith("-"), command
    assert [option for option in re.findall(r"--[a-z-]+", command) if option not in help_text] == []


#: A command of the AWS CLI as a call of boto3, which knows what a service takes.
AWS_CLI = """#!{python}
import re, sys
import boto3

service, operation, *words = sys.argv[1:]
given = {{}}
while words:
    option = words.pop(0)
    given[option.removeprefix("--")] = words.pop(0) if words and not words[0].startswith("--") else True
query, output = given.pop("query", None), given.pop("output", None)
named = {{"".join(part.title() for part in option.split("-")): value for option, value in given.items()}}
answer = getattr(boto3.client(service), operation.replace("-", "_"))(**named)
for key in (query or "").split("."):
    answer = answer[key] if key else answer
print(answer)
"""


def aws_blocks(page: str) -> str:
    """The commands of a page that call AWS."""
    found = [line for block, line in LINES if block.page == f"docs/{page}.md" for line in [line] if "aws " in line[:4]]
    assert len(found) > 4
    return "\n".join(found)


@pytest.mark.parametrize("page", ["aws-secrets-manager", "aws-ssm-parameter-store"])
def test_the_commands_of_the_aws_cli(page: str, home: Path, open_aws: MiniStack) -> None:
    program(home, "aws", AWS_CLI.format(python=sys.executable))
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    done = run(home, aws_blocks(page), keys | {"AWS_ENDPOINT_URL": open_aws.url})
    assert done.returncode == 0, done.stderr
    assert "new world" in done.stdout
    backend, prefix = (
        (SecretsManagerBackend, "airflow") if "manager" in page else (SystemsManagerParameterStoreBackend, "/airflow")
    )
    given = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    prefixes = {f"{kind}_prefix": f"{prefix}/{kind}" for kind in ("connections", "variables", "config")}
    reader = backend(endpoint_url=open_aws.url, **given, **prefixes)
    connection = reader._core.connection_fields("smtp", reader.get_conn_value("smtp_default") or "", "airflow_3_3")
    assert (connection["host"], connection["port"]) == ("mail.example.com", 587)
    assert (reader.get_conn_value("warehouse") or "").startswith("postgres://loader:p%40ss@")
    assert reader.get_variable("hello") == "new world"
    assert reader.get_config("sentry_dsn") == "https://not-real@sentry.example.com/1"


def test_the_commands_of_vault(home: Path, vault: Vault) -> None:
    found = [line for block, line in LINES if block.page == "docs/hashicorp-vault.md" and line.startswith("vault ")]
    bao = Path(sys.executable).parents[2] / "servers" / "bin" / "bao"
    program(home, "vault", f'#!/bin/sh\nexec {bao} "$@"\n')
    mount = vault.mount("pages")
    script = "\n".join(found).replace("kv put secret/", f"kv put {mount}/")
    done = run(home, script, {"BAO_ADDR": vault.plain_url, "BAO_TOKEN": ROOT})
    assert done.returncode == 0, done.stderr
    reader = VaultBackend(url=vault.plain_url, token=ROOT, mount_point=mount)
    assert (reader.get_conn_value("warehouse") or "").startswith("postgres://loader:p%40ss@")
    assert '"host": "mail.example.com"' in (reader.get_conn_value("smtp_default") or "")
    assert reader.get_variable("hello") == "world"
    assert reader.get_config("sentry_dsn") == "https://not-real@sentry.example.com/1"


def test_the_commands_of_jq(home: Path) -> None:
    found = [line for block, line in LINES if block.page == "docs/observability.md" and line.startswith("jq ")]
    lines = [
        {"time": "t", "kind": "connection", "id": "warehouse", "dag": "d", "task": "x", "outcome": "value"},
        {"time": "t", "kind": "variable", "id": "warehouse", "dag": "d", "task": "y", "outcome": "value"},
    ]
    (home / "secrets.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run(home, "\n".join(found))
    assert (done.stdout, done.stderr) == ("t\td\tx\tvalue\n", "")
