"""1Password's own client accepts the double, in the run in which our class reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.onepassword import OnePasswordConnectBackend
from tests.servers.onepassword import NAME, VAULT, OnePassword, custom, login, made
from tests.servers.process import program

TITLE, VALUE = "airflow/variables/a", 'a é "quoted" \\'
SDK = """
import json, sys
from onepasswordconnectsdk.client import new_client
url, token, vault, name, title, gone = sys.argv[1:]
client = new_client(url, token)

def refused(ask):
    try:
        return ask().id
    except Exception as error:
        return f"{type(error).__name__}: {error}"

by_names, by_id = client.get_item(title, name), None
by_id = client.get_item(by_names.id, vault)
print(json.dumps({
    "vaults": [[each.id, each.name] for each in client.get_vaults()],
    "titles": [each.title for each in client.get_items(vault)],
    "fields": [{field.label: field.value for field in item.fields} for item in (by_names, by_id)],
    "sections": [section.label for section in by_id.sections],
    "version": by_id.version,
    "gone": refused(lambda: client.get_item(gone, vault)),
    "twins": refused(lambda: client.get_item("twins", vault)),
    "foreign": refused(lambda: client.get_item_by_id(by_id.id, "a" * 26)),
    "revoked": refused(lambda: new_client(url, "made-up").get_item(title, vault)),
}))
"""


@pytest.fixture(scope="module")
def onepassword() -> Iterator[OnePassword]:
    """The double with a login, and two items of one title."""
    double = OnePassword()
    with double.running():
        fields = [*login(username="u", password=VALUE), custom("sslmode", "require", "extra")]
        double.items = [made(TITLE, fields), *(made("twins", [], number) for number in (1, 2))]
        double.foreign = {"a" * 26}
        yield double


def test_the_sdk_reads_vaults_titles_and_items(onepassword: OnePassword) -> None:
    words = [onepassword.url, OnePassword.token, VAULT, NAME, TITLE, "gone"]
    command = [program("python"), "-I", "-c", SDK, *words]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    fields = {"username": "u", "password": VALUE, "notesPlain": None, "sslmode": "require"}
    assert (found["vaults"], found["titles"]) == ([[VAULT, NAME]], [TITLE, "twins", "twins"])
    assert (found["fields"], found["sections"], found["version"]) == ([fields, fields], ["extra"], 1)
    assert "Found 0 items" in found["gone"]
    assert "Found 2 items" in found["twins"]
    assert "Received 403" in found["foreign"]
    assert "Received 401" in found["revoked"]


def test_our_class_reads_the_same(onepassword: OnePassword) -> None:
    options: dict[str, Any] = {"token": OnePassword.token, "address": onepassword.url}
    assert OnePasswordConnectBackend(**options, vault=NAME).get_variable("a") == VALUE
    assert OnePasswordConnectBackend(**options, vault=VAULT).get_variable("gone") is None
