"""ministack: Secrets Manager, Parameter Store, IAM and STS that really check signatures and policies."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers.process import LOOPBACK, answers, ask, free_port, program, running
from tests.servers.tls import Certificate

if TYPE_CHECKING:
    import pytest

REGION = "eu-central-1"
ACCOUNT = "000000000000"
#: The beginning of the resource names of each service in policies.
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/"


@dataclass(frozen=True)
class Credentials:
    """A key pair as AWS clients expect it."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, str]:
        """The kwargs of a backend."""
        options = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        if self.session_token:
            options["aws_session_token"] = self.session_token
        return options

    def environment(self) -> dict[str, str]:
        """The variables that every AWS client reads."""
        variables = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        if self.session_token:
            variables["AWS_SESSION_TOKEN"] = self.session_token
        return variables


#: Prefixes of the variables that configure the clients of clouds.
CLOUDS = ("AWS_", "AZURE_", "IDENTITY_", "IMDS_", "MSI_")
#: Other variables that configure clients.
STEERING = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
)

#: The account's root, with all permissions. Its signature is not checked: do not give it to code under test.
ROOT = Credentials("test", "test")


def allow(action: str | Sequence[str], *names: str) -> dict[str, Any]:
    """A policy statement that allows an action on secrets; a name may end with ``*``."""
    return _statement("Allow", action, names, SECRET)


def deny(action: str | Sequence[str], *names: str) -> dict[str, Any]:
    """A policy statement that denies an action on secrets."""
    return _statement("Deny", action, names, SECRET)


def allow_parameters(action: str | Sequence[str], *names: str) -> dict[str, Any]:
    """A policy statement that allows an action on parameters, named without the leading slash."""
    return _statement("Allow", action, names, PARAMETER)


def deny_parameters(action: str | Sequence[str], *names: str) -> dict[str, Any]:
    """A policy statement that denies an action on parameters."""
    return _statement("Deny", action, names, PARAMETER)


def _statement(effect: str, action: str | Sequence[str], names: Sequence[str], resource: str) -> dict[str, Any]:
    resources = [f"{resource}{name}" for name in names]
    return {"Effect": effect, "Action": action, "Resource": resources}


@dataclass(frozen=True)
class MiniStack:
    """A running server, and what a test can do to it as the account's root."""

    url: str
    authority: Path | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def client(self, service: str, credentials: Credentials = ROOT, region: str = REGION) -> Any:
        """A boto3 client; its methods come from data at run time, hence ``Any``."""
        # Imported here because the descriptions of the stores are also read where boto3 is not installed.
        import boto3

        session = boto3.session.Session(
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.session_token,
            region_name=region,
        )
        verify = str(self.authority) if self.authority else None
        return session.client(service, endpoint_url=self.url, verify=verify)

    def reset(self) -> None:
        """Deletes every secret, user and role."""
        ask(f"{self.url}/_ministack/reset", "POST", authority=self.authority)

    def put_secrets(self, secrets: Mapping[str, str | bytes], region: str = REGION) -> None:
        """Creates secrets; bytes become a ``SecretBinary``."""
        client = self.client("secretsmanager", region=region)
        for name, value in secrets.items():
            kind = "SecretString" if isinstance(value, str) else "SecretBinary"
            client.create_secret(Name=name, **{kind: value})

    def put_parameters(self, parameters: Mapping[str, str], kind: str = "SecureString", region: str = REGION) -> None:
        """Creates parameters, or gives them a new version."""
        client = self.client("ssm", region=region)
        for name, value in parameters.items():
            client.put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)

    def user(self, *statements: Mapping[str, Any]) -> Credentials:
        """A new IAM user with one inline policy, and its key."""
        name = f"user-{next(self._numbers)}"
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="tests", PolicyDocument=_policy(statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def role(self, *statements: Mapping[str, Any], external_id: str | None = None) -> str:
        """A new role that the account's users may assume; returns its ARN."""
        name = f"role-{next(self._numbers)}"
        trust: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        if external_id:
            trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        iam = self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="tests", PolicyDocument=_policy(statements))
        return str(role["Arn"])

    def assume(self, role_arn: str, caller: Credentials, **arguments: str) -> Credentials:
        """The credentials that STS issues to ``caller`` for a role."""
        sts = self.client("sts", caller)
        given = sts.assume_role(RoleArn=role_arn, RoleSessionName="tests", **arguments)["Credentials"]
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def _policy(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@contextlib.contextmanager
def ministack(folder: Path, *, auth: bool = True, tls: Certificate | None = None) -> Iterator[MiniStack]:
    """Runs the server with its files in ``folder``; without ``auth`` it accepts every request."""
    port = free_port()
    url = f"{'https' if tls else 'http'}://{LOOPBACK}:{port}"
    environment = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,  # its default is every interface
        "AUTH": "true" if auth else "false",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(folder),
        "HOME": str(folder),
    }
    if tls:
        environment |= {"USE_SSL": "1"}
        environment |= {"MINISTACK_SSL_CERT": str(tls.certificate), "MINISTACK_SSL_KEY": str(tls.key)}
    authority = tls.authority if tls else None

    def ready() -> bool:
        return answers(f"{url}/_ministack/health", authority)

    with running([program("ministack")], environment, folder / "ministack.log", ready):
        yield MiniStack(url, authority)


def clean_environment() -> dict[str, str]:
    """Our environment without anything that configures an AWS client, and without shared files."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CLOUDS)}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return kept | nowhere | {"AWS_EC2_METADATA_DISABLED": "true"}


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the caller's environment from configuring a client, in this process and in those that it starts."""
    clean = clean_environment()
    for name in set(os.environ) - set(clean):
        monkeypatch.delenv(name)
    for name in STEERING:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in clean.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
