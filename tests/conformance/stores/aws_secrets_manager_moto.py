"""AWS Secrets Manager on moto."""

from __future__ import annotations

from tests.conformance import aws
from tests.conformance.capability import Capability
from tests.conformance.stores.aws_secrets_manager import SecretsManager


class OnMoto(SecretsManager, aws.OnMoto):
    """The other server."""

    #: It takes an empty value for none.
    capabilities = aws.OF_EVERY_SERVER - {Capability.EMPTY}


HARNESS = OnMoto
