"""Every configuration on the pages is accepted as written, without a warning."""

from __future__ import annotations

import configparser
import importlib
import json
import logging
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from strongroom.local import LocalFilesystemBackend
from tests.docs.pages import PAGES, Block, blocks
from tests.python.backends import messages
from tests.python.chain import company
from tests.servers.aws import clear_environment
from tests.stores import described

BACKEND, KWARGS = "AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS"

#: Blocks of JSON that are not options, by a key that they have.
NO_OPTIONS = {
    "Statement": "a policy",
    "dbname": "a secret as RDS writes it",
    "conn_type": "a connection",
    "warehouse": "the content of a bundle",
    "outcome": "a line of the audit file",
}


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def taken(caplog: pytest.LogCaptureFixture, name: str, kwargs: dict[str, Any]) -> None:
    """Checks that the class accepts the kwargs without a message."""
    module, _, cls = name.rpartition(".")
    with caplog.at_level(logging.WARNING):
        getattr(importlib.import_module(module), cls)(**kwargs)
    assert messages(caplog) == []


def assignments(block: Block) -> dict[str, str]:
    """The variables that an env file, a Dockerfile or a shell sets."""
    found = {}
    for line in block.text.splitlines():
        match = re.match(r"(?:ENV |export )?(AIRFLOW__\w+)=(.*)", line)
        if match:
            quoted = block.language in ("bash", "dockerfile")
            found[match[1]] = shlex.split(match[2])[0] if quoted else match[2]
    return found


@pytest.mark.parametrize("block", blocks("ini"), ids=lambda block: block.name)
def test_airflow_cfg(block: Block, caplog: pytest.LogCaptureFixture) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(block.text)
    for section in parser.sections():
        kwargs = parser[section].get("backend_kwargs") or parser[section].get("secrets_backend_kwargs") or "{}"
        name = parser[section].get("backend") or parser[section].get("secrets_backend")
        if name:
            taken(caplog, name, json.loads(kwargs))


SET = [block for block in blocks("text", "bash", "dockerfile") if assignments(block)]


@pytest.mark.parametrize("block", SET, ids=lambda block: block.name)
def test_environments(block: Block, caplog: pytest.LogCaptureFixture) -> None:
    found = assignments(block)
    kwargs = json.loads(found.get(KWARGS, "{}"))
    assert isinstance(kwargs, dict)
    if BACKEND in found:
        taken(caplog, found[BACKEND], kwargs)
    elif kwargs:
        # The class is named further up in the same file.
        taken(caplog, "strongroom.local.LocalFilesystemBackend", kwargs)


def test_there_are_such_blocks() -> None:
    assert len(blocks("ini")) > 8
    assert len([block for block in SET if KWARGS in assignments(block)]) > 4


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.name)
def test_json(block: Block, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    # The class of a company, in a package that is not installed here.
    monkeypatch.setitem(sys.modules, "company.airflow.secrets", company)
    content = json.loads(block.text)
    if NO_OPTIONS.keys() & content.keys():
        return
    classes = {store.page: store.backend for store in described().values()}
    classes["several-stores.md"] = classes["references.md"] = "strongroom.chain.ChainBackend"
    store = classes.get(Path(block.page).name, described()["aws_secrets_manager"].backend)
    taken(caplog, store, content)


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.name)
def test_toml(block: Block, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "stores.toml"
    file.write_text(block.text)
    taken(caplog, "strongroom.chain.ChainBackend", {"stores_file": str(file)})


def test_blocks_that_are_not_options_are_still_on_a_page() -> None:
    keys = {key for block in blocks("json") for key in json.loads(block.text)}
    assert NO_OPTIONS.keys() <= keys


#: Manifests of Kubernetes and of the agent are the subjects of ``test_manifests`` and ``test_sidecar``.
OTHERS = ("docs/agent.md",)
YAML = [block for block in blocks("yaml") if block.page not in OTHERS and not block.text.startswith("apiVersion:")]


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.name)
def test_yaml(block: Block, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(block.text)
    if block.text.startswith("airflow:"):
        reader = LocalFilesystemBackend(settings_file_path=str(file))
        ids = re.findall(r"conn_id: (\w+)", block.text)
        assert [reader.get_variable(key) for key in re.findall(r"variable_name: (\w+)", block.text)] != [None]
    else:
        reader = LocalFilesystemBackend(connections_file_path=str(file))
        ids = re.findall(r"^(\w+):", block.text, re.MULTILINE)
    assert ids
    assert [name for name in ids if not reader.get_conn_value(name)] == []
    assert messages(caplog) == []


PYTHON = [block for block in blocks("python") if not block.text.startswith(">>>")]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_python(block: Block) -> None:
    # A line with an expression followed by its value is a claim to check.
    code = re.sub(r"^(\w+\[.*?\])\s+# (.+)$", r"assert \1 == \2", block.text, flags=re.MULTILINE)
    code = re.sub(r"^(\w+\(.*\))\n# (.+)$", r"assert \1 == \2", code, flags=re.MULTILINE)
    backend = LocalFilesystemBackend()
    exec(compile(code, block.name, "exec"), {"backend": backend})  # noqa: S102  # the pages are ours


def test_the_shape_of_the_statistics_is_that_of_the_page() -> None:
    import strongroom

    (block,) = [block for block in blocks("python") if block.text.startswith(">>>")]
    words = re.findall(r"'(\w+)':", block.text)
    shown = strongroom.stats()["aws_secrets_manager"]
    assert [*(key for key in shown if key != "members"), *shown["latency"]] == words


def test_options_in_sentences_are_json() -> None:
    broken = []
    # The page of the command line has shapes of output, which are not JSON.
    for page in [page for page in PAGES if page.stem != "command-line"]:
        for text in re.findall(r"`(\{\"[^`]*\})`", page.read_text()):
            try:
                json.loads(text)
            except ValueError:
                broken.append((page.name, text))
    # Three dots stand for omitted parts.
    assert [found for found in broken if "..." not in found[1]] == []


#: What each page says about values that are not text: an option, the value, and whether the constructor logs a WARNING.
SAID: dict[str, tuple[str, dict[str, Any], list[tuple[str, Any, bool]]]] = {
    "aws-ssm-parameter-store": (
        "strongroom.aws.SystemsManagerParameterStoreBackend",
        {},
        [
            ("verify", 0, False),
            ("verify", "", False),
            ("role_arn", 0, False),
            ("profile_name", [], False),
            ("region_name", ["x"], True),
        ],
    ),
    "hashicorp-vault": (
        "strongroom.hashicorp.VaultBackend",
        {"url": "https://v.example", "token": "t"},
        [
            ("verify", 0, False),
            ("verify", "", False),
            ("kv_engine_version", "auto", False),
            ("kv_engine_version", 1.0, False),
            ("mount_point", ["x"], True),
        ],
    ),
    "google-secret-manager": (
        "strongroom.google.CloudSecretManagerBackend",
        {"project_id": "p"},
        [
            ("gcp_key_path", 0, False),
            ("gcp_keyfile_dict", False, False),
            ("impersonation_chain", [], False),
            ("project_id", {"x": 1}, True),
        ],
    ),
    "azure-key-vault": (
        "strongroom.azure.AzureKeyVaultBackend",
        {"vault_url": "https://v.vault.azure.net"},
        [
            ("connection_verify", 0, False),
            ("connection_verify", "", False),
            ("tenant_id", 0, False),
            ("client_id", ["x"], True),
        ],
    ),
}


@pytest.mark.parametrize("page", SAID)
def test_the_pages_are_right_about_numbers_and_booleans(page: str, caplog: pytest.LogCaptureFixture) -> None:
    name, usual, values = SAID[page]
    module, _, cls = name.rpartition(".")
    section = (
        next(path for path in PAGES if path.stem == page)
        .read_text()
        .split("### Numbers and booleans in the options")[1]
    )
    for option, value, is_warned in values:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            getattr(importlib.import_module(module), cls)(**{**usual, option: value, "cache_max_entries": 1234})
        warned = [message for message in messages(caplog) if option in message]
        assert bool(warned) == is_warned, (option, value, messages(caplog))
    assert {option for option, *_ in values if option not in ("region_name", "client_id", "mount_point")} <= set(
        re.findall(r"\w+", section)
    )
