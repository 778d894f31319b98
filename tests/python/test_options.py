"""Every option is declared once, in the native core; stubs and documentation follow."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import pytest

import strongroom
from strongroom import options

DOCS = Path(__file__).parents[2] / "docs"
STORES = {store["name"]: store for store in strongroom.stores()}
TYPES = {
    "memory": options.MemoryOptions,
    "local": options.LocalFilesystemOptions,
    "aws_secrets_manager": options.SecretsManagerOptions,
}
PAGES = {"memory": "memory.md", "local": "local-file.md", "aws_secrets_manager": "aws-secrets-manager.md"}


def test_every_store_is_known_here() -> None:
    assert set(STORES) == set(TYPES) == set(PAGES)


@pytest.mark.parametrize("store", STORES)
def test_the_types_name_exactly_the_options(store: str) -> None:
    assert set(get_type_hints(TYPES[store])) == {option["key"] for option in STORES[store]["options"]}


@pytest.mark.parametrize("store", STORES)
def test_the_documentation_names_every_option(store: str) -> None:
    text = (DOCS / PAGES[store]).read_text() + (DOCS / "configuration.md").read_text()
    missing = [option["key"] for option in STORES[store]["options"] if f"`{option['key']}`" not in text]
    assert missing == []


@pytest.mark.parametrize("store", STORES)
def test_every_option_says_what_it_does(store: str) -> None:
    for option in STORES[store]["options"]:
        assert option["doc"].endswith("."), option["key"]
        assert "`" not in option["key"]


def test_secrets_are_marked() -> None:
    keys = {"aws_secret_access_key", "aws_session_token", "session_kwargs"}
    marked = {option["key"] for option in STORES["aws_secrets_manager"]["options"] if option["secret"]}
    assert keys <= marked
