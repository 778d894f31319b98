"""AWS SSM Parameter Store: ministack, which checks signatures and policies, behind microburst and the gate."""

from __future__ import annotations

from typing import Any

from tests.conformance.capability import Capability
from tests.conformance.harness import Kind, Options
from tests.failures.way import answered, aws_error, injected, over_http
from tests.servers.aws import REGION, MiniStack, allow_parameters
from tests.stores import aws
from tests.stores.description import Calls, Secrets


class SystemsManager(aws.Aws):
    """What does not depend on the server."""

    store = "aws_systems_manager"
    service = "ssm"
    target = "AmazonSSM"
    operation = "GetParameter"
    telling = ("DescribeParameters",)
    server_error = "InternalServerError"
    #: What follows a colon is a version or a label.
    impossible_names = frozenset({"colon"})

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Stores an encrypted parameter, or gives it a new version."""
        name = STORE.place(kind, secret_id, team)
        self.root.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


class OnMinistack(SystemsManager, aws.OnMinistack):
    """The server that tells one identity from another, with AWS's own errors before it."""

    capabilities = aws.OF_EVERY_SERVER | aws.OF_IDENTITIES


class OnMoto(SystemsManager, aws.OnMoto):
    """The other server."""

    #: It refuses an empty value, as AWS does.
    capabilities = aws.OF_EVERY_SERVER - {Capability.EMPTY}


class Apart(OnMinistack):
    """Each row for itself: after one `Retry-After`, all backends of the process with the same rate are silent."""

    def options(self) -> Options:
        """A rate that nobody else has, and that nobody reaches."""
        return {**super().options(), "rate_limit": f"{self.generation}/s"}


class SystemsManagerStore(aws.AwsStore):
    """Parameters below three paths."""

    name = "aws_systems_manager"
    word = policy = "ssm"
    feature = "aws-ssm"
    backend = "strongroom.aws.SystemsManagerParameterStoreBackend"
    official = "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend"
    page = "aws-ssm-parameter-store.md"
    harnesses = (OnMinistack, OnMoto)
    failing = Apart
    calls = Calls("GetParameter", "DescribeParameters", 50, described="DescribeParameters", batch=("GetParameters", 10))
    ways = (
        injected(
            "400 ThrottlingException",
            Capability.THROTTLED,
            waits=True,
            note="An account has 40 requests a second by default, for all its processes together. After the first such "
            "answer the process keeps to that rate by itself, unless `rate_limit` says another.",
        ),
        injected(
            "500 InternalServerError",
            Capability.SERVER_ERROR,
            note="It raises, as with the official class of this store; that of Secrets Manager answers None.",
        ),
        answered("503 ServiceUnavailable", aws_error(503, "ServiceUnavailable")),
        injected("403: AccessDeniedException", Capability.DENIED),
        injected("403: UnrecognizedClientException", Capability.UNAUTHENTICATED),
        answered("400 InvalidKeyId", aws_error(400, "InvalidKeyId")),
        answered(
            "400 ParameterVersionNotFound",
            aws_error(400, "ParameterVersionNotFound"),
            note="The parameter is there and the version or label in the id is not: an error, and no absence.",
        ),
        answered("404: ParameterNotFound", aws_error(400, "ParameterNotFound")),
        *over_http(),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """An absolute path."""
        return f"/{super().place(kind, secret_id, team)}"

    def fill(self, server: MiniStack, secrets: Secrets) -> None:
        """Parameters, or new versions of them."""
        server.put_parameters({self.place(*name): value for name, value in secrets.items()})

    def deployed(self, server: MiniStack) -> tuple[dict[str, Any], dict[str, str]]:
        """A user who may read values and nothing else, by the variables that every AWS client reads."""
        user = server.user(allow_parameters("ssm:GetParameter", "airflow/*"))
        return {"region_name": REGION, "endpoint_url": server.url}, user.environment()


STORE = SystemsManagerStore()
