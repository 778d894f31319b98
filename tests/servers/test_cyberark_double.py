"""The community's client for Python accepts the double, in the run in which our class reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.cyberark import PrivilegedAccountsBackend
from tests.servers.cyberark import PASSWORD, SAFE, USER, WebAccess
from tests.servers.double import Double, serving
from tests.servers.process import program
from tests.servers.tls import Certificate

NAME = "airflow-variables-a"
VALUE = "é value"


@pytest.fixture
def served(tls: Certificate) -> Iterator[tuple[WebAccess, Double]]:
    """The double with two secrets, over https."""
    cyberark = WebAccess()
    cyberark.reset()
    cyberark.secrets = {NAME: VALUE, "airflow-variables-key": "a key", "airflow-variables-empty": ""}
    cyberark.flags = {"airflow-variables-key": {"secretType": "key"}}
    with serving(cyberark.answer, tls) as double:
        cyberark.url = double.url
        yield cyberark, double


CLIENT = """
import asyncio, json, sys
from aiobastion import EPV
host, authority, user, password, kind, safe = sys.argv[1:]
async def run():
    client = EPV(serialized={"api_host": host, "verify": authority, "authtype": kind})
    await client.login(user, password, kind)
    try:
        found = await client.account.search_account_by(safe=safe)
        words = await client.account.search_account_by("variables-a", safe=safe)
        secrets = [await client.account.get_secret(account) for account in found]
        return [account.name for account in found], [account.name for account in words], secrets
    finally:
        await client.logoff()
print(json.dumps(asyncio.run(run())))
"""


def client(double: Double, authority: Path, password: str, kind: str) -> subprocess.CompletedProcess[str]:
    """A run of the client."""
    host = double.url.removeprefix("https://")
    command = [program("python"), "-I", "-c", CLIENT, host, str(authority), USER, password, kind, SAFE]
    environment = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, timeout=60, check=False, text=True, env=environment)


@pytest.mark.parametrize("kind", ["Cyberark", "LDAP", "RADIUS", "Windows"])
def test_the_client_searches_and_retrieves(served: tuple[WebAccess, Double], tls: Certificate, kind: str) -> None:
    cyberark, double = served
    done = client(double, tls.authority, PASSWORD, kind)
    assert done.returncode == 0, done.stderr[-2000:]
    names = [NAME, "airflow-variables-empty", "airflow-variables-key"]
    assert json.loads(done.stdout) == [names, [NAME], [VALUE, "", "a key"]]
    assert cyberark.sessions == {}


def test_the_client_reports_a_wrong_password(served: tuple[WebAccess, Double], tls: Certificate) -> None:
    refused = client(served[1], tls.authority, "another", "Cyberark")
    assert (refused.returncode, "Invalid credentials" in refused.stderr) == (1, True)


def test_our_class_reads_the_same(served: tuple[WebAccess, Double], tls: Certificate) -> None:
    reader = PrivilegedAccountsBackend(
        address=served[1].url, username=USER, password=PASSWORD, safe=SAFE, ca_bundle=str(tls.authority)
    )
    assert [reader.get_variable(key) for key in ("a", "empty", "key", "gone")] == [VALUE, "", "a key", None]
