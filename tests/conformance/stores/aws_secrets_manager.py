"""AWS Secrets Manager: ministack, which checks signatures and policies, behind microburst and the gate."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.gate import GATE_FAULTS, Gate, gate
from tests.conformance.harness import Harness, Kind, Options, Planting
from tests.conformance.stores.memory import physical_name
from tests.servers.aws import REGION, ROOT, Credentials, ministack
from tests.servers.faults import Faults, microburst

USER = "reader"
NO_KEYS: Options = {"aws_access_key_id": None, "aws_secret_access_key": None}
READS = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}


def policy(**changes: str) -> str:
    """A policy on reading every secret."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{**READS, **changes}]})


class SecretsManager(Harness):
    """What does not depend on the server."""

    store = "aws_secrets_manager"
    capabilities = EVERY_STORE | GATE_FAULTS | {Capability.TEAMS, Capability.CHANGES, Capability.COUNTED}
    page = "aws-secrets-manager.md"

    def __init__(self, folder: Path) -> None:
        """Not before ``running`` is there anything to talk to."""
        super().__init__(folder)
        self.gate: Gate
        self.root: Any
        self.keys = Credentials("AKIAIOSFODNN7EXAMPLE", "made-up-secret-key-of-nobody")
        self.names: set[str] = set()

    def reset(self) -> None:
        """Forgets what this class knows of."""
        self.gate.reset()
        self.names.clear()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Creates a secret, or gives it a new version."""
        name = physical_name(kind, secret_id, team)
        if name in self.names:
            self.root.put_secret_value(SecretId=name, SecretString=value)
        else:
            self.root.create_secret(Name=name, SecretString=value)
            self.names.add(name)

    def options(self) -> Options:
        """A reader's key, and the gate as the endpoint."""
        keys = {"aws_access_key_id": self.keys.access_key, "aws_secret_access_key": self.keys.secret_key}
        return {"region_name": REGION, "endpoint_url": self.gate.url, **keys}

    def inject(self, fault: Capability) -> Options:
        """The gate's faults."""
        self.gate.inject(fault)
        return {}

    def heal(self) -> None:
        """Opens the gate."""
        self.gate.heal()

    def requests(self) -> int:
        """All that goes through the gate is a read."""
        return self.gate.requests


class OnMinistack(SecretsManager):
    """The server that tells one identity from another, with AWS's own errors before it."""

    server = "ministack"
    capabilities = SecretsManager.capabilities | {
        Capability.DENIED,
        Capability.UNAUTHENTICATED,
        Capability.THROTTLED,
        Capability.SERVER_ERROR,
    }

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Gate, microburst, ministack."""
        with (
            ministack(self.folder) as self.aws,
            microburst(self.folder, self.aws.url) as self.faults,
            gate(self.faults.url) as self.gate,
        ):
            self.root, self.iam = unchecked_client(self.aws.url), self.aws.client("iam")
            warm_up(self.faults)
            yield

    def reset(self) -> None:
        """An empty server with one user, who may read everything."""
        super().reset()
        self.faults.clear()
        self.aws.reset()
        self.iam.create_user(UserName=USER)
        self.iam.put_user_policy(UserName=USER, PolicyName="reads", PolicyDocument=policy())
        key = self.iam.create_access_key(UserName=USER)["AccessKey"]
        self.keys = Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def inject(self, fault: Capability) -> Options:
        """What AWS would do to this user."""
        if fault is Capability.DENIED:
            self.iam.put_user_policy(UserName=USER, PolicyName="denies", PolicyDocument=policy(Effect="Deny"))
        elif fault is Capability.UNAUTHENTICATED:
            self._set_key("Inactive")
        elif fault is Capability.THROTTLED:
            self.faults.error("ThrottlingException", 400)
        elif fault is Capability.SERVER_ERROR:
            self.faults.error("InternalServiceError", 500)
        else:
            return super().inject(fault)
        return {}

    def heal(self) -> None:
        """Everything as it was, but for the counts of the gate."""
        super().heal()
        self.faults.clear()
        self._set_key("Active")
        with contextlib.suppress(self.iam.exceptions.NoSuchEntityException):
            self.iam.delete_user_policy(UserName=USER, PolicyName="denies")

    def _set_key(self, status: str) -> None:
        self.iam.update_access_key(UserName=USER, AccessKeyId=self.keys.access_key, Status=status)

    def plantings(self, canary: str) -> list[Planting]:
        """Every place from which credentials are read, and addresses with a password in them."""
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
        with_password = self.gate.url.replace("//", f"//user:{canary}@")
        yield Planting("endpoint", {"endpoint_url": with_password})
        yield Planting("endpoint that is none", {"endpoint_url": f"http://user:{canary}@[::1/"})
        yield Planting("proxy", {"config_kwargs": {"proxies": {"http": with_password, "https": with_password}}})
        yield Planting("proxy that is none", {"config_kwargs": {"proxies": {"http": f"http://u:{canary}@:x:/"}}})
        yield Planting("proxy of the environment", {}, {"HTTP_PROXY": with_password, "http_proxy": with_password})


def unchecked_client(url: str) -> Any:
    """A client of the account's root that leaves judging to the server: botocore would refuse an empty value."""
    keys = {"aws_access_key_id": ROOT.access_key, "aws_secret_access_key": ROOT.secret_key}
    config = Config(parameter_validation=False)
    return boto3.session.Session(region_name=REGION, **keys).client("secretsmanager", endpoint_url=url, config=config)


def warm_up(faults: Faults) -> None:
    """Has microburst load the service's model, which takes longer than an attempt may."""
    faults.error("ResourceNotFoundException")
    headers = {"X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "application/x-amz-json-1.1"}
    request = urllib.request.Request(faults.url, b'{"SecretId": "warm-up"}', headers)
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=60):
        pass
    faults.clear()


def profiles(folder: Path, canary: str) -> Mapping[str, str]:
    """Shared files: sound and broken ones, and programs that print a key, print nonsense, and fail."""
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
    """A program that also leaves its arguments and its environment beside itself."""
    seen = f"import os, pathlib; here = pathlib.Path({os.fspath(path)!r})\n"
    seen += "there = pathlib.Path(os.environ['HOME']) / here.with_suffix('.seen').name\n"
    seen += "seen = [pathlib.Path('/proc/self', name).read_bytes() for name in ('cmdline', 'environ')]\n"
    seen += "there.write_bytes(b''.join(seen))\n"
    path.write_text(seen + code)
    return f'"{sys.executable}" "{path}"'


HARNESS = OnMinistack
