"""Any value in ``backend_kwargs`` works, or is refused by name and never shown."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strongroom
from strongroom.exceptions import ConfigurationError, InternalError, StrongroomError
from tests.conformance.harness import backend_class
from tests.stores import described

STORES: dict[str, Any] = {store["name"]: store for store in strongroom.stores()}
CANARY = secrets.token_hex(12)
TEXTS = st.text(max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
#: Values that people write, and similar ones.
TEXT = ["", " ", "null", "None", "true", "FALSE", "0", "-1", "1e3", "1.5", "60s", "PT5S", "500 ms", "nan", "inf"]
TEXT += ["{}", "[]", '{"a": 1}', "{'a': 1}", "official", "(", "a/b/", "http://[::1", "https://u:p@h:1/x", "/nowhere"]
OTHERS = [10**40, -(10**40), 5e-324, float("nan"), float("inf"), [], {}, [[]], {"a": {}}, {"enabled": "maybe"}]
WRITTEN = st.sampled_from([*TEXT, "9" * 30, "\0", *OTHERS])
VALUES = WRITTEN | JSON | JSON.map(json.dumps)
CASES = [pytest.param(store, id=store) for store in STORES]


def with_canary(value: Any) -> Any:
    """The value with the canary in every text in it, or next to it."""
    if isinstance(value, str):
        return value + CANARY
    if isinstance(value, dict):
        return {name: with_canary(inner) for name, inner in value.items()}
    return [with_canary(inner) for inner in value] if isinstance(value, list) else value


def outcome(store: str, options: dict[str, Any]) -> str:
    """The error of the constructor; empty if there is none."""
    try:
        shown = repr(backend_class(store)(**options))
    except (ConfigurationError, TypeError) as error:
        return f"{error} {error!r} {vars(error)} {error.__cause__!r} {error.__context__!r}"
    assert CANARY not in shown
    return ""


@pytest.mark.parametrize("store", CASES)
@given(data=st.data())
def test_any_value_of_one_option_works_or_is_refused_by_name(store: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([option["key"] for option in STORES[store]["options"]]))
    value = data.draw(VALUES)
    for written in (value, with_canary(value)):
        error = outcome(store, {**described()[store].needed, key: written})
        assert not error or f"`{key}`" in error
        assert CANARY not in error


@pytest.mark.parametrize("store", CASES)
@given(data=st.data())
def test_any_values_of_many_options_work_or_are_refused(store: str, data: st.DataObject) -> None:
    keys = [option["key"] for option in STORES[store]["options"]]
    written = data.draw(st.dictionaries(st.sampled_from(keys) | TEXTS, VALUES.map(with_canary), max_size=8))
    error = outcome(store, written)
    # An unknown key is shown with its control characters escaped.
    assert not error or "`" in error
    assert CANARY not in error


@pytest.mark.parametrize("store", ["memory", "local"])
@given(data=st.data())
def test_a_lookup_with_any_options_ends_in_an_answer_or_an_exception_of_ours(store: str, data: st.DataObject) -> None:
    """For stores without a network: whatever can be constructed can look up."""
    keys = [option["key"] for option in STORES[store]["options"] if option["key"] != "timeout"]
    written = data.draw(st.dictionaries(st.sampled_from(keys), VALUES.map(with_canary), max_size=4))
    try:
        backend = backend_class(store)(**written)
    except (ConfigurationError, TypeError):
        return
    for get in (backend.get_variable, backend.get_conn_value, backend.get_config):
        try:
            get(data.draw(TEXTS))
        except InternalError as error:
            raise AssertionError("a panic") from error
        except StrongroomError:
            pass


@given(depth=st.integers(1, 200))
def test_any_depth_is_accepted_or_refused(depth: int) -> None:
    value: Any = CANARY
    for _ in range(depth):
        value = [value]
    error = outcome("memory", {"secrets": {"a": value}})
    assert not error or "`secrets`" in error
    assert CANARY not in error
