"""Edge cases of the input: huge ids, deep values, small stacks, and secrets pasted where a path is expected."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strongroom import connection
from strongroom.aws import SecretsManagerBackend
from strongroom.azure import AzureKeyVaultBackend
from strongroom.exceptions import ConfigurationError, StrongroomError
from strongroom.google import CloudSecretManagerBackend
from strongroom.hashicorp import VaultBackend
from strongroom.local import LocalFilesystemBackend
from tests.python.backends import memory_backend, messages

CANARY = "canary-92ce1f"
HUGE = "--" + "x" * 2_000_000
DEPTH = 900
SMALL_STACK = 256 * 1024
#: A host other than the loopback of this machine, at a port where nothing listens.
UNUSED = "0.0.0.0:9"


@pytest.fixture
def teams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "true")


# -- ids ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("teams")
def test_one_team_does_not_read_the_secrets_of_another_whose_name_is_longer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    backend = memory_backend({"airflow/variables/ops---db": CANARY, "airflow/connections/ops---db": CANARY})
    assert backend.get_variable("db", "ops-") == CANARY
    assert backend.get_variable("-db", "ops") is None
    assert backend.get_conn_value("-db", "ops") is None
    assert [message.split(" id ")[0] for message in messages(caplog)] == ["Variable", "Connection"]
    assert all('"-db" begins with "-"' in message for message in messages(caplog))


def test_without_teams_such_ids_are_ordinary() -> None:
    assert memory_backend({"airflow/variables/-db": "v"}).get_variable("-db") == "v"


@pytest.mark.usefixtures("teams")
def test_huge_ids_are_cut_and_not_remembered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    backend = memory_backend({})
    assert backend.get_variable(HUGE) is None
    before = resident()
    for number in range(60):
        assert backend.get_variable(f"{HUGE}{number}") is None
    assert resident() - before < 60_000_000
    # All ids that could be another team's are reported by one warning a minute.
    assert len(messages(caplog)) == 1
    caplog.clear()
    assert backend.get_variable(HUGE) is None
    assert messages(caplog) == []
    assert all(len(record.getMessage()) < 2000 for record in caplog.records)


def resident() -> int:
    """The memory that this process holds, in bytes."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.usefixtures("teams")
def test_no_character_of_an_id_begins_a_new_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    memory_backend({}).get_variable("a--b\u2028c\u2029d\u0085e\x0bf\x0cg\x1ch\r\ni")
    assert [len(message.splitlines()) for message in messages(caplog)] == [1]


@pytest.mark.parametrize("pattern", [r"(a|a)*\1b", r"(\w*\w*\w*\w*)\1$x", r"(?<!b)(?:a?){30}a{30}\bx"])
def test_no_pattern_hangs(pattern: str) -> None:
    backend = memory_backend({}, variables_lookup_pattern=pattern, timeout=5)
    outcome: list[object] = []

    def look_up() -> None:
        for length in (40, 1000, 2_000_000):
            try:
                outcome.append(backend.get_variable("a" * length))
            except StrongroomError as error:
                outcome.append(error.kind)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert outcome[-1] == "invalid_name"


# -- values ---------------------------------------------------------------------------------------------------------


def deep(depth: int = DEPTH) -> str:
    return '{"a": [' * (depth // 2) + "1" + "]}" * (depth // 2)


DEEP = """
import sys, threading
from strongroom import connection
from strongroom.local import LocalFilesystemBackend
folder, deep = sys.argv[1], sys.argv[2]
backend = LocalFilesystemBackend(
    variables_file_path=folder + "/v.json",
    connections_file_path=folder + "/c.json",
    configs_file_path=folder + "/k.json",
)
done = []
def depth_of(value):
    depth = 0
    while not isinstance(value, int):
        value = value["a"] if isinstance(value, dict) else value[0]
        depth += 1
    return depth
def work():
    done.append(depth_of(backend.get_variable("deep")))
    done.append(depth_of(backend.get_config("deep")))
    done.append(len(backend.get_conn_value("deep")) > 900)
    done.append(depth_of(connection.parse('{"conn_type": "http", "extra": ' + deep + "}")["extra_dejson"]))
    done.append("{" in connection.build_uri({"conn_type": "http", "extra": deep}))
threading.stack_size(int(sys.argv[3]))
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(done)
"""


def test_deep_values_need_no_deep_stack(tmp_path: Path) -> None:
    for name in ("v", "k"):
        (tmp_path / f"{name}.json").write_text(f'{{"deep": {deep()}}}')
    (tmp_path / "c.json").write_text(f'{{"deep": {{"conn_type": "http", "extra": {deep()}}}}}')
    command = [sys.executable, "-c", DEEP, str(tmp_path), deep(), str(SMALL_STACK)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.lower())[:4] == [DEPTH, DEPTH, True, DEPTH]


def test_what_is_too_deep_is_an_error() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        connection.parse('{"conn_type": "http", "extra": ' + deep(5000) + "}")


# -- forks ----------------------------------------------------------------------------------------------------------

FORKS = """
import json, logging, os, sys
logging.basicConfig(stream=sys.stdout, format="%(process)d %(message)s")
from strongroom.hashicorp import VaultBackend
options = json.loads(sys.argv[1])
def look_up():
    for _ in range(2):
        try:
            VaultBackend(token="t", max_attempts=1, **options).get_variable("a")
        except Exception:
            pass
look_up()
for _ in range(2):
    sys.stdout.flush()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os._exit(0)
    look_up()
"""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": f"https://{UNUSED}", "verify": False}, "TLS certificates are not verified"),
        ({"url": f"http://{UNUSED}"}, "over plain http"),
    ],
)
def test_an_unsafe_setting_is_reported_once_in_each_process(options: dict[str, Any], words: str) -> None:
    command = [sys.executable, "-c", FORKS, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    pids = [line.split(" ")[0] for line in done.stdout.splitlines() if words in line]
    assert (len(pids), len(set(pids))) == (3, 3), done.stdout


# -- secrets where another option is expected ------------------------------------------------------------------------

USER = f"user:{CANARY}@"
VAULT = {"url": f"http://{UNUSED}", "max_attempts": 1}
AZURE = {"vault_url": f"https://{UNUSED}", "tenant_id": "t", "client_id": "c", "client_secret": "s"}
GOOGLE = {"project_id": "p", "max_attempts": 1}
KEYS = {"region_name": "eu-west-1", "aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "s"}
ADDRESSES: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, str]]] = {
    "aws endpoint_url": (SecretsManagerBackend, {**KEYS, "endpoint_url": f"http://{USER}h"}, {}),
    "AWS_ENDPOINT_URL": (SecretsManagerBackend, KEYS, {"AWS_ENDPOINT_URL": f"http://{USER}h"}),
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": (
        SecretsManagerBackend,
        {"region_name": "eu-west-1"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{USER}127.0.0.1/x"},
    ),
    "sts endpoint": (
        SecretsManagerBackend,
        {**KEYS, "role_arn": "arn:aws:iam::123456789012:role/r"},
        {"AWS_ENDPOINT_URL_STS": f"http://{USER}h"},
    ),
    "vault url": (VaultBackend, {"url": f"http://{USER}h", "token": "t"}, {}),
    "vault endpoint_url": (VaultBackend, {"endpoint_url": f"http://{USER}h", "token": "t"}, {}),
    "VAULT_ADDR": (VaultBackend, {"token": "t"}, {"VAULT_ADDR": f"http://{USER}h"}),
    "google endpoint_url": (CloudSecretManagerBackend, {**GOOGLE, "endpoint_url": f"http://{USER}h"}, {}),
    "google iam_endpoint_url": (CloudSecretManagerBackend, {**GOOGLE, "iam_endpoint_url": f"http://{USER}h"}, {}),
    "GCE_METADATA_HOST": (CloudSecretManagerBackend, GOOGLE, {"GCE_METADATA_HOST": f"{USER}h"}),
    "vault_url": (AzureKeyVaultBackend, {**AZURE, "vault_url": f"https://{USER}h"}, {}),
    "authority": (AzureKeyVaultBackend, {**AZURE, "authority": f"https://{USER}h"}, {}),
    "AZURE_AUTHORITY_HOST": (AzureKeyVaultBackend, AZURE, {"AZURE_AUTHORITY_HOST": f"{USER}h"}),
    "IDENTITY_ENDPOINT": (
        AzureKeyVaultBackend,
        {"vault_url": f"https://{UNUSED}"},
        {"IDENTITY_ENDPOINT": f"http://{USER}h", "IDENTITY_HEADER": "x", "AZURE_TOKEN_CREDENTIALS": "prod"},
    ),
}


@pytest.mark.parametrize("place", ADDRESSES)
def test_an_address_with_a_user_name_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    make, options, variables = ADDRESSES[place]
    monkeypatch.setenv("HOME", "/nonexistent")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        make(**options).get_variable("a")
    assert CANARY not in f"{caught.value!r} {caplog.text}"


#: Contents of files, given by mistake instead of the path.
CONTENTS = [
    f'{{"type": "service_account", "private_key": "{CANARY}"}}',
    f'{{"type": "service_account", "private_key": "{CANARY}',
    f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
    f"hvs.CAESI{CANARY}{CANARY}",
    f"eyJhbGciOi{CANARY}",
]
PATHS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "gcp_key_path": (CloudSecretManagerBackend, GOOGLE),
    "verify": (CloudSecretManagerBackend, {**GOOGLE, "gcp_keyfile_dict": {"type": "authorized_user"}}),
    "ca_bundle": (VaultBackend, {**VAULT, "url": f"https://{UNUSED}", "token": "t"}),
    "token_path": (VaultBackend, VAULT),
    "jwt_token_path": (VaultBackend, {**VAULT, "auth_type": "jwt", "jwt_role": "r"}),
    "cert": (VaultBackend, {**VAULT, "url": f"https://{UNUSED}", "token": "t"}),
    "kubernetes_jwt_path": (VaultBackend, {**VAULT, "auth_type": "kubernetes", "kubernetes_role": "r"}),
    "client_certificate_path": (
        AzureKeyVaultBackend,
        {key: AZURE[key] for key in ("vault_url", "tenant_id", "client_id")},
    ),
    "variables_file_path": (LocalFilesystemBackend, {}),
    "settings_file_path": (LocalFilesystemBackend, {}),
    "audit_path": (VaultBackend, {**VAULT, "token": "t", "audit_required": True}),
}


@pytest.mark.parametrize("option", PATHS)
@pytest.mark.parametrize("content", CONTENTS)
def test_a_secret_in_place_of_a_path_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, option: str, content: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HOME", "/nonexistent")
    make, options = PATHS[option]
    with pytest.raises(StrongroomError) as caught:
        make(**options, **{option: content}).get_variable("a")
    logged = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("strongroom"))
    assert CANARY not in f"{caught.value!r} {logged}"
