"""AWS SSM Parameter Store: ministack, which checks signatures and policies, behind microburst and the gate."""

from __future__ import annotations

from typing import Any

from tests.conformance.capability import Capability
from tests.conformance.harness import Kind, Options
from tests.failures.way import answered, aws_error, injected, over_http
from tests.servers.aws import REGION, MiniStack, allow_parameters
from tests.stores import aws
from tests.stores.description import Calls, Secrets, Writes


class SystemsManager(aws.Aws):
    """What does not depend on the server."""

    store = "aws_systems_manager"
    service = "ssm"
    target = "AmazonSSM"
    operation = "GetParameter"
    metadata_operations = ("DescribeParameters",)
    server_error = "InternalServerError"
    #: After a colon comes a version or a label.
    impossible_names = frozenset({"colon"})

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Stores an encrypted parameter, or gives it a new version."""
        name = STORE.place(kind, secret_id, team)
        self.root.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


class OnMinistack(SystemsManager, aws.OnMinistack):
    """The server that distinguishes identities, behind a gate that returns AWS's own errors."""

    capabilities = aws.OF_EVERY_SERVER | aws.OF_IDENTITIES


class OnMoto(SystemsManager, aws.OnMoto):
    """moto."""

    #: moto refuses an empty value, as AWS does.
    capabilities = aws.OF_EVERY_SERVER - {Capability.EMPTY}


class WithOwnRate(OnMinistack):
    """A rate for each row: after one `Retry-After`, all backends of the process with the same rate pause."""

    def options(self) -> Options:
        """A rate that no other backend uses, and that is never reached."""
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
    failing = WithOwnRate
    writes = Writes(versions=True, tags=True)
    manages = (
        allow_parameters(
            [
                f"ssm:{action}"
                for action in ("PutParameter", "AddTagsToResource", "DeleteParameter", "ListTagsForResource")
            ],
            "airflow/*",
        ),
    )
    calls = Calls("GetParameter", "DescribeParameters", 50, described="DescribeParameters", batch=("GetParameters", 10))
    ways = (
        injected(
            "400 ThrottlingException",
            Capability.THROTTLED,
            waits=True,
            note="An account has 40 requests a second by default, for all of its processes together. After the first "
            "such answer the process limits itself to that rate, unless `rate_limit` sets another.",
        ),
        injected(
            "500 InternalServerError",
            Capability.SERVER_ERROR,
            note="This is an error, as with the official class of this store; that of Secrets Manager answers None.",
        ),
        answered("503 ServiceUnavailable", aws_error(503, "ServiceUnavailable")),
        injected("403: AccessDeniedException", Capability.DENIED),
        injected("403: UnrecognizedClientException", Capability.UNAUTHENTICATED),
        answered("400 InvalidKeyId", aws_error(400, "InvalidKeyId")),
        answered(
            "400 ParameterVersionNotFound",
            aws_error(400, "ParameterVersionNotFound"),
            note="The parameter exists, but the version or label in the id does not: an error, not an absent secret.",
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
        """A user who may read values and nothing else, from the variables that every AWS client reads."""
        user = server.user(allow_parameters("ssm:GetParameter", "airflow/*"))
        return {"region_name": REGION, "endpoint_url": server.url}, user.environment()


STORE = SystemsManagerStore()
