"""Every store with a backend that reads it: filled, counted, and shut where a test wants that."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.command_line.shell import Run, Shell
from tests.servers import azure as azure_server
from tests.servers.aws import REGION, MiniStack, allow, allow_parameters
from tests.servers.azure import Azure
from tests.servers.counting import Call, Counter, counting_proxy
from tests.servers.google import READER as GOOGLE_READER
from tests.servers.google import GoogleServer
from tests.servers.vault import Vault

#: The stores by the words of the tests, in the order of the README.
STORES = ("aws", "ssm", "vault", "google", "azure", "local", "memory")
#: Those that are asked over a network.
SERVERS = STORES[:5]

#: Secrets by kind and id.
Secrets = Mapping[tuple[str, str], str]
FOLDERS = {"connection": "connections", "variable": "variables", "config": "config"}
FILES = {"connection": "connections", "variable": "variables", "config": "configs"}

#: What a reader of the AWS stores may do: read, list, describe. The server looks for these on everything at once.
ON_EVERYTHING = (
    "secretsmanager:ListSecrets",
    "secretsmanager:BatchGetSecretValue",
    "ssm:DescribeParameters",
    "ssm:GetParameters",
)
ANYWHERE = {"Effect": "Allow", "Action": ON_EVERYTHING, "Resource": "*"}
AWS_READER = (
    allow(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], "airflow/*"),
    allow_parameters("ssm:GetParameter", "airflow/*"),
    ANYWHERE,
)
VAULT_READER = {"secret/data/*": ["read"], "secret/metadata/*": ["read", "list"]}


@dataclass
class House:
    """A store, and the shell in which commands are run on it."""

    store: str
    shell: Shell
    put: Callable[[Secrets], None]
    options: dict[str, Any]
    #: Takes the reader's rights away; what it returns goes over the options.
    deny: Callable[[], Mapping[str, Any]] = dict
    #: The option that says where the store is; empty where it is no server.
    address: str = ""
    counter: Counter | None = None
    operation: Callable[[Call], str] = lambda call: call.operation
    more: dict[str, Any] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "", **options: Any) -> Run:
        """Runs a command on the backend, with more options."""
        self.shell.backend(self.store, **self.options, **{**self.more, **options})
        return self.shell.run(*arguments, stdin=stdin)

    def operations(self) -> list[str]:
        """What the store was asked since the last time, without what only served a login."""
        assert self.counter is not None
        with_login = [self.operation(call) for call in list(self.counter.calls)]
        self.counter.clear()
        return [operation for operation in with_login if operation]

    def shut(self) -> None:
        """From now on the reader may do nothing."""
        self.options |= self.deny()

    def move(self) -> None:
        """From now on nobody answers."""
        scheme = "https" if str(self.options[self.address]).startswith("https") else "http"
        self.options |= {self.address: f"{scheme}://127.0.0.1:9", "max_attempts": 1}


@contextlib.contextmanager
def house(store: str, shell: Shell, request: pytest.FixtureRequest) -> Iterator[House]:
    """An empty store, and a backend on it."""
    opened: dict[str, Callable[[Shell, pytest.FixtureRequest], contextlib.AbstractContextManager[House]]] = {
        "memory": _memory,
        "local": _local,
        "aws": lambda *given: _aws("aws", *given),
        "ssm": lambda *given: _aws("ssm", *given),
        "vault": _vault,
        "google": _google,
        "azure": _azure,
    }
    with opened[store](shell, request) as found:
        yield found


@contextlib.contextmanager
def _memory(shell: Shell, _request: pytest.FixtureRequest) -> Iterator[House]:
    held: dict[str, str] = {}

    def put(secrets: Secrets) -> None:
        held.update({f"airflow/{FOLDERS[kind]}/{name}": value for (kind, name), value in secrets.items()})

    yield House("memory", shell, put, {"secrets": held})


@contextlib.contextmanager
def _local(shell: Shell, _request: pytest.FixtureRequest) -> Iterator[House]:
    paths = {kind: shell.home / f"{name}.json" for kind, name in FILES.items()}
    held: dict[str, dict[str, str]] = {kind: {} for kind in FILES}

    def put(secrets: Secrets) -> None:
        for (kind, name), value in secrets.items():
            held[kind][name] = value
        for kind, path in paths.items():
            path.write_text(json.dumps(held[kind]))
            # Whatever the mask of this user is.
            path.chmod(0o600)

    def deny() -> Mapping[str, Any]:
        # The kernel lets nobody read this one, while permissions do not stop root.
        unreadable = "/proc/sys/vm/compact_memory"
        for path in paths.values():
            path.unlink()
            path.symlink_to(unreadable)
        return {}

    put({})
    options = {f"{name}_file_path": str(paths[kind]) for kind, name in FILES.items()}
    yield House("local", shell, put, options, deny)


@contextlib.contextmanager
def _aws(store: str, shell: Shell, request: pytest.FixtureRequest) -> Iterator[House]:
    aws: MiniStack = request.getfixturevalue("aws")
    user, nobody = aws.user(*AWS_READER), aws.user()
    shell.secrets += [user.secret_key, nobody.secret_key]

    def put(secrets: Secrets) -> None:
        names = {f"airflow/{FOLDERS[kind]}/{name}": value for (kind, name), value in secrets.items()}
        if store == "aws":
            aws.put_secrets(names)
        else:
            aws.put_parameters({f"/{name}": value for name, value in names.items()})

    with counting_proxy(aws.url) as counter:
        options = {"region_name": REGION, "endpoint_url": counter.url, **user.options()}
        yield House(store, shell, put, options, nobody.options, "endpoint_url", counter)


@contextlib.contextmanager
def _vault(shell: Shell, request: pytest.FixtureRequest) -> Iterator[House]:
    vault: Vault = request.getfixturevalue("vault")
    token, nobody = vault.token(vault.policy(VAULT_READER)), vault.token(vault.policy({}))
    shell.secrets += [token, nobody]

    def put(secrets: Secrets) -> None:
        for (kind, name), value in secrets.items():
            key = "conn_uri" if kind == "connection" else "value"
            vault.put(f"{FOLDERS[kind]}/{name}", {key: value})

    def operation(call: Call) -> str:
        words = {"/v1/secret/data/": "read", "/v1/secret/metadata/": "metadata"}
        found = next((word for path, word in words.items() if call.path.startswith(path)), "")
        return "list" if found == "metadata" and call.method == "LIST" else found

    with counting_proxy(vault.plain_url) as counter:
        options = {"url": counter.url, "token": token, "config_path": "config"}
        yield House("vault", shell, put, options, lambda: {"token": nobody}, "url", counter, operation)


@contextlib.contextmanager
def _google(shell: Shell, request: pytest.FixtureRequest) -> Iterator[House]:
    google: GoogleServer = request.getfixturevalue("google_server")
    google.reset()
    shell.secrets.append(google.key["private_key"].splitlines()[2])

    def put(secrets: Secrets) -> None:
        for (kind, name), value in secrets.items():
            google.put(f"airflow-{FOLDERS[kind]}-{name}", value)

    def deny() -> Mapping[str, Any]:
        google.set(denied=[GOOGLE_READER])
        return {}

    def operation(call: Call) -> str:
        path, _, _ = call.path.partition("?")
        if path.endswith(":access"):
            return "access"
        if path.endswith("/secrets"):
            return "list"
        return "describe" if "/secrets/" in path else "other"

    with counting_proxy(google.url) as counter:
        options = {"gcp_keyfile_dict": google.key, "endpoint_url": counter.url}
        yield House("google", shell, put, options, deny, "endpoint_url", counter, operation)


@contextlib.contextmanager
def _azure(shell: Shell, request: pytest.FixtureRequest) -> Iterator[House]:
    azure: Azure = request.getfixturevalue("azure_server")
    azure.reset()
    shell.secrets.append(azure_server.SECRET)

    def put(secrets: Secrets) -> None:
        for (kind, name), value in secrets.items():
            azure.put(f"airflow-{FOLDERS[kind]}-{name}".replace("_", "-"), value)

    def deny() -> Mapping[str, Any]:
        azure.applications[azure_server.CLIENT].permissions = set()
        return {}

    def operation(call: Call) -> str:
        # Without a token the vault says where to get one.
        if call.status == 401:
            return ""
        path = call.path.partition("?")[0].rstrip("/")
        if path == "/secrets":
            return "list"
        if path.startswith("/deletedsecrets/"):
            return "deleted"
        return "versions" if path.endswith("/versions") else "read"

    with counting_proxy(azure.proxy, azure.tls) as counter:
        options = {
            "vault_url": counter.url,
            "authority": azure.url,
            "verify_challenge_resource": False,
            "ca_bundle": str(azure.tls.authority),
            "tenant_id": azure_server.TENANT,
            "client_id": azure_server.CLIENT,
            "client_secret": azure_server.SECRET,
        }
        yield House("azure", shell, put, options, deny, "vault_url", counter, operation)


def ids(secrets: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Kind and id of each in a list."""
    return [(each["kind"], each["id"]) for each in secrets]
