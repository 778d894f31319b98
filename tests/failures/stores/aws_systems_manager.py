"""AWS SSM Parameter Store: what AWS answers, and what may happen on the way to it."""

from tests.conformance.capability import Capability
from tests.conformance.harness import Options
from tests.conformance.stores.aws_systems_manager import OnMinistack
from tests.failures.way import answered, aws_error, injected, over_http


class Apart(OnMinistack):
    """Each row for itself: after one `Retry-After`, all backends of the process with the same rate are silent."""

    def options(self) -> Options:
        """A rate that nobody else has, and that nobody reaches."""
        return {**super().options(), "rate_limit": f"{self.generation}/s"}


HARNESS = Apart
WAYS = [
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
]
