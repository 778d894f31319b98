"""Doppler's own clients accept the double: its CLI, and its SDK for Python, in the run in which our class reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.doppler import DopplerBackend
from tests.servers.counting import counting_proxy
from tests.servers.doppler import CONFIG, PATH, PROJECT, Doppler
from tests.servers.process import program

NAME, VALUE = "AIRFLOW_VARIABLES_A", "a é ${USER}"
REVOKED = "dp.st.prd.canary3Rk5made9up"


@pytest.fixture(scope="module")
def doppler() -> Iterator[Doppler]:
    """The double with three secrets."""
    double = Doppler()
    with double.running():
        double.secrets = {NAME: VALUE, "USER": "brian", "EMPTY": ""}
        yield double


def cli(
    doppler: Doppler, home: Path, verb: str, *arguments: str, token: str = Doppler.token, url: str = ""
) -> subprocess.CompletedProcess[str]:
    """A run of Doppler's CLI."""
    common = ["--api-host", url or doppler.url, "--token", token, "--no-check-version", "--attempts", "1"]
    command = [program("doppler"), verb, *common, "--project", PROJECT, "--config", CONFIG, *arguments]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, timeout=60, check=False, text=True, env=environment)


def test_the_cli_reads_names_values_and_downloads(doppler: Doppler, tmp_path: Path) -> None:
    assert cli(doppler, tmp_path, "secrets", "get", NAME, "--plain").stdout == "a é brian\n"
    assert json.loads(cli(doppler, tmp_path, "secrets", "get", "EMPTY", "--json").stdout)["EMPTY"]["computed"] == ""
    absent = cli(doppler, tmp_path, "secrets", "get", "GONE", "--plain")
    assert (absent.returncode, "Could not find requested secret" in absent.stderr) == (1, True)
    assert set(json.loads(cli(doppler, tmp_path, "secrets", "--only-names", "--json").stdout)) == set(doppler.secrets)
    download = cli(doppler, tmp_path, "secrets", "download", "--no-file", "--format", "json", "--no-cache")
    assert json.loads(download.stdout) == {NAME: "a é brian", "USER": "brian", "EMPTY": ""}


def test_the_cli_takes_a_304_for_what_it_has(doppler: Doppler, tmp_path: Path) -> None:
    with counting_proxy(doppler.url) as counter:
        for _ in range(2):
            run = cli(doppler, tmp_path, "run", "--", "/usr/bin/printenv", NAME, url=counter.url)
            assert run.stdout == "a é brian\n", run.stderr
    assert [(call.path.partition("?")[0], call.status) for call in counter.calls] == [
        (f"{PATH}s/download", 200),
        (f"{PATH}s/download", 304),
    ]


def test_the_cli_reports_a_revoked_token(doppler: Doppler, tmp_path: Path) -> None:
    refused = cli(doppler, tmp_path, "secrets", "get", NAME, "--plain", token=REVOKED)
    assert (refused.returncode, "made up" in refused.stderr) == (1, True)


SDK = """
import json, sys
from dopplersdk import DopplerSDK
sdk = DopplerSDK()
sdk.set_base_url(sys.argv[1])
sdk.set_access_token(sys.argv[2])
project, config, name = sys.argv[3:]
one, gone = (sdk.secrets.get(name=each, project=project, config=config).value for each in (name, "GONE"))
names = sdk.secrets.names(project=project, config=config).names
listed = sdk.secrets.list(project=project, config=config).secrets
print(json.dumps([one, gone, names, listed], default=vars))
"""


def test_the_sdk_reads_a_secret_their_names_and_all(doppler: Doppler) -> None:
    command = [program("python"), "-I", "-c", SDK, doppler.url, Doppler.token, PROJECT, CONFIG, NAME]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    one, gone, names, listed = json.loads(done.stdout)
    assert (one["raw"], one["computed"], gone["computed"]) == (VALUE, "a é brian", None)
    assert set(names) == set(listed) == set(doppler.secrets)
    assert listed[NAME]["computed"] == "a é brian"


def test_our_class_reads_the_same(doppler: Doppler) -> None:
    options: dict[str, Any] = {"token": Doppler.token, "endpoint_url": doppler.url}
    assert DopplerBackend(**options).get_variable("a") == "a é brian"
    assert DopplerBackend(**options, project=PROJECT, config=CONFIG).get_variable("gone") is None
