"""AWS Secrets Manager: what AWS answers, and what may happen on the way to it."""

from tests.conformance.capability import Capability
from tests.conformance.stores.aws_secrets_manager import OnMinistack
from tests.failures.way import answered, aws_error, injected, over_http

HARNESS = OnMinistack
WAYS = [
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
        "`on_error: raise` tells the two apart. With an old value at hand that one is served instead.",
    ),
    answered("503 ServiceUnavailable", aws_error(503, "ServiceUnavailable")),
    injected("403: AccessDeniedException", Capability.DENIED),
    injected("403: UnrecognizedClientException", Capability.UNAUTHENTICATED),
    answered("404: ResourceNotFoundException", aws_error(400, "ResourceNotFoundException")),
    *over_http(),
]
