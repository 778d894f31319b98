"""AWS Secrets Manager: ministack, which checks signatures and policies, behind microburst and the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conformance.capability import Capability
from tests.conformance.harness import Kind
from tests.failures.way import answered, aws_error, injected, over_http
from tests.servers.aws import REGION, MiniStack, allow
from tests.stores import aws
from tests.stores.description import Calls, Secrets, Writes


class SecretsManager(aws.Aws):
    """What does not depend on the server."""

    store = "aws_secrets_manager"
    impossible_names = frozenset({"colon"})
    service = target = "secretsmanager"
    operation = "GetSecretValue"
    metadata_operations = ("ListSecrets", "DescribeSecret")
    server_error = "InternalServiceError"

    def __init__(self, folder: Path) -> None:
        """Starts empty."""
        super().__init__(folder)
        self.names: set[str] = set()

    def reset(self) -> None:
        """Forgets the names too."""
        super().reset()
        self.names.clear()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Creates a secret, or gives it a new version."""
        name = STORE.place(kind, secret_id, team)
        if name in self.names:
            self.root.put_secret_value(SecretId=name, SecretString=value)
        else:
            self.root.create_secret(Name=name, SecretString=value)
            self.names.add(name)


class OnMinistack(SecretsManager, aws.OnMinistack):
    """The server that distinguishes identities, behind a gate that returns AWS's own errors."""

    capabilities = aws.OF_EVERY_SERVER | aws.OF_IDENTITIES


class OnMoto(SecretsManager, aws.OnMoto):
    """moto."""

    #: moto treats an empty value as absent.
    capabilities = aws.OF_EVERY_SERVER - {Capability.EMPTY}


class SecretsManagerStore(aws.AwsStore):
    """Secrets below three prefixes."""

    name = "aws_secrets_manager"
    word = policy = "aws"
    feature = "aws-secrets-manager"
    backend = "strongroom.aws.SecretsManagerBackend"
    official = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
    page = "aws-secrets-manager.md"
    airflow_tests = "test_aws.py"
    harnesses = (OnMinistack, OnMoto)
    writes = Writes(restores=True, versions=True, tags=True)
    manages = (
        allow(
            [
                f"secretsmanager:{action}"
                for action in (
                    "CreateSecret",
                    "TagResource",
                    "PutSecretValue",
                    "UpdateSecret",
                    "DeleteSecret",
                    "RestoreSecret",
                )
            ],
            "airflow/*",
        ),
    )
    calls = Calls("GetSecretValue", "ListSecrets", 100, described="DescribeSecret", batch=("BatchGetSecretValue", 20))
    ways = (
        injected(
            "400 ThrottlingException",
            Capability.THROTTLED,
            waits=True,
            note="AWS throttles with status 400, which looks like a broken request. It counts as throttled: the "
            "read is tried again after a random wait of up to 1 s, and an old value is served if that fails "
            "too.",
        ),
        injected(
            "500 InternalServiceError",
            Capability.SERVER_ERROR,
            note="With nothing read yet the answer is None, as with the official class, though AWS has failed: "
            "`on_error: raise` distinguishes the two. If there is an old value, it is served instead.",
        ),
        answered("503 ServiceUnavailable", aws_error(503, "ServiceUnavailable")),
        injected("403: AccessDeniedException", Capability.DENIED),
        injected("403: UnrecognizedClientException", Capability.UNAUTHENTICATED),
        answered("404: ResourceNotFoundException", aws_error(400, "ResourceNotFoundException")),
        *over_http(),
    )

    def fill(self, server: MiniStack, secrets: Secrets) -> None:
        """New secrets."""
        server.put_secrets({self.place(*name): value for name, value in secrets.items()})

    def deployed(self, server: MiniStack) -> tuple[dict[str, Any], dict[str, str]]:
        """A user who may read values and nothing else, from the variables that every AWS client reads."""
        user = server.user(allow("secretsmanager:GetSecretValue", "airflow/*"))
        return {"region_name": REGION, "endpoint_url": server.url}, user.environment()


STORE = SecretsManagerStore()
