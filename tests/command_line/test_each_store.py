"""What `policy` and `doctor` say of each store, by its description alone."""

from __future__ import annotations

import pytest

from tests.command_line.shell import CONFIGURATION, Shell
from tests.stores import described


@pytest.mark.parametrize(
    ("store", "why", "what"),
    [
        ("doppler", "what a token may read is chosen where it is made", "Make a service token"),
        ("delinea", "permissions belong to its folders", "Give the user the permission View"),
        ("beyondtrust", "permissions belong to its safes", "Give the user's group read access"),
        ("cyberark", "permissions belong to the members of a safe", "List accounts and Retrieve accounts"),
        ("cyberark_ccp", "permissions belong to the members of a safe", "Make the application and the provider"),
        ("elasticsearch", "roles decide it, for whole indices", "Make a role with the privilege `read`"),
        ("mounted_files", "who may read the files is up to the mount", "`defaultMode` and `fsGroup`"),
        ("local", "no service decides who reads it", "chmod 600"),
        ("memory", "its secrets are in the configuration", "for tests alone"),
    ],
)
def test_a_store_without_a_document_says_who_decides(shell: Shell, store: str, why: str, what: str) -> None:
    refused = shell.run("policy", described()[store].word)
    assert (refused.code, refused.out) == (CONFIGURATION, "")
    assert f"has no policy: {why}. " in refused.err
    assert what in refused.err
    assert ("chmod" in refused.err) == (store == "local")


def test_every_store_has_a_document_or_a_reason_of_its_own() -> None:
    without = {name for name, store in described().items() if not store.policy}
    vendors = {"doppler", "delinea", "beyondtrust", "cyberark", "cyberark_ccp"}
    assert without == {*vendors, "elasticsearch", "mounted_files", "local", "memory"}


#: A vault of Azure has no plain http: `doctor` reports such an address as one that no vault answers.
OVER_HTTP = [name for name, store in described().items() if store.address and name != "azure_key_vault"]


@pytest.mark.parametrize("name", OVER_HTTP)
def test_plain_http_is_warned_of_where_it_leaves_this_machine(shell: Shell, name: str) -> None:
    store = described()[name]

    def found(address: str) -> set[str]:
        shell.backend(store.backend, **{**store.needed, **store.nowhere, store.address: address})
        run = shell.run("doctor", "--offline", "--json")
        return {each["check"] for each in run.json["findings"] if "plain http" in each["evidence"]}

    for near in ("http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"):
        assert not found(near), near
    assert found("http://store.example:9") == {"plain_http"}
