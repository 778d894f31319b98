"""1Password's own client accepts the double, in the run in which our class reads it; its answers have their shapes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.onepassword import OnePasswordConnectBackend
from tests.servers.double import Request
from tests.servers.onepassword import ITEMS, NAME, VAULT, VAULTS, OnePassword, custom, login, made, made_id
from tests.servers.process import program
from tests.servers.shapes import fits

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


ID = re.compile(r"[\da-z]{26}")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
#: What an answer may have, in our own words.
VAULT_SHAPE = {"id": ID, "name?": str, "type?": {"USER_CREATED", "PERSONAL", "EVERYONE", "TRANSFER"}}
FIELD_SHAPE = {
    "id": str,
    "type": {"STRING", "EMAIL", "CONCEALED", "URL", "OTP", "TOTP", "DATE", "MONTH_YEAR", "MENU", "SSHKEY"},
    "purpose?": {"", "USERNAME", "PASSWORD", "NOTES"},
    "section?": {"id?": str, "label?": str},
    "label?": str,
    "value?": str,
}
SUMMARY_SHAPE = {
    "id": ID,
    "title": str,
    "vault": {"id": ID},
    "category": {"LOGIN", "PASSWORD", "API_CREDENTIAL", "SERVER", "DATABASE", "SECURE_NOTE", "SSH_KEY", "CUSTOM"},
    "tags?": [str],
    "version?": int,
    "state?": {"ARCHIVED", "DELETED"},
    "createdAt?": DATE,
    "updatedAt?": DATE,
}
ITEM_SHAPE = {**SUMMARY_SHAPE, "sections?": [{"id?": str, "label?": str}], "fields?": [FIELD_SHAPE]}
ERROR_SHAPE = {"status": int, "message": str}
HEALTH_SHAPE = {"name": str, "version": str, "dependencies?": [{"service?": str, "status?": str, "message?": str}]}


@pytest.fixture(scope="module")
def onepassword() -> Iterator[OnePassword]:
    """The double with a login, and two items of one title."""
    double = OnePassword()
    with double.running():
        fields = [*login(username="u", password=VALUE), custom("sslmode", "require", "extra")]
        double.items = [made(TITLE, fields), *(made("twins", [], number) for number in (1, 2))]
        double.foreign = {"a" * 26}
        yield double


@pytest.mark.parametrize(
    ("target", "status", "shape"),
    [
        (VAULTS, 200, [VAULT_SHAPE]),
        (f"{VAULTS}?filter=name+eq+%22Airflow%22", 200, [VAULT_SHAPE]),
        (f"{VAULTS}?filter=name", 400, ERROR_SHAPE),
        (f"{VAULTS}/{VAULT}", 200, VAULT_SHAPE),
        (ITEMS, 200, [SUMMARY_SHAPE]),
        (f"{ITEMS}?filter=title+eq+%22twins%22", 200, [SUMMARY_SHAPE]),
        (f"{ITEMS}/{made_id(f'{TITLE}/0')}", 200, ITEM_SHAPE),
        (f"{ITEMS}/{'c' * 26}", 404, ERROR_SHAPE),
        (f"{VAULTS}/{'a' * 26}/items", 403, ERROR_SHAPE),
        (f"{VAULTS}/{'b' * 26}/items", 404, ERROR_SHAPE),
        ("/health", 200, HEALTH_SHAPE),
    ],
)
def test_the_answers_have_the_shapes_of_the_contract(
    onepassword: OnePassword, target: str, status: int, shape: Any
) -> None:
    answer = onepassword.answer(Request("GET", target, {"authorization": f"Bearer {OnePassword.token}"}, b""))
    assert answer.status == status
    assert fits(json.loads(answer.content()), shape)
    assert not fits([*json.loads(answer.content()), 1], shape)


def test_a_token_that_is_not_known_is_refused_in_the_same_shape(onepassword: OnePassword) -> None:
    answer = onepassword.answer(Request("GET", VAULTS, {"authorization": "Bearer made-up"}, b""))
    assert (answer.status, fits(json.loads(answer.content()), ERROR_SHAPE)) == (401, True)


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
