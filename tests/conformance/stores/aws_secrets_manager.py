"""AWS Secrets Manager: ministack, which checks signatures and policies, behind microburst and the gate."""

from __future__ import annotations

from pathlib import Path

from tests.conformance import aws
from tests.conformance.harness import Kind
from tests.conformance.stores.memory import physical_name


class SecretsManager(aws.Aws):
    """What does not depend on the server."""

    store = "aws_secrets_manager"
    impossible_names = frozenset({"colon"})
    page = "aws-secrets-manager.md"
    service = target = "secretsmanager"
    operation = "GetSecretValue"
    telling = ("ListSecrets", "DescribeSecret")
    server_error = "InternalServiceError"

    def __init__(self, folder: Path) -> None:
        """Begins empty."""
        super().__init__(folder)
        self.names: set[str] = set()

    def reset(self) -> None:
        """Forgets the names as well."""
        super().reset()
        self.names.clear()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Creates a secret, or gives it a new version."""
        name = physical_name(kind, secret_id, team)
        if name in self.names:
            self.root.put_secret_value(SecretId=name, SecretString=value)
        else:
            self.root.create_secret(Name=name, SecretString=value)
            self.names.add(name)


class OnMinistack(SecretsManager, aws.OnMinistack):
    """The server that tells one identity from another, with AWS's own errors before it."""

    capabilities = aws.OF_EVERY_SERVER | aws.OF_IDENTITIES


HARNESS = OnMinistack
