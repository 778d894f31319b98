"""Both classes on one server: the fields of a case, and how each half of it is run."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import boto3
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend
from botocore.config import Config

import strongroom.aws
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.outcomes import CONNECTION_CLASSES, Outcome, outcome
from tests.parity.question import Question
from tests.servers.aws import REGION, ROOT, Credentials, MiniStack, allow, allow_parameters
from tests.servers.counting import Counter, counting_proxy

REGIONS = ("us-east-1", "us-east-2", "us-west-1", "us-west-2")

Kwargs = Mapping[str, Any]
#: The stored value of a name: text or bytes; for Vault the fields of a secret, by its path.
Secrets = Mapping[str, Any]
#: Each store has its own cases; all of them have ``secrets``.
AnyCase = TypeVar("AnyCase", bound=Any)


@dataclass(frozen=True)
class Twins:
    """The official class and ours, and how their store is filled."""

    official: Any
    ours: Any
    #: boto3's name of the service, and the action that reads a value.
    service: str
    action: str
    #: A policy statement on all names with a prefix.
    allow: Callable[..., dict[str, Any]]
    put: Callable[[Any, str, str | bytes], object]
    drop: Callable[[Any, str], object]
    #: The prefix of the names of the secrets that always exist.
    root: str = ""


def put_secret(client: Any, name: str, value: str | bytes) -> None:
    """Creates a secret."""
    kind = "SecretString" if isinstance(value, str) else "SecretBinary"
    client.create_secret(Name=name, **{kind: value})


def put_parameter(client: Any, name: str, value: str | bytes) -> None:
    """Creates a parameter, or gives it a new version; a value that begins like a list is stored as one."""
    kind = "StringList" if str(value).startswith("list,") else "SecureString"
    client.put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)


SECRETS_MANAGER = Twins(
    SecretsManagerBackend,
    strongroom.aws.SecretsManagerBackend,
    "secretsmanager",
    "secretsmanager:GetSecretValue",
    allow,
    put_secret,
    lambda client, name: client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True),
)
PARAMETER_STORE = Twins(
    SystemsManagerParameterStoreBackend,
    strongroom.aws.SystemsManagerParameterStoreBackend,
    "ssm",
    "ssm:GetParameter",
    allow_parameters,
    put_parameter,
    lambda client, name: client.delete_parameter(Name=name),
    root="/",
)


@dataclass(frozen=True)
class Case(Question):
    """One lookup.

    Texts in ``kwargs``, ``environment`` and ``files`` may contain words such as ``<url>``: see ``Comparison.words``.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    #: Without the place and the credentials that every other case has.
    bare: bool = False
    #: Whether the official half must make a request; if not, it must make none.
    asks: bool = True
    #: The outcome of the official half, where the case would otherwise prove nothing.
    ends: str | None = None


@dataclass
class Comparison:
    """A server with users, and the proxy in front of it for both classes."""

    server: MiniStack
    counter: Counter
    reader: Credentials
    words: dict[str, str]
    twins: Twins = SECRETS_MANAGER
    #: The server's address for clients.
    url: str = ""
    clients: dict[str, Any] = field(default_factory=dict)
    #: Called before each lookup, for what a lookup uses up.
    begin: Callable[[], object] = tuple
    _store: Any = None

    def __post_init__(self) -> None:
        """The root's own client, without the proxy and without boto3's own validation."""
        self._store = boto3.client(
            self.twins.service,
            aws_access_key_id=ROOT.access_key,
            aws_secret_access_key=ROOT.secret_key,
            region_name=REGION,
            endpoint_url=self.server.url,
            config=Config(parameter_validation=False),
        )

    @contextlib.contextmanager
    def holding(self, secrets: Secrets) -> Iterator[None]:
        """Stores the secrets for the duration."""
        for name, value in secrets.items():
            self.twins.put(self._store, name, value)
        try:
            yield
        finally:
            for name in secrets:
                self.twins.drop(self._store, name)

    def run(self, case: Case, folder: Path) -> tuple[Outcome, Outcome]:
        """Both halves of a case: the official one, then ours."""
        words = {**self.words, "<folder>": str(folder), "<url>": self.url or self.counter.url}
        for name, content in case.files.items():
            (folder / name).write_text(fill(content, words))
        kwargs = fill({**({} if case.bare else self.usual()), **case.kwargs}, words)
        environment = {name: fill(value, words) for name, value in case.environment.items()}
        environment["AIRFLOW__CORE__MULTI_TEAM"] = str(case.multi_team)
        shared = not case.environment and not case.files
        with environment_of(environment), self.holding(case.secrets):
            official = self._half(lambda: self._official(kwargs, case, shared))
            own = {"cache_ttl": 0, **kwargs}
            ours = ours_in_both_forms(self.twins.ours, own, lambda backend: ask(backend, case), self._half)
        return official, ours

    def usual(self) -> dict[str, Any]:
        """The options of nearly every case."""
        return {"region_name": REGION, "endpoint_url": "<url>", **self.reader.options()}

    def asked(self) -> tuple[str, ...]:
        """The requests so far: names of secrets, and ``sts`` for a request without one."""
        return tuple(call.name if call.target else "sts" for call in list(self.counter.calls))

    def _half(self, look_up: Callable[[], object]) -> Outcome:
        self.counter.clear()
        self.begin()
        return outcome(look_up, self.asked)

    def _official(self, kwargs: Kwargs, case: Case, shared: bool) -> object:
        """Reuses a boto3 client, which takes 0.1 s to create and depends on these attributes and the environment."""
        backend = self.twins.official(**copy.deepcopy(dict(kwargs)))
        key = repr((backend.kwargs, backend.api_version, backend.use_ssl))
        if shared and key in self.clients:
            vars(backend)["client"] = self.clients[key]
        try:
            return ask(backend, case)
        finally:
            if shared and "client" in vars(backend):
                self.clients[key] = backend.client


def ask(backend: Any, case: Any) -> object:
    """Makes the lookup of a case."""
    if case.lookup == "config":
        return backend.get_config(case.name)
    if case.lookup == "var":
        return backend.get_variable(case.name, team_name=case.team)
    if case.lookup == "conn":
        return backend.get_conn_value(case.name, team_name=case.team)
    backend._set_connection_class(CONNECTION_CLASSES[case.lookup])
    return backend.get_connection(case.name, team_name=case.team)


def fill(value: Any, words: Mapping[str, str]) -> Any:
    """``value`` with the words in its texts replaced."""
    if isinstance(value, Mapping):
        return {name: fill(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, words) for inner in value]
    if isinstance(value, str):
        for word, meaning in words.items():
            value = value.replace(word, meaning)
    return value


@contextlib.contextmanager
def environment_of(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets these variables for the duration."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def open_comparison(server: MiniStack, twins: Twins = SECRETS_MANAGER) -> Iterator[Comparison]:
    """Empties the server, adds users, a role and a few secrets, and puts a proxy in front."""
    server.reset()
    anything = {"Effect": "Allow", "Action": twins.action, "Resource": "*"}
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    reader, caller, powerless = server.user(anything), server.user(assume), server.user()
    role = server.role(twins.allow(twins.action, "airflow/*"), external_id="EXT-1")
    token = server.assume(role, caller, ExternalId="EXT-1")
    words = {"<role>": role, "<token>": token.session_token or ""}
    for who, credentials in (("", reader), ("caller-", caller), ("powerless-", powerless), ("token-", token)):
        words |= {f"<{who}key>": credentials.access_key, f"<{who}secret>": credentials.secret_key}
    twins.put(server.client(twins.service), f"{twins.root}airflow/variables/hello", "world")
    for region in {REGION, *REGIONS}:
        twins.put(server.client(twins.service, region=region), f"{twins.root}airflow/variables/where", region)
    with counting_proxy(server.url) as counter:
        yield Comparison(server, counter, reader, words, twins)


def holding_in_turn(case: AnyCase, names: Sequence[str]) -> Iterator[AnyCase]:
    """The case with a secret under the last of the names, and with one under each."""
    for there in (names[-1:], names)[: len(names)]:
        yield replace(case, secrets={name: f"postgres://{number}" for number, name in enumerate(there)})
