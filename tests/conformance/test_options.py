"""Every option is declared once, in the native core; stubs, documentation, warnings and errors follow."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import strongroom
from strongroom import options
from strongroom.exceptions import ConfigurationError
from tests.conformance.canaries import canary, core
from tests.conformance.harness import backend_class
from tests.stores import described

DOCS = Path(__file__).parents[2] / "docs"
STORES: dict[str, Any] = {store["name"]: store for store in strongroom.stores()}
OPTIONS = [(name, option) for name, store in STORES.items() for option in store["options"]]

EACH_STORE = pytest.mark.parametrize("store", STORES)
EACH_OPTION = pytest.mark.parametrize(
    ("store", "option"), OPTIONS, ids=lambda part: part if isinstance(part, str) else part["key"]
)


@pytest.fixture(autouse=True)
def _nothing_has_to_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options that a constructor requires: Vault's needs a token."""
    monkeypatch.setenv("VAULT_TOKEN", "made-up")


def types_of(store: str) -> Any:
    """The ``TypedDict`` in the signature of a store's class: ``**options: Unpack[...]``."""
    annotation = inspect.signature(backend_class(store)).parameters["options"].annotation
    found = re.fullmatch(r"Unpack\[(\w+)\]", annotation)
    assert found, annotation
    return getattr(options, found[1])


@EACH_STORE
def test_the_types_name_exactly_the_options(store: str) -> None:
    assert set(get_type_hints(types_of(store))) == {option["key"] for option in STORES[store]["options"]}


@EACH_STORE
def test_the_documentation_names_every_option(store: str) -> None:
    text = (DOCS / described()[store].page).read_text() + (DOCS / "configuration.md").read_text()
    missing = [option["key"] for option in STORES[store]["options"] if f"`{option['key']}`" not in text]
    assert missing == []


@EACH_OPTION
def test_every_option_says_what_it_does(store: str, option: dict[str, Any]) -> None:
    assert option["doc"].endswith("."), store
    assert re.fullmatch(r"[a-z0-9_]+", option["key"])


def test_secrets_are_marked() -> None:
    keys = {"aws_secret_access_key", "aws_session_token", "session_kwargs"}
    marked = {option["key"] for option in STORES["aws_secrets_manager"]["options"] if option["secret"]}
    assert keys <= marked


@EACH_OPTION
def test_options_with_secret_sounding_names_are_marked(store: str, option: dict[str, Any]) -> None:
    sounds = re.search(
        r"password|secret(?!_values|s_path|_name_prefix|_template_id)|token$|private|credential", option["key"]
    )
    assert not sounds or option["secret"], store


def misspelt(key: str, known: set[str]) -> str:
    """The key with two letters swapped, so that it is not another key."""
    swapped = (key[:at] + key[at + 1] + key[at] + key[at + 2 :] for at in range(1, len(key) - 1))
    return next((candidate for candidate in swapped if candidate not in known), key + "x")


@EACH_OPTION
def test_a_misspelt_key_is_named_with_the_nearest(
    store: str, option: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    secret, key = canary(), misspelt(option["key"], {option["key"] for _, option in OPTIONS})
    backend_class(store)(**{**described()[store].needed, key: secret})
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    (logged,) = [text for text in warnings if f"`{key}`" in text]
    assert f"Did you mean `{option['key']}`?" in logged
    assert core(secret) not in caplog.text


@EACH_OPTION
def test_strict_refuses_a_misspelt_key(store: str, option: dict[str, Any]) -> None:
    secret, key = canary(), misspelt(option["key"], {option["key"] for _, option in OPTIONS})
    with pytest.raises(ConfigurationError, match=rf"`{key}`.*Did you mean `{option['key']}`") as caught:
        backend_class(store)(**{key: secret, "strict": True})
    assert core(secret) not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@EACH_STORE
def test_a_key_unlike_any_other_has_no_suggestion(store: str, caplog: pytest.LogCaptureFixture) -> None:
    backend_class(store)(**{**described()[store].needed, f"zzzzzzzzzzzz_{store}": canary()})
    (logged,) = [text for text in caplog.messages if "zzzzzzzzzzzz" in text]
    assert "Did you mean" not in logged
