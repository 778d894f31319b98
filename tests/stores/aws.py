"""What the stores of AWS share: users, faults, and every source of credentials."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.gate import GATE_FAULTS, Gated, gate
from tests.conformance.harness import Kind, Options, Planting
from tests.servers.aws import REGION, ROOT, Credentials, MiniStack, allow, allow_parameters, ministack
from tests.servers.faults import microburst
from tests.servers.process import LOOPBACK, REPOSITORY, answers, ask, free_port, running
from tests.stores.description import Reader, Store, below_prefix

USER = "reader"
NO_KEYS: Options = {"aws_access_key_id": None, "aws_secret_access_key": None}
#: The capabilities that any store of AWS can show, and those that only a server with identities can show.
NAMED = {Capability.LISTED, Capability.DESCRIBED}
OF_EVERY_SERVER = EVERY_STORE | GATE_FAULTS | NAMED | {Capability.TEAMS, Capability.CHANGES, Capability.COUNTED}
OF_IDENTITIES = frozenset(
    {Capability.DENIED, Capability.UNAUTHENTICATED, Capability.THROTTLED, Capability.SERVER_ERROR}
)


class Aws(Gated):
    """What does not depend on the server."""

    #: boto3's name of the service, the prefix of its requests, and the operation that reads a value.
    service: ClassVar[str]
    target: ClassVar[str]
    operation: ClassVar[str]
    #: The operations that return names and metadata.
    metadata_operations: ClassVar[tuple[str, ...]]
    #: The code with which the service reports a failure of its own.
    server_error: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        """There is no server to talk to before ``running``."""
        super().__init__(folder)
        self.root: Any
        self.keys = Credentials("AKIAIOSFODNN7EXAMPLE", "made-up-secret-key")

    def options(self) -> Options:
        """A reader's key, and the gate as the endpoint."""
        keys = {"aws_access_key_id": self.keys.access_key, "aws_secret_access_key": self.keys.secret_key}
        return {"region_name": REGION, "endpoint_url": self.gate.url, **keys}

    def unchecked_client(self, url: str) -> Any:
        """A client of the account's root that leaves validation to the server: botocore would refuse an empty value."""
        import boto3
        from botocore.config import Config

        keys = {"aws_access_key_id": ROOT.access_key, "aws_secret_access_key": ROOT.secret_key}
        config = Config(parameter_validation=False)
        return boto3.session.Session(region_name=REGION, **keys).client(self.service, endpoint_url=url, config=config)


class OnMinistack(Aws):
    """The server that distinguishes identities, behind a gate that returns AWS's own errors."""

    server = "ministack"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Gate, microburst, ministack."""
        with (
            ministack(self.folder) as self.aws,
            microburst(self.folder, self.aws.url) as self.faults,
            gate(self.faults.url) as self.gate,
        ):
            self.root, self.iam = self.unchecked_client(self.aws.url), self.aws.client("iam")
            self._warm_up()
            yield

    def reset(self) -> None:
        """An empty server with one user, who may read everything."""
        super().reset()
        self.faults.clear()
        self.aws.reset()
        self.iam.create_user(UserName=USER)
        self.iam.put_user_policy(UserName=USER, PolicyName="reads", PolicyDocument=self._policy())
        key = self.iam.create_access_key(UserName=USER)["AccessKey"]
        self.keys = Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def inject(self, fault: Capability) -> Options:
        """Makes the server do what AWS would do to this user."""
        if fault is Capability.DENIED:
            self.iam.put_user_policy(UserName=USER, PolicyName="denies", PolicyDocument=self._policy(Effect="Deny"))
        elif fault is Capability.UNAUTHENTICATED:
            self._set_key("Inactive")
        elif fault is Capability.THROTTLED:
            self._fail("ThrottlingException", 400)
        elif fault is Capability.SERVER_ERROR:
            self._fail(self.server_error, 500)
        else:
            return super().inject(fault)
        return {}

    def heal(self) -> None:
        """Everything as it was, except for the counts of the gate."""
        super().heal()
        self.faults.clear()
        self._set_key("Active")
        with contextlib.suppress(self.iam.exceptions.NoSuchEntityException):
            self.iam.delete_user_policy(UserName=USER, PolicyName="denies")

    def _policy(self, **changes: str) -> str:
        """A policy for reading values, names and metadata of everything."""
        actions = [f"{self.service}:{operation}" for operation in (self.operation, *self.metadata_operations)]
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*", **changes}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def _fail(self, code: str, status: int = 400) -> None:
        self.faults.error(code, status, service=self.service, operation=self.operation)

    def _warm_up(self) -> None:
        """Has microburst load the service's model, which takes longer than an attempt may."""
        self._fail("AccessDeniedException")
        target = {"X-Amz-Target": f"{self.target}.{self.operation}", "Content-Type": "application/x-amz-json-1.1"}
        request = urllib.request.Request(self.faults.url, b'{"SecretId": "warm-up", "Name": "/warm-up"}', target)
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=60):
            pass
        self.faults.clear()

    def _set_key(self, status: str) -> None:
        self.iam.update_access_key(UserName=USER, AccessKeyId=self.keys.access_key, Status=status)

    def plantings(self, canary: str) -> list[Planting]:
        """Every source of credentials, and addresses with a password in them."""
        return [*self._profiles(canary), *self._services(canary), *self._addresses(canary)]

    def _profiles(self, canary: str) -> Iterator[Planting]:
        for label, content in profiles(self.folder, canary).items():
            path = self.folder / f"{label}.ini"
            path.write_text(content)
            yield Planting(label, NO_KEYS, {"AWS_CONFIG_FILE": str(path)})
            yield Planting(f"{label} shared", NO_KEYS, {"AWS_SHARED_CREDENTIALS_FILE": str(path)})

    def _services(self, canary: str) -> Iterator[Planting]:
        keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": canary}
        yield Planting("environment", NO_KEYS, keys)
        yield Planting("session token", NO_KEYS, {**keys, "AWS_SESSION_TOKEN": canary})
        container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.gate.url}/container"}
        yield Planting("container", NO_KEYS, {**container, "AWS_CONTAINER_AUTHORIZATION_TOKEN": canary})
        token = self.folder / "token"
        token.write_text(canary)
        yield Planting("container file", NO_KEYS, {**container, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)})
        sts = {
            "service_config": {"sts": {"endpoint_url": self.gate.url}},
            "role_arn": "arn:aws:iam::000000000000:role/r",
        }
        web = {
            "assume_role_method": "assume_role_with_web_identity",
            "assume_role_with_web_identity_federation": "file",
        }
        token_file = {"assume_role_with_web_identity_token_file": str(token)}
        yield Planting("web identity", {**NO_KEYS, **sts, **web, **token_file})
        yield Planting("role", {**sts, "aws_secret_access_key": canary})

    def _addresses(self, canary: str) -> Iterator[Planting]:
        yield from self.addresses(canary)
        with_password = self.proxies(canary)["HTTP_PROXY"]
        yield Planting("proxy", {"config_kwargs": {"proxies": {"http": with_password, "https": with_password}}})
        yield Planting("invalid proxy", {"config_kwargs": {"proxies": {"http": f"http://u:{canary}@:x:/"}}})
        yield Planting("proxy of the environment", {}, self.proxies(canary))


class OnMoto(Aws):
    """A second opinion on values, names and broken answers.

    moto accepts every caller, and its own errors do not look like AWS's, so it declares no faults of its own.
    """

    server = "moto"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Gate, moto."""
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        command = [moto_server(), "-H", LOOPBACK, "-p", str(port)]
        environment = {"HOME": str(self.folder), "TMPDIR": str(self.folder)}

        def ready() -> bool:
            return answers(f"{self.url}/moto-api/")

        with running(command, environment, self.folder / "moto.log", ready), gate(self.url) as self.gate:
            self.root = self.unchecked_client(self.url)
            yield

    def reset(self) -> None:
        """An empty server."""
        super().reset()
        ask(f"{self.url}/moto-api/reset", "POST")


def moto_server() -> str:
    """moto's server, from its own environment, because it would change the versions of the other servers."""
    folder = Path(os.environ.get("STRONGROOM_MOTO", REPOSITORY / ".cache" / "venvs" / "moto"))
    path = folder / "bin" / "moto_server"
    if not path.exists():
        raise RuntimeError(f"{path} is missing: run `make servers`, or point STRONGROOM_MOTO at that environment")
    return str(path)


def profiles(folder: Path, canary: str) -> Mapping[str, str]:
    """Shared files: valid and broken ones, and programs that print a key, print nonsense, and fail."""
    keys = f"aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {canary}\naws_session_token = {canary}\n"
    answer = {"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": canary}
    process = {
        "process": json.dumps(answer),
        "process incomplete": json.dumps({"Version": 1, "SecretAccessKey": canary}),
        "process version": json.dumps({**answer, "Version": canary}),
        "process expiration": json.dumps({**answer, "Expiration": canary}),
        "process broken": json.dumps(answer)[:-1],
    }
    programs = {label: _program(folder / f"{label}.py", f"print({text!r})") for label, text in process.items()}
    failing = f"import sys; print({canary!r}); sys.exit({canary!r})"
    programs["process failing"] = _program(folder / "failing.py", failing)
    return {
        "keys": f"[default]\n{keys}",
        "half": f"[default]\naws_secret_access_key = {canary}\n",
        "line": f"[default]\n{keys}{canary}\n",
        "section": f"[default\n{keys}",
        "headless": keys,
        "nested": f"[default]\ns3 =\n  {canary}\n{keys}",
        **{label: f"[default]\ncredential_process = {command}\n" for label, command in programs.items()},
    }


def _program(path: Path, code: str) -> str:
    """A program that also leaves its arguments and its environment in files next to it."""
    seen = f"import os, pathlib; here = pathlib.Path({os.fspath(path)!r})\n"
    seen += "there = pathlib.Path(os.environ['HOME']) / here.with_suffix('.seen').name\n"
    seen += "seen = [pathlib.Path('/proc/self', name).read_bytes() for name in ('cmdline', 'environ')]\n"
    seen += "there.write_bytes(b''.join(seen))\n"
    path.write_text(seen + code)
    return f'"{sys.executable}" "{path}"'


#: What a reader of either store may do: read, list, describe. The server supports these for all resources only.
ON_EVERYTHING = (
    "secretsmanager:ListSecrets",
    "secretsmanager:BatchGetSecretValue",
    "ssm:DescribeParameters",
    "ssm:GetParameters",
)
READER = (
    allow(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], "airflow/*"),
    allow_parameters("ssm:GetParameter", "airflow/*"),
    {"Effect": "Allow", "Action": ON_EVERYTHING, "Resource": "*"},
)


class AwsStore(Store):
    """A store of AWS."""

    server = "aws_server"
    address = "endpoint_url"
    #: What a writer may do beside reading.
    manages: ClassVar[Sequence[Mapping[str, Any]]] = ()
    nowhere: ClassVar[Mapping[str, Any]] = {"region_name": "eu-west-1", "endpoint_url": "http://127.0.0.1:9"}

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """A path below the prefix of its kind."""
        return below_prefix("/", kind, secret_id, team)

    def writer(self, server: MiniStack, url: str) -> Reader:
        """A user of IAM with the policy for changes."""
        user = server.user(*READER, *self.manages)
        return Reader({"region_name": REGION, "endpoint_url": url, **user.options()}, secrets=[user.secret_key])

    def reader(self, server: MiniStack, url: str) -> Reader:
        """A user of IAM, and another without permissions."""
        user, stranger = server.user(*READER), server.user()
        options = {"region_name": REGION, "endpoint_url": url, **user.options()}
        return Reader(options, stranger.options, [user.secret_key, stranger.secret_key])
