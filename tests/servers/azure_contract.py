"""Key Vault's contract for the requests and answers that the double in ``azure.py`` supports.

Source: Azure/azure-rest-api-specs at commit 255623fd37c49809caf482d8add59e3cebef3376,
``specification/keyvault/data-plane/Secrets/stable/2025-07-01/secrets.json``: paths, parameters, and the definitions
``SecretBundle``, ``SecretListResult``, ``SecretItem``, ``DeletedSecretBundle``, ``DeletedSecretListResult``,
``DeletedSecretItem``, ``SecretAttributes``, ``KeyVaultError``. The newer API versions that the vendor's
clients request define the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Stable API versions: the folders next to the one named above, and those that the vendor's clients request.
API_VERSIONS = frozenset({"2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"})
#: The pattern of ``secret-name`` in ``SetSecret``.
NAME = "[0-9a-zA-Z-]+"
LARGEST_PAGE = 25
#: Operations: method, path, query parameters other than ``api-version``.
OPERATIONS: Mapping[str, tuple[str, str, frozenset[str]]] = {
    "SetSecret": ("PUT", f"/secrets/(?P<name>{NAME})/?", frozenset()),
    "GetSecretVersions": ("GET", f"/secrets/(?P<name>{NAME})/versions", frozenset({"maxresults", "$skiptoken"})),
    "GetSecret": ("GET", f"/secrets/(?P<name>{NAME})(/(?P<version>[0-9a-f]*))?", frozenset({"outContentType"})),
    "UpdateSecret": ("PATCH", f"/secrets/(?P<name>{NAME})(/(?P<version>[0-9a-f]*))?", frozenset()),
    "DeleteSecret": ("DELETE", f"/secrets/(?P<name>{NAME})/?", frozenset()),
    "GetSecrets": ("GET", "/secrets/?", frozenset({"maxresults", "$skiptoken"})),
    "GetDeletedSecrets": ("GET", "/deletedsecrets/?", frozenset({"maxresults", "$skiptoken"})),
    "RecoverDeletedSecret": ("POST", f"/deletedsecrets/(?P<name>{NAME})/recover", frozenset()),
    "GetDeletedSecret": ("GET", f"/deletedsecrets/(?P<name>{NAME})/?", frozenset()),
}

TEXT, NUMBER, FLAG, TAGS = str, int, bool, dict
ATTRIBUTES = {
    "enabled": FLAG,
    "nbf": NUMBER,
    "exp": NUMBER,
    "created": NUMBER,
    "updated": NUMBER,
    "recoverableDays": NUMBER,
    "recoveryLevel": TEXT,
}
ITEM: Mapping[str, Any] = {
    "id": TEXT,
    "attributes": ATTRIBUTES,
    "tags": TAGS,
    "contentType": TEXT,
    "managed": FLAG,
}
BUNDLE: Mapping[str, Any] = {**ITEM, "value": TEXT, "kid": TEXT}
DATES: Mapping[str, Any] = {"recoveryId": TEXT, "scheduledPurgeDate": NUMBER, "deletedDate": NUMBER}
DELETED: Mapping[str, Any] = {**BUNDLE, **DATES}
ERROR: Mapping[str, Any] = {"error": {"code": TEXT, "message": TEXT, "innererror": {"code": TEXT}}}
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "SetSecret": BUNDLE,
    "GetSecret": BUNDLE,
    "UpdateSecret": BUNDLE,
    "DeleteSecret": DELETED,
    "GetSecrets": {"value": [ITEM], "nextLink": TEXT},
    "GetSecretVersions": {"value": [ITEM], "nextLink": TEXT},
    "GetDeletedSecret": DELETED,
    "GetDeletedSecrets": {"value": [{**ITEM, **DATES}], "nextLink": TEXT},
    "RecoverDeletedSecret": BUNDLE,
}


class ContractError(AssertionError):
    """A request or an answer that the contract does not define."""


def operation(method: str, path: str, query: Mapping[str, list[str]]) -> tuple[str, str]:
    """The operation and the secret of a request; raises if there is no such operation."""
    for name, (verb, pattern, known) in OPERATIONS.items():
        found = re.fullmatch(pattern, path)
        if found and verb == method and set(query) - {"api-version"} <= known:
            return name, found.groupdict().get("name") or ""
    raise ContractError(f"{method} {path} {sorted(query)}")


def check_answer(name: str, status: int, answer: Any) -> None:
    """Raises if an answer does not follow the contract of the operation."""
    _check(ANSWERS[name] if status == 200 else ERROR, answer, name)


def _check(wanted: Any, found: Any, where: str) -> None:
    if isinstance(wanted, list):
        for index, item in enumerate(found):
            _check(wanted[0], item, f"{where}[{index}]")
    elif isinstance(wanted, Mapping):
        for key, value in found.items():
            if key not in wanted:
                raise ContractError(f"{where}.{key} is unknown")
            _check(wanted[key], value, f"{where}.{key}")
    elif not isinstance(found, wanted):
        raise ContractError(f"{where} is {type(found).__name__}")
