"""OpenBao: the API of HashiCorp Vault with its KV stores, policies, namespaces and logins, in development mode."""

from __future__ import annotations

import contextlib
import itertools
import json
import urllib.error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.servers.process import LOOPBACK, answers, ask, free_port, program, running, wait_until
from tests.servers.tls import Certificate

#: The root token. Do not give it to code under test.
ROOT = "root-of-the-tests"
#: What every reader of secrets may do unless a test says otherwise.
READ: Mapping[str, Sequence[str]] = {"secret/*": ["read"], "kv1/*": ["read"]}
#: The names of the mounts and logins that always exist.
BUILT_IN_MOUNTS = {"sys/", "identity/", "cubbyhole/"}
BUILT_IN_LOGINS = {"token/"}
BUILT_IN_POLICIES = {"root", "default", "response-wrapping"}

#: One listener with TLS, next to the plain one of the development mode, and a record of every request.
CONFIGURATION = """
listener "tcp" {{
  address = "{address}"
  tls_cert_file = "{tls.certificate}"
  tls_key_file = "{tls.key}"
}}
audit "file" "requests" {{
  description = "what was asked"
  options {{
    file_path = "{audit}"
  }}
}}
"""


@dataclass(frozen=True)
class Vault:
    """A running server, and what a test can do to it as root.

    ``url`` is https with the certificate authority ``authority``; ``plain_url`` is the same over http, for our proxies.
    """

    url: str
    plain_url: str
    authority: Path
    audit: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = ROOT,
        namespace: str | None = None,
        **more: str,
    ) -> dict[str, Any]:
        """One call of the API, ``path`` without ``/v1/``; an error status raises. ``more`` are headers, with ``_``."""
        headers = {"X-Vault-Token": token, **{name.replace("_", "-"): value for name, value in more.items()}}
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        content = ask(f"{self.plain_url}/v1/{quote(path)}", method, body, headers=headers)
        answer: dict[str, Any] = json.loads(content) if content else {}
        return answer

    def read(self, path: str, **more: Any) -> dict[str, Any]:
        """The ``data`` of the answer at a path."""
        data: dict[str, Any] = self.request("GET", path, **more)["data"]
        return data

    def write(self, path: str, body: object = None, **more: Any) -> dict[str, Any]:
        """The whole answer to a POST."""
        return self.request("POST", path, {} if body is None else body, **more)

    def delete(self, path: str, **more: Any) -> None:
        """Deletes what is at a path."""
        self.request("DELETE", path, **more)

    def names(self, path: str, **more: Any) -> list[str]:
        """The names in the answer to a LIST; empty if there are none."""
        try:
            keys: list[str] = self.request("LIST", path, **more)["data"]["keys"]
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return []
        return keys

    def put(
        self, path: str, fields: Mapping[str, Any], mount: str = "secret", *, version: int = 2, **more: Any
    ) -> None:
        """Writes the fields of a secret; in a versioned store this creates a new version."""
        if version == 1:
            self.write(f"{mount}/{path}", fields, **more)
        else:
            self.write(f"{mount}/data/{path}", {"data": fields}, **more)

    def mount(self, path: str, version: int = 2, **more: Any) -> str:
        """A new KV store, returned once it answers."""
        self.write(f"sys/mounts/{path}", {"type": "kv", "options": {"version": str(version)}}, **more)
        if version != 1:
            wait_until(lambda: self._is_ready(path, **more), f"the versions of {path}")
        return path

    def _is_ready(self, path: str, **more: Any) -> bool:
        """A new versioned store refuses everything for some milliseconds."""
        try:
            self.read(f"{path}/config", **more)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.BAD_REQUEST:
                raise
            return False
        return True

    def policy(self, rules: Mapping[str, Sequence[str]] = READ, **more: Any) -> str:
        """The name of a new policy: capabilities by path."""
        name = f"policy-{next(self._numbers)}"
        text = {"path": {path: {"capabilities": list(allowed)} for path, allowed in rules.items()}}
        self.write(f"sys/policies/acl/{name}", {"policy": json.dumps(text)}, **more)
        return name

    def token(self, *policies: str, ttl: str = "1h", num_uses: int = 0, **more: Any) -> str:
        """A token with some policies, else with one that reads everything."""
        body = {"policies": policies or [self.policy(**more)], "ttl": ttl, "num_uses": num_uses, "no_parent": True}
        token: str = self.write("auth/token/create", body, **more)["auth"]["client_token"]
        return token

    def enable(self, method: str, mount: str | None = None, **more: Any) -> str:
        """Mounts a login method and returns its path."""
        self.write(f"sys/auth/{mount or method}", {"type": method}, **more)
        return mount or method

    def create_namespace(self, path: str, **more: Any) -> str:
        """A new namespace with a versioned store ``secret``; ``namespace=`` is the one that contains it."""
        self.write(f"sys/namespaces/{path}", **more)
        outer = more.get("namespace")
        full = f"{outer}/{path}" if outer else path
        self.mount("secret", namespace=full)
        return full

    def quota(self, requests: int, path: str = "", seconds: int = 3600) -> None:
        """At most so many requests in that time; further ones are answered with 429."""
        rule = {"rate": requests, "interval": f"{seconds}s", "path": path}
        self.write(f"sys/quotas/rate-limit/quota-{next(self._numbers)}", rule)

    def seal(self) -> None:
        """From here on every request is answered with 503. It cannot be undone: seal a server of your own."""
        self.request("POST", "sys/seal")

    def mark(self) -> int:
        """The current end of the record of requests."""
        return self.audit.stat().st_size

    def requests(self, after: int = 0) -> list[str]:
        """The requests after a mark, root's included, as ``operation path``; also those over TLS."""
        with self.audit.open() as record:
            record.seek(after)
            entries = [json.loads(line) for line in record]
        asked = [entry["request"] for entry in entries if entry["type"] == "request"]
        return [f"{request['operation']} {request['path']}" for request in asked]

    def reset(self) -> None:
        """Back to the initial state: an empty versioned ``secret``, an empty ``kv1``, no login method but tokens."""
        for name in self.names("sys/quotas/rate-limit"):
            self.delete(f"sys/quotas/rate-limit/{name}")
        for name in self.names("sys/namespaces"):
            self._drop_namespace(name.rstrip("/"))
        for folder, kept in (("sys/mounts", BUILT_IN_MOUNTS), ("sys/auth", BUILT_IN_LOGINS)):
            for name in set(self.read(folder)) - kept:
                self.delete(f"{folder}/{name.rstrip('/')}")
        for name in set(self.names("sys/policies/acl")) - BUILT_IN_POLICIES:
            self.delete(f"sys/policies/acl/{name}")
        self.mount("secret")
        self.mount("kv1", 1)

    def _drop_namespace(self, path: str, outer: str | None = None) -> None:
        """Innermost first; a namespace is deleted in the background, so this waits for its end."""
        full = f"{outer}/{path}" if outer else path
        for name in self.names("sys/namespaces", namespace=full):
            self._drop_namespace(name.rstrip("/"), full)
        self.delete(f"sys/namespaces/{path}", namespace=outer)
        wait_until(lambda: f"{path}/" not in self.names("sys/namespaces", namespace=outer), f"the end of {full}")


@contextlib.contextmanager
def openbao(folder: Path, tls: Certificate) -> Iterator[Vault]:
    """Runs the server with its files in ``folder``; its contents are in memory."""
    plain, secure = f"{LOOPBACK}:{free_port()}", f"{LOOPBACK}:{free_port()}"
    audit, configuration = folder / "requests.jsonl", folder / "openbao.hcl"
    configuration.write_text(CONFIGURATION.format(address=secure, tls=tls, audit=audit))
    command = [program("bao"), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT}"]
    command += [f"-dev-listen-address={plain}", f"-config={configuration}"]
    server = Vault(f"https://{secure}", f"http://{plain}", tls.authority, audit)

    def ready() -> bool:
        return answers(f"http://{plain}/v1/sys/health") and answers(f"https://{secure}/v1/sys/health", tls.authority)

    with running(command, {"HOME": str(folder), "TMPDIR": str(folder)}, folder / "openbao.log", ready):
        server.mount("kv1", 1)
        yield server
