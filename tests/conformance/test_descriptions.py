"""Every store of the registry has a description for the tests, and is mentioned wherever a store has to be."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest

import strongroom
from tests.conformance.capability import Capability
from tests.conformance.harness import ODD_NAMES
from tests.servers.process import REPOSITORY
from tests.stores import described
from tests.stores.description import Store

REGISTRY = {store["name"]: store for store in strongroom.stores()}
HOW = "see CONTRIBUTING.md, How to add a store"
EACH = pytest.mark.parametrize("name", REGISTRY)


def description(name: str) -> Store:
    """The description of a store."""
    assert name in described(), f"the registry has the store {name}, and there is no tests/stores/{name}.py: {HOW}"
    return described()[name]


def features(line_of: str) -> set[str]:
    """The features that a line of ``Cargo.toml`` lists."""
    line = re.search(rf"^{line_of} = \[(.*)\]$", (REPOSITORY / "Cargo.toml").read_text(), re.MULTILINE)
    assert line, f"Cargo.toml has no feature {line_of}"
    return set(re.findall(r'"([^"]+)"', line[1]))


@EACH
def test_every_store_is_described(name: str) -> None:
    assert description(name).name == name, f"the STORE of tests/stores/{name}.py has another name"


def test_every_description_is_of_a_store() -> None:
    unknown = sorted(described().keys() - REGISTRY.keys())
    assert not unknown, f"tests/stores describes stores that the registry does not have: {unknown}"


@pytest.mark.parametrize("attribute", ["word", "feature", "backend", "page"])
def test_no_two_stores_share_an_attribute(attribute: str) -> None:
    values = [getattr(store, attribute) for store in described().values()]
    assert len(set(values)) == len(values), f"two descriptions have the same {attribute}: {values}"


@EACH
def test_its_class_is_the_one_in_the_registry(name: str) -> None:
    place = description(name).backend
    assert place == REGISTRY[name]["python_class"], f"{name}: the registry names another class"
    module, _, cls = place.rpartition(".")
    assert hasattr(importlib.import_module(module), cls), f"{name}: there is no {place}"


@EACH
def test_its_feature_is_one_of_the_stores(name: str) -> None:
    feature = description(name).feature
    features(feature)
    assert feature in features("stores"), f"{name}: `stores` in Cargo.toml lacks {feature}"


def test_all_stores_are_built_by_default_and_tested_by_the_documented_command() -> None:
    assert features("stores") == {store.feature for store in described().values()}
    assert "stores" in features("default")
    (features_of_the_command,) = re.findall(
        r'^cargo test .*--features "(.*)"$', (REPOSITORY / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    assert "stores" in features_of_the_command.split()


@EACH
def test_its_page_exists_and_the_readme_links_to_it(name: str) -> None:
    page = description(name).page
    assert (REPOSITORY / "docs" / page).exists(), f"{name}: docs/{page} is missing"
    assert f"docs/{page}" in (REPOSITORY / "README.md").read_text(), f"{name}: README.md does not name docs/{page}"


@EACH
def test_it_is_compared_with_its_official_class_if_it_has_one(name: str) -> None:
    folder = REPOSITORY / "tests" / "parity" / name
    if description(name).official:
        assert list(folder.glob("test_*.py")), f"{name}: tests/parity/{name} has no test against the official class"
    else:
        assert not folder.exists(), f"{name}: tests/stores/{name}.py names no official class to compare with"


@EACH
def test_its_commands_are_recorded(name: str) -> None:
    word = description(name).word
    recorded = list((REPOSITORY / "tests" / "command_line" / "transcripts" / word).glob("*.txt"))
    how = f"python -m pytest tests/command_line/test_transcripts.py -k {word} --write-transcripts"
    assert recorded, f"{name}: no command was ever recorded: {how}"


@EACH
def test_its_failures_have_rows(name: str) -> None:
    assert description(name).ways, f"{name}: tests/stores/{name}.py has no ways in which it fails"
    heading = f"\n## {REGISTRY[name]['title']}\n"
    how = f"python -m pytest tests/failures -k {name} --write-failures"
    assert heading in (REPOSITORY / "docs" / "failures.md").read_text(), f"{name}: docs/failures.md has no rows: {how}"


@EACH
def test_it_has_ready_made_settings_if_declared(name: str) -> None:
    file = f"dags/example_stores/{name}.env"
    assert (REPOSITORY / file).exists() == description(name).example, f"{name}: {file}"


@EACH
def test_its_harnesses_are_its_own(name: str) -> None:
    store = description(name)
    assert store.harnesses, f"{name}: no harness"
    kinds = [*store.harnesses, *filter(None, [store.failing])]
    assert {kind.store for kind in kinds} == {name}
    assert all(kind.impossible_names <= ODD_NAMES.keys() for kind in kinds)


@EACH
def test_a_store_on_the_network_has_an_address_a_server_and_calls(name: str) -> None:
    store = description(name)
    declared = {bool(store.address), bool(store.server), store.calls is not None, bool(store.nowhere)}
    assert len(declared) == 1, f"{name}: address, server, calls and nowhere belong together"
    options = {kind.address_option for kind in store.harnesses} if store.address else {""}
    assert options == {store.address}, f"{name}: the harness and the store find the server by different options"


@EACH
def test_a_store_lists_if_its_harnesses_say_so(name: str) -> None:
    store = description(name)
    if store.calls is not None:
        lists = {Capability.LISTED in kind.capabilities for kind in store.harnesses}
        assert lists == {bool(store.calls.listed)}, f"{name}: `calls.listed` and Capability.LISTED belong together"


def test_files_of_tests_are_named_by_topic() -> None:
    """A number in a name suggests an order, and no test may need one."""
    numbered = [str(path) for path in (REPOSITORY / "tests").rglob("test_*.py") if re.search(r"_\d+_", path.name)]
    assert not numbered, f"name these by what they are about: {numbered}"


def test_the_standard_library_is_enough_to_read_them() -> None:
    """``make`` reads them before any environment exists."""
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from tests.tools import stages; print(*stages.STORES)"
    ended = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, f"a module in tests/stores imports more at its top: {ended.stderr}"
    assert ended.stdout.split() == list(described())
