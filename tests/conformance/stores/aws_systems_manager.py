"""AWS SSM Parameter Store: ministack, which checks signatures and policies, behind microburst and the gate."""

from __future__ import annotations

from tests.conformance import aws
from tests.conformance.harness import Kind
from tests.conformance.stores.memory import physical_name


class SystemsManager(aws.Aws):
    """What does not depend on the server."""

    store = "aws_systems_manager"
    page = "aws-ssm-parameter-store.md"
    service = "ssm"
    target = "AmazonSSM"
    operation = "GetParameter"
    telling = ("DescribeParameters",)
    server_error = "InternalServerError"
    #: What follows a colon is a version or a label.
    impossible_names = frozenset({"colon"})

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Stores an encrypted parameter, or gives it a new version."""
        name = f"/{physical_name(kind, secret_id, team)}"
        self.root.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


class OnMinistack(SystemsManager, aws.OnMinistack):
    """The server that tells one identity from another, with AWS's own errors before it."""

    capabilities = aws.OF_EVERY_SERVER | aws.OF_IDENTITIES


HARNESS = OnMinistack
