"""HashiCorp Vault: what the server answers, and what may happen on the way to it."""

from tests.conformance.capability import Capability
from tests.conformance.stores.hashicorp_vault import HashicorpVault, vault_error
from tests.failures.way import answered, injected, over_http

HARNESS = HashicorpVault
WAYS = [
    injected(
        "429 of a quota",
        Capability.THROTTLED,
        waits=True,
        note="OpenBao names no time to wait.",
    ),
    injected("500", Capability.SERVER_ERROR),
    answered("412: not caught up", vault_error(412)),
    answered("473: a standby", vault_error(473)),
    answered("501: not initialised", vault_error(501)),
    answered("400", vault_error(400, "made up")),
    injected(
        "403: no policy",
        Capability.DENIED,
        note="Reads are counted here. After a refusal the server is asked once or twice what is behind it.",
    ),
    injected("403: the token was revoked", Capability.UNAUTHENTICATED),
    answered("404: absent", vault_error(404)),
    *over_http(),
]
