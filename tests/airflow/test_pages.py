"""The commands of Airflow on the pages, in a real Airflow, and their output for a store that fails."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.airflow.classes import LOCAL, SECRETS_MANAGER
from tests.airflow.session import Airflow, Result, backend_environment
from tests.airflow.versions import AIRFLOW
from tests.docs.pages import blocks

#: Every command of Airflow on the pages, once.
COMMANDS = sorted(
    {
        tuple(shlex.split(line, comments=True))
        for block in blocks("bash")
        for line in block.text.splitlines()
        for line in [line.removeprefix("AIRFLOW__SENTRY__SENTRY_DSN_SECRET=sentry_dsn ")]
        if line.startswith("airflow ")
    }
)


@pytest.mark.ours
def test_every_command_finds_what_the_pages_put_there(airflow: Airflow, tmp_path: Path) -> None:
    contents = {
        "connections": {"smtp_default": {"conn_type": "smtp", "host": "mail.example.com", "password": "not-real"}},
        "variables": {"hello": "world"},
        "configs": {"sentry_dsn": "https://not-real@sentry.example.com/1"},
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    environment = backend_environment(LOCAL, {f"{name}_file_path": f"{tmp_path}/{name}.json" for name in contents})
    environment["AIRFLOW__SENTRY__SENTRY_DSN_SECRET"] = "sentry_dsn"
    assert len(COMMANDS) >= 3
    for result in airflow.run([command[1:] for command in COMMANDS], environment):
        output = result.must().out
        assert any(word in output for word in ("world", "mail.example.com", "sentry.example.com")), result.arguments


def refused(airflow: Airflow, *options: str) -> Result:
    """The result of `airflow connections get` on a store that cannot be reached."""
    kwargs = {"region_name": "eu-central-1", "endpoint_url": "http://127.0.0.1:9", "max_attempts": 1}
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    environment = backend_environment(SECRETS_MANAGER, kwargs) | keys
    (result,) = airflow.run([["connections", "get", *options, "smtp_default"]], environment)
    return result.must(1)


@pytest.mark.ours
def test_the_reason_shows_with_verbose_alone(airflow: Airflow) -> None:
    plain, verbose = refused(airflow), refused(airflow, "--verbose")
    reason = "no connection (aws_secrets_manager GetSecretValue)"
    assert reason not in plain.out + plain.err
    assert reason in verbose.out + verbose.err
    # Airflow itself logs the exception at ERROR before 3.0, at DEBUG since.
    assert ("Traceback" in verbose.out + verbose.err) == (AIRFLOW < (3, 0))
