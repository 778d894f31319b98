"""The community's client for Python accepts the double, in the run in which our class reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.cyberark import CentralCredentialProviderBackend
from tests.servers.cyberark_ccp import APP, SAFE, Provider
from tests.servers.double import Double, serving
from tests.servers.process import program
from tests.servers.tls import Certificate

NAME = "airflow-variables-a"
VALUE = "é value"

CLIENT = """
import json, sys
from pyaim import CCPPasswordREST
url, authority, app, safe, name = sys.argv[1:]
client = CCPPasswordREST(url, verify=authority)
print(json.dumps(client.GetPassword(appid=app, safe=safe, object=name)))
"""


@pytest.fixture
def served(tls: Certificate) -> Iterator[tuple[Provider, Double]]:
    """The double with two objects, over https."""
    provider = Provider()
    provider.reset()
    provider.secrets = {NAME: VALUE, "airflow-variables-empty": ""}
    with serving(provider.answer, tls) as double:
        yield provider, double


def client(double: Double, authority: Path, app: str, name: str) -> subprocess.CompletedProcess[str]:
    """A run of the client."""
    command = [program("python"), "-I", "-c", CLIENT, double.url, str(authority), app, SAFE, name]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, text=True, env={"PATH": "/usr/bin"})


def test_the_client_reads(served: tuple[Provider, Double], tls: Certificate) -> None:
    done = client(served[1], tls.authority, APP, NAME)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert (found["Content"], found["Safe"], found["Name"]) == (VALUE, SAFE, NAME)


@pytest.mark.parametrize(("app", "name", "status"), [(APP, "gone", "404"), ("other", NAME, "403")])
def test_the_client_reports_a_refusal(
    served: tuple[Provider, Double], tls: Certificate, app: str, name: str, status: str
) -> None:
    refused = client(served[1], tls.authority, app, name)
    # The client tells refusals apart by their status, and shows no code.
    assert (refused.returncode, "ConnectionError: " in refused.stderr) == (1, True)
    assert status in refused.stderr or "not found" in refused.stderr


def test_our_class_reads_the_same(served: tuple[Provider, Double], tls: Certificate) -> None:
    reader = CentralCredentialProviderBackend(
        address=served[1].url, app_id=APP, safe=SAFE, ca_bundle=str(tls.authority)
    )
    assert [reader.get_variable(key) for key in ("a", "empty", "gone")] == [VALUE, "", None]
