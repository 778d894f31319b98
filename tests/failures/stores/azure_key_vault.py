"""Azure Key Vault: what the vault and the login answer, and what may happen on the way to the vault."""

from __future__ import annotations

from typing import Any

from tests.conformance.capability import Capability
from tests.conformance.harness import Options
from tests.conformance.stores.azure_key_vault import KeyVault
from tests.failures.way import Way, injected, over_http, way
from tests.servers.azure import OTHER_TENANT, Reply, login_error, vault_error


class Apart(KeyVault):
    """Each row for itself: after one `Retry-After`, all backends of the process with the same rate are silent."""

    def options(self) -> Options:
        """A rate that nobody else has, and that nobody reaches."""
        return {**super().options(), "rate_limit": f"{self.generation}/s"}


HARNESS = Apart


def vault(what: str, reply: Reply, **more: Any) -> Way:
    """The vault answers so."""
    return way(what, lambda harness: setattr(harness.azure, "vault_fault", reply), **more)


def login(what: str, reply: Reply, **more: Any) -> Way:
    """The vault accepts no token any more, and the login answers so."""

    def begin(harness: Any) -> None:
        harness.azure.login_fault = reply
        harness.azure.revoke_tokens()

    return way(what, begin, **more)


def moved(harness: Any) -> None:
    """The vault belongs to another tenant."""
    harness.azure.vault_tenant = OTHER_TENANT


def forbidden(inner: str) -> Reply:
    """A 403 with its inner code."""
    return vault_error(403, "Forbidden", inner)


WAYS = [
    injected("429 Throttled", Capability.THROTTLED, waits=True),
    injected("500 InternalServerError", Capability.SERVER_ERROR),
    vault("503 of the vault", vault_error(503, "ServiceUnavailable")),
    injected("403: ForbiddenByRbac", Capability.DENIED),
    vault("403: AccessDenied", forbidden("AccessDenied")),
    vault("403: ForbiddenByFirewall", forbidden("ForbiddenByFirewall")),
    vault(
        "403: SecretDisabled",
        forbidden("SecretDisabled"),
        note="A disabled secret is an error and no absence. One that has expired is handed out: Key Vault does so.",
    ),
    vault("400: BadParameter", vault_error(400, "BadParameter")),
    vault("404: SecretNotFound", vault_error(404, "SecretNotFound")),
    vault("409: ObjectIsBeingDeleted", vault_error(409, "Conflict", "ObjectIsBeingDeleted")),
    vault("409: ObjectIsDeletedButRecoverable", vault_error(409, "Conflict", "ObjectIsDeletedButRecoverable")),
    way(
        "401: AKV10032",
        moved,
        note="A token that was in use and is not accepted any more is replaced once, and the read is made again with "
        "the new one.",
    ),
    login("login: AADSTS7000215", login_error(401, "invalid_client", 7000215)),
    login("login: AADSTS7000222", login_error(401, "invalid_client", 7000222)),
    login("login: AADSTS90002", login_error(400, "invalid_request", 90002)),
    login("login: 503", login_error(503, "temporarily_unavailable", 90033)),
    login("login: 429", (429, {}, {}), waits=True),
    *over_http(),
]
