"""What the tests of the command line on Vault share."""

from __future__ import annotations

import urllib.error
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from tests.command_line.shell import Run, Shell
from tests.servers.counting import Counter
from tests.servers.vault import Vault
from tests.stores.hashicorp_vault import READS_ALL

CANARY = "canary-31d7c0"
URI = f"postgres://app:{CANARY}@db.example:5432/sales"


def asked(counted: Counter) -> list[str]:
    """The requests since this was last called, as ``METHOD path``."""
    calls = [f"{call.method} {call.path.removeprefix('/v1/')}" for call in counted.calls]
    counted.clear()
    return calls


def backend(shell: Shell, vault: Vault, url: str, *, token: str | None = None, **options: Any) -> str:
    """A backend with a token that may read everything of ``secret``; the token and every value are secrets."""
    token = token or vault.token(vault.policy(READS_ALL))
    shell.secrets += [CANARY, token]
    shell.backend("vault", url=url, token=token, **options)
    return token


def found(run: Run) -> dict[str, list[str]]:
    """The findings of ``doctor``: check to severities, worst last."""
    order = ["ok", "note", "warning", "problem"]
    by_check: dict[str, list[str]] = {}
    for each in run.json["findings"]:
        by_check.setdefault(each["check"], []).append(each["severity"])
    return {check: sorted(severities, key=order.index) for check, severities in by_check.items()}


def finding(run: Run, check: str, severity: str) -> dict[str, str]:
    """The one finding of that check and severity."""
    matching = [each for each in run.json["findings"] if (each["check"], each["severity"]) == (check, severity)]
    assert len(matching) == 1, run.out
    only: dict[str, str] = matching[0]
    return only


def allowed(call: Callable[..., object], *arguments: Any, **more: Any) -> bool:
    """Whether the server allows a call; an error other than a refusal counts as allowed."""
    try:
        call(*arguments, **more)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code != HTTPStatus.FORBIDDEN
    return True
