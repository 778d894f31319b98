"""Google Cloud Secret Manager and Google's identities, as ``google_double.py`` plays them.

Alternatives considered: gcplocal and cloudbox of PyPI answer ``:access`` in a form that Google's client does
not expect; the Go emulator of blackwell-systems has no checksums, and its module is no longer available.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.process import LOOPBACK, answers, ask, free_port, program, running

#: Under eight letters, since the search for traces treats any longer text in a key as a secret.
PROJECT = "proj-1"
READER = f"reader@{PROJECT}.iam.gserviceaccount.com"
DOUBLE = Path(__file__).with_name("google_double.py")
#: The parts of ``google_double`` that tests use.
SUBJECT_TOKEN = "subject-token-of-another-provider"
MACHINE = "machine@metadata.iam.gserviceaccount.com"
PROJECT_OF_MACHINE = "metadata"


@dataclass
class GoogleServer:
    """A running double."""

    url: str
    key: dict[str, str] = field(default_factory=dict, repr=False)

    def order(self, word: str, **given: Any) -> Any:
        """Sends an order to the double."""
        return json.loads(ask(f"{self.url}/double/{word}", "POST", given))

    def reset(self) -> None:
        """No secrets, no faults; ``key`` is that of a reader with access to all secrets."""
        self.order("reset")
        self.key = self.new_key(READER)

    def new_key(self, email: str, project: str = PROJECT) -> dict[str, str]:
        """The key file of a service account, made by the double."""
        made: dict[str, str] = self.order("key", email=email, project=project)
        return made

    def put(self, secret_id: str, value: str | bytes, parent: str = f"projects/{PROJECT}", **version: Any) -> None:
        """Adds a version, which ``state`` and ``damaged`` can make a special one."""
        data = value.encode() if isinstance(value, str) else value
        version["data"] = base64.b64encode(data).decode()
        self.order("put", name=f"{parent}/secrets/{secret_id}", version=version)

    def describe(self, secret_id: str, parent: str = f"projects/{PROJECT}", **members: Any) -> None:
        """Sets members of a secret, such as ``labels``; creates it, without a version, if it does not exist."""
        self.order("describe", name=f"{parent}/secrets/{secret_id}", members=members)

    def set(self, **given: Any) -> None:
        """Changes the state of the double, such as ``denied`` and ``lifetime``."""
        self.order("set", **given)

    def fail(self, place: str, status: int, body: Any) -> None:
        """From now on every request at one place gets this answer."""
        self.set(faults={place: {"status": status, "body": body}})

    def heal(self) -> None:
        """Ends such answers."""
        self.set(faults={})

    def log(self) -> list[dict[str, str]]:
        """The requests since this was last called."""
        found: list[dict[str, str]] = self.order("log")
        return found

    def places(self) -> list[str]:
        """The same, by place."""
        return [request["place"] for request in self.log()]

    def options(self) -> dict[str, Any]:
        """The ``backend_kwargs`` of a reader."""
        return {"gcp_keyfile_dict": self.key, "endpoint_url": self.url}


def api_error(http: int, status: str, reason: str = "", message: str = "made up") -> dict[str, Any]:
    """An error as Google's services write it (AIP-193)."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    details = [info] if reason else []
    return {"error": {"code": http, "message": message, "status": status, "details": details}}


@contextlib.contextmanager
def google(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[GoogleServer]:
    """Runs the double on a free port."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    command = [program("python"), str(DOUBLE), str(port)]

    def ready() -> bool:
        return answers(f"{url}/subject")

    with running(command, environment or {}, folder / "google.log", ready):
        server = GoogleServer(url)
        server.reset()
        yield server
