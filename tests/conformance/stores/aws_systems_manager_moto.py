"""AWS Systems Manager Parameter Store on moto."""

from __future__ import annotations

from tests.conformance import aws
from tests.conformance.capability import Capability
from tests.conformance.stores.aws_systems_manager import SystemsManager


class OnMoto(SystemsManager, aws.OnMoto):
    """The other server."""

    #: It refuses an empty value, as AWS does.
    capabilities = aws.OF_EVERY_SERVER - {Capability.EMPTY}


HARNESS = OnMoto
