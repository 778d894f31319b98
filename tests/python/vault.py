"""What the tests of logins to Vault share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from strongroom.exceptions import StrongroomError
from strongroom.hashicorp import VaultBackend
from tests.servers.vault_login_fixtures import Place


def backend_at(place: Place, options: Mapping[str, Any], **changed: Any) -> VaultBackend:
    """A backend that goes through the counting proxy."""
    return VaultBackend(**{"url": place.counter.url, **options, **changed})


def refusal(look_up: Callable[[str], object], name: str = "a") -> StrongroomError:
    """The error of a lookup."""
    with pytest.raises(StrongroomError) as caught:
        look_up(name)
    return caught.value
