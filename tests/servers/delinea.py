"""Secret Server and the Platform as far as secrets are read: a double, since there is neither to install.

Paths, parameters and fields are those of the "Secret Server Rest API" 11.7.2 (``SecretModel``, ``SecretSummary``,
``BadRequestResponse``) and of Delinea's ``python-tss-sdk`` 2.0.1. One who may not view a secret gets the same answer
as for one that is not there, and a name is the same in capitals.
"""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import dataclass, field
from typing import Any

from tests.servers.double import Answer, Guarded, Request

USER, PASSWORD = "airflow", "canary-pass4Tq7made1up"
CLIENT, SECRET = "sdk-client-1f0e", "canary-secret8Vw2made5up"
DOMAIN = "corp"
FIELDS = ("resource", "username", "password", "notes")
LIFETIME = 1199


def folded(path: str) -> str:
    """A path as SQL Server compares it."""
    return path.strip("\\").replace("\\", "/").casefold()


def invalid_grant() -> Answer:
    """A login that is refused."""
    return Answer(400, {"error": "invalid_grant"})


def form(request: Request, keys: tuple[str, ...]) -> dict[str, str]:
    """The parts of a form that the grant has, as the contract names them."""
    return {key: request.form.get(key, "") for key in keys}


@dataclass
class SecretServer(Guarded):
    """Folders of secrets made from the template Password; names are the paths, with slashes."""

    token = ""
    denial = 400
    #: Each user or client that is known, and whether it may view secrets.
    users: dict[str, bool] = field(default_factory=dict)
    #: The tokens: who they are for, and when they end.
    sessions: dict[str, tuple[str, float]] = field(default_factory=dict)
    #: What renews a token, once; empty unless an administrator has allowed that.
    refreshing: set[str] | None = None
    lifetime: float = LIFETIME
    #: What the summary of a secret has besides the usual, by path, and what its fields are.
    flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: Paths that two secrets have.
    twins: set[str] = field(default_factory=set)
    #: Secrets that may be listed and not be viewed.
    kept_back: set[str] = field(default_factory=set)
    is_platform: bool = False
    vaults: list[dict[str, Any]] | None = None
    #: What the login is answered with.
    login_fault: Answer | None = None
    _numbers: dict[str, int] = field(default_factory=dict)
    _count: Any = field(default_factory=itertools.count)

    def heal(self) -> None:
        """No fault, one user and one client."""
        super().heal()
        self.users = {USER: True, CLIENT: True}
        self.login_fault = None

    def reset(self) -> None:
        """No secrets, no tokens either."""
        self.sessions, self.refreshing, self.lifetime = {}, None, LIFETIME
        self.flags, self.items, self.twins, self.kept_back = {}, {}, set(), set()
        self.is_platform, self.vaults, self._numbers = False, None, {}
        super().reset()

    @staticmethod
    def error(status: int) -> Answer:
        """As Secret Server writes it."""
        return Answer(status, {"message": "made up"})

    @staticmethod
    def absent() -> Answer:
        """What is not there, and what may not be seen."""
        return Answer(400, {"message": "Access Denied", "errorCode": "API_AccessDenied"})

    def answer(self, request: Request) -> Answer:
        """What Secret Server or the Platform says."""
        path = request.path
        if path.endswith(("/oauth2/token", "/oauth2/token/xpmplatform")):
            return self.login_fault or self.log_in(request)
        if path.endswith(("/api/v1/healthcheck", "/health")):
            return Answer(200, {"Healthy": True}) if path.endswith("/health") == self.is_platform else self.error(404)
        if self.fault:
            return self.error(self.fault)
        user, end = self.sessions.get(request.bearer, ("", 0.0))
        if user not in self.users or end < time.monotonic():
            return Answer(403, {"message": "Authentication failed"})
        if path.endswith("/vaultbroker/api/vaults") and self.is_platform:
            return Answer(200, {"vaults": self.vaults or [self.vault(f"{self.url}/vault")]})
        return self.read(request) if self.users[user] else self.absent()

    @staticmethod
    def vault(url: str, *, default: bool = True, active: bool = True) -> dict[str, Any]:
        """A vault as the Platform names it."""
        return {"vaultId": "v", "isDefault": default, "isActive": active, "connection": {"url": url}}

    def log_in(self, request: Request) -> Answer:
        """A token for a user, a client, or a token that ends."""
        grant = request.form.get("grant_type")
        is_theirs = request.path.endswith("xpmplatform") == self.is_platform
        if grant == "refresh_token":
            renewing = self.refreshing or set()
            if request.form.get("refresh_token") not in renewing:
                return invalid_grant()
            renewing.remove(request.form["refresh_token"])
            return self.granted(USER)
        if grant == "password" and is_theirs and not self.is_platform:
            given = form(request, ("username", "password", "domain"))
            is_right = given == {"username": USER, "password": PASSWORD, "domain": given["domain"]} and given[
                "domain"
            ] in ("", DOMAIN)
            return self.granted(USER) if is_right and USER in self.users else invalid_grant()
        if grant == "client_credentials" and is_theirs:
            given = form(request, ("client_id", "client_secret", "scope"))
            scope = "xpmheadless" if self.is_platform else ""
            logins = ({"client_id": CLIENT, "client_secret": SECRET}, {"client_id": USER, "client_secret": PASSWORD})
            is_right = given in [{**login, "scope": scope} for login in logins]
            is_known = is_right and given["client_id"] in self.users
            return self.granted(given["client_id"]) if is_known else invalid_grant()
        return Answer(400, {"error": "unsupported_grant_type"})

    def granted(self, user: str) -> Answer:
        """A new token."""
        number = next(self._count)
        token = f"canary-token-{number}-9Xr3made6up"
        self.sessions[token] = (user, time.monotonic() + self.lifetime)
        # The contract has the lifetime as a text, and Delinea's own client calculates with a number.
        granted: dict[str, Any] = {"access_token": token, "token_type": "bearer", "expires_in": int(self.lifetime)}
        if self.refreshing is not None:
            self.refreshing.add(f"canary-refresh-{number}")
            granted["refresh_token"] = f"canary-refresh-{number}"
        return Answer(200, granted)

    def read(self, request: Request) -> Answer:
        """A secret, its summary, one of its files, a folder, or a search."""
        asked = request.path.partition("/api/")[2]
        if asked in ("v1/secrets", "v2/secrets"):
            return self.search(request.query)
        if asked == "v1/folders/0":
            return self.folder(request.query.get("folderPath", ""))
        found = re.fullmatch(r"v[12]/secrets/(\d+)(?:/(summary)|/fields/([\w-]+))?", asked)
        if not found:
            return self.error(404)
        number, summary, slug = found.groups()
        paths = self.paths(int(number), request.query.get("secretPath", ""))
        if len(paths) != 1:
            return self.absent()
        if summary:
            return Answer(200, self.summary(paths[0]))
        if self.keeps_back(paths[0], request.query):
            return self.absent()
        if slug:
            held = {item["slug"]: item for item in self.fields(paths[0])}
            return Answer(200, held[slug]["file"]) if slug in held else self.absent()
        return Answer(200, self.model(paths[0]))

    def keeps_back(self, path: str, query: dict[str, str]) -> bool:
        """Whether a secret may not be viewed, for whatever reason."""
        flags = self.flags.get(path, {})
        refuses = ("requiresApproval", "doubleLockEnabled")
        needs_comment = flags.get("requiresComment") and not query.get("autoComment")
        needs_checkout = flags.get("checkOutEnabled") and query.get("noAutoCheckout") == "true"
        return path in self.kept_back or any(map(flags.get, refuses)) or bool(needs_comment or needs_checkout)

    def number(self, path: str) -> int:
        """The id of a secret: always the same."""
        return self._numbers.setdefault(path, 100 + len(self._numbers))

    def paths(self, number: int, path: str) -> list[str]:
        """The secrets with this id, or at this path."""
        if number:
            return [name for name in self.secrets if self.number(name) == number]
        return [each for name in self.secrets if folded(name) == folded(path) for each in self.both(name)]

    def both(self, name: str) -> list[str]:
        """A name as often as there are secrets that have it."""
        return [name] * (2 if name in self.twins else 1)

    def summary(self, path: str, folders: dict[str, int] | None = None) -> dict[str, Any]:
        """The summary of a secret; ``folders`` are those of all secrets, where they are known."""
        folder, _, name = path.rpartition("/")
        folders = folders or self.folders()
        place = {"folderId": folders[folder], "folderPath": "\\" + folder.replace("/", "\\")} if folder else {}
        usual = {"id": self.number(path), "name": name, "secretTemplateName": "Password", "active": True}
        return {**usual, "createDate": "2026-01-15T10:30:00.12", "folderId": -1, **place, **self.flags.get(path, {})}

    def fields(self, path: str) -> list[dict[str, Any]]:
        """The fields of a secret."""
        usual = [{"slug": slug, "isPassword": slug == "password", "itemValue": ""} for slug in FIELDS]
        return self.items.get(path) or [
            {**item, "itemValue": self.secrets[path]} if item["isPassword"] else item for item in usual
        ]

    def model(self, path: str) -> dict[str, Any]:
        """A whole secret."""
        usual = {"fileAttachmentId": None, "isFile": False, "isPassword": False}
        items = [{**usual, **{key: text for key, text in item.items() if key != "file"}} for item in self.fields(path)]
        summary = {key: value for key, value in self.summary(path).items() if key not in ("folderPath", "createDate")}
        return {**summary, "items": items, "responseCodes": []}

    def folders(self) -> dict[str, int]:
        """The folders and their numbers, in the order in which they came to be."""
        found: dict[str, int] = {}
        for name in self.secrets:
            parts = name.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                found.setdefault("/".join(parts[:depth]), len(found) + 2)
        return found

    def folder(self, path: str) -> Answer:
        """A folder by its path."""
        found = next((number for name, number in self.folders().items() if folded(name) == folded(path)), None)
        return self.absent() if found is None else Answer(200, {"id": found, "folderPath": path})

    def search(self, query: dict[str, str]) -> Answer:
        """One page of the secrets that a filter chooses."""
        # The Go client still writes the older spelling.
        given = {key.replace("paging.", "").replace("filter.", ""): text for key, text in query.items()}
        text, is_exact = given.get("searchText", "").casefold(), given.get("isExactMatch") == "true"
        folders = self.folders()
        folder = {number: name for name, number in folders.items()}.get(int(given.get("folderId", "0")))
        is_deep = given.get("includeSubFolders") == "true"

        def is_chosen(path: str) -> bool:
            place, _, name = path.rpartition("/")
            is_named = name.casefold() == text if is_exact else text in name.casefold()
            is_inside = "folderId" not in given or place == folder or (is_deep and f"{place}/".startswith(f"{folder}/"))
            flags = self.flags.get(path, {})
            is_here = flags.get("active", True) or given.get("includeInactive") == "true"
            return is_named and is_inside and is_here and (given.get("includeRestricted") == "true" or not flags)

        chosen = [each for path in sorted(self.secrets) if is_chosen(path) for each in self.both(path)]
        skip, take = int(given.get("skip", "0")), int(given.get("take", "10"))
        here, has_next = chosen[skip : skip + take], len(chosen) > skip + take
        records = [self.summary(path, folders) for path in here]
        for index, (record, path) in enumerate(zip(records, here, strict=True)):
            record["id"] += index * 1000 if path in self.twins else 0
        return Answer(200, {"records": records, "hasNext": has_next, "nextSkip": skip + take, "success": True})
