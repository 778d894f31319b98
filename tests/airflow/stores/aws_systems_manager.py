"""The SSM Parameter Store, read as a user who may read nothing else."""

from __future__ import annotations

from tests.airflow.session import backend_environment
from tests.airflow.stores import Secrets
from tests.servers.aws import REGION, MiniStack, allow_parameters

SERVER = "aws_server"
BACKEND = "strongroom.aws.SystemsManagerParameterStoreBackend"


def environment(server: MiniStack, secrets: Secrets) -> dict[str, str]:
    """Parameters under the prefixes that the class has by default."""
    kinds = {"connections": secrets.connections, "variables": secrets.variables, "config": secrets.configs}
    server.put_parameters(
        {f"/airflow/{kind}/{name}": value for kind, values in kinds.items() for name, value in values.items()}
    )
    reader = server.user(allow_parameters("ssm:GetParameter", "airflow/*"))
    kwargs = {"region_name": REGION, "endpoint_url": server.url}
    return {**backend_environment(BACKEND, kwargs), **reader.environment()}
