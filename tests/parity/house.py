"""Both classes on one server: what each case says, and how each half of it is run."""

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
from tests.parity.outcomes import CONNECTION_CLASSES, Outcome, outcome
from tests.servers.aws import REGION, ROOT, Credentials, MiniStack, allow, allow_parameters
from tests.servers.counting import Counter, counting_proxy

REGIONS = ("us-east-1", "us-east-2", "us-west-1", "us-west-2")

Kwargs = Mapping[str, Any]
#: What is stored under a name: text or bytes; for Vault the fields of a secret, by its path.
Secrets = Mapping[str, Any]
#: Each store has cases of its own; all of them have ``secrets``.
AnyCase = TypeVar("AnyCase", bound=Any)


@dataclass(frozen=True)
class Twins:
    """The official class and ours, and how their store is filled."""

    official: Any
    ours: Any
    #: boto3's name of the service, and the action that reads a value.
    service: str
    action: str
    #: A policy statement on what begins with a name.
    allow: Callable[..., dict[str, Any]]
    put: Callable[[Any, str, str | bytes], object]
    drop: Callable[[Any, str], object]
    #: What stands before the names of the secrets that are always there.
    root: str = ""


def put_secret(client: Any, name: str, value: str | bytes) -> None:
    """Creates a secret."""
    kind = "SecretString" if isinstance(value, str) else "SecretBinary"
    client.create_secret(Name=name, **{kind: value})


def put_parameter(client: Any, name: str, value: str | bytes) -> None:
    """Creates a parameter, or gives it a new version; what begins so is a list of texts."""
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
class Case:
    """One lookup.

    Texts in ``kwargs``, ``environment`` and ``files`` may hold words such as ``<url>``: see ``House.words``.
    """

    id: str
    kwargs: Kwargs = field(default_factory=dict)
    #: ``conn``, ``var`` and ``config`` for the getters, ``core`` and ``sdk`` for a connection of that class.
    lookup: str = "var"
    name: str = "hello"
    team: str | None = None
    secrets: Secrets = field(default_factory=dict)
    multi_team: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    #: Without the place and the credentials that every other case has.
    bare: bool = False
    #: Whether the official half must make a request; if not, it must make none.
    asks: bool = True
    #: How the official half must end, where the case would be worth nothing otherwise.
    ends: str | None = None


@dataclass
class House:
    """A server with users, and the proxy that both classes go through."""

    server: MiniStack
    counter: Counter
    reader: Credentials
    words: dict[str, str]
    twins: Twins = SECRETS_MANAGER
    #: Where the clients find the server.
    url: str = ""
    clients: dict[str, Any] = field(default_factory=dict)
    _store: Any = None

    def __post_init__(self) -> None:
        """The root's own client, past the proxy and past boto3's own idea of what may be stored."""
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
        """The secrets are there meanwhile."""
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
            ours = self._half(lambda: ask(self.twins.ours(**{"cache_ttl": 0, **kwargs}), case))
        return official, ours

    def usual(self) -> dict[str, Any]:
        """What nearly every case says."""
        return {"region_name": REGION, "endpoint_url": "<url>", **self.reader.options()}

    def asked(self) -> tuple[str, ...]:
        """The requests so far: names of secrets, and ``sts`` for what holds none."""
        return tuple(call.name if call.target else "sts" for call in list(self.counter.calls))

    def _half(self, look_up: Callable[[], object]) -> Outcome:
        self.counter.clear()
        return outcome(look_up, self.asked)

    def _official(self, kwargs: Kwargs, case: Case, shared: bool) -> object:
        """A boto3 client takes a tenth of a second to make and depends on these attributes and the environment only."""
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
    """The lookup of a case."""
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
    """These variables are set meanwhile."""
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
def open_house(server: MiniStack, twins: Twins = SECRETS_MANAGER) -> Iterator[House]:
    """Empties the server, fills it with users, a role and a few secrets, and puts a proxy in front."""
    server.reset()
    anything = {"Effect": "Allow", "Action": twins.action, "Resource": "*"}
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    reader, caller, nobody = server.user(anything), server.user(assume), server.user()
    role = server.role(twins.allow(twins.action, "airflow/*"), external_id="EXT-1")
    token = server.assume(role, caller, ExternalId="EXT-1")
    words = {"<role>": role, "<token>": token.session_token or ""}
    for who, credentials in (("", reader), ("caller-", caller), ("nobody-", nobody), ("token-", token)):
        words |= {f"<{who}key>": credentials.access_key, f"<{who}secret>": credentials.secret_key}
    twins.put(server.client(twins.service), f"{twins.root}airflow/variables/hello", "world")
    for region in {REGION, *REGIONS}:
        twins.put(server.client(twins.service, region=region), f"{twins.root}airflow/variables/where", region)
    with counting_proxy(server.url) as counter:
        yield House(server, counter, reader, words, twins)


def holding_in_turn(case: AnyCase, names: Sequence[str]) -> Iterator[AnyCase]:
    """The case with a secret under the last of the names, and with one under each."""
    for there in (names[-1:], names)[: len(names)]:
        yield replace(case, secrets={name: f"postgres://{number}" for number, name in enumerate(there)})
