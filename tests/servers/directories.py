"""The services by which OpenBao identifies a user: LDAP, RADIUS, and the TokenReview of a Kubernetes cluster."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.double import Answer, Double, Request, serving
from tests.servers.process import LOOPBACK, free_port, program, running
from tests.servers.signer import Signer, audience_is
from tests.servers.tls import Certificate

PROGRAMS = Path(__file__).parent / "programs"
BASE = "dc=example,dc=org"
REVIEW = "/apis/authentication.k8s.io/v1/tokenreviews"


@dataclass(frozen=True)
class Directory:
    """A running server with one user. ``secret`` is what a RADIUS client shares with it."""

    port: int
    username: str
    password: str = field(repr=False)
    secret: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The address for an LDAP client."""
        return f"ldap://{LOOPBACK}:{self.port}"


@contextlib.contextmanager
def ldap_directory(folder: Path) -> Iterator[Directory]:
    """Runs ldaptor, a directory on Twisted, with the user ``cn=airflow,ou=people,dc=example,dc=org``."""
    directory = Directory(free_port(), "airflow", secrets.token_hex(12))
    command = [program("python"), str(PROGRAMS / "ldap_server.py"), str(directory.port), BASE, directory.username]

    def ready() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, directory.port)) == 0

    with running(command, {"PASSWORD": directory.password}, folder / "ldap.log", ready):
        yield directory


@contextlib.contextmanager
def radius_server(folder: Path) -> Iterator[Directory]:
    """Runs pyrad's server with the user ``airflow``."""
    directory = Directory(free_port(), "airflow", secrets.token_hex(12), secrets.token_hex(12))
    command = [program("python"), str(PROGRAMS / "radius_server.py"), str(directory.port), directory.username]
    environment = {"PASSWORD": directory.password, "SECRET": directory.secret}
    log = folder / "radius.log"
    with running(command, environment, log, lambda: "ready" in log.read_text()):
        yield directory


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes cluster as a reviewer of tokens sees it; ``signer`` signs those of service accounts."""

    double: Double
    signer: Signer
    reviewer: str

    def token(self, account: str = "airflow", namespace: str = "jobs", lifetime: float = 300) -> str:
        """The contents of the token file of a pod."""
        subject = f"system:serviceaccount:{namespace}:{account}"
        bound = {"namespace": namespace, "serviceaccount": {"name": account, "uid": f"uid-of-{subject}"}}
        claims = {"sub": subject, "aud": ["vault"], "iss": "https://kubernetes.default.svc", "kubernetes.io": bound}
        return self.signer.token(lifetime, **claims)


@contextlib.contextmanager
def cluster(tls: Certificate) -> Iterator[Cluster]:
    """Serves TokenReview of ``authentication.k8s.io/v1`` to callers with the reviewer's token.

    Source of the fields: the Kubernetes API reference, TokenReview v1.
    """
    signer, reviewer = Signer("cluster"), Signer("reviewer").token(3600, sub="system:serviceaccount:kube:reviewer")

    def answer(request: Request) -> Answer:
        if (request.method, request.path) != ("POST", REVIEW):
            return Answer(404)
        if request.bearer != reviewer:
            return Answer(401, {"kind": "Status", "status": "Failure", "code": 401})
        asked = request.json
        spec = asked["spec"]
        return Answer(201, {**asked, "status": _status(signer, spec["token"], spec.get("audiences") or [])})

    with serving(answer, tls) as double:
        yield Cluster(double, signer, reviewer)


def _status(signer: Signer, token: str, audiences: list[str]) -> dict[str, object]:
    try:
        claims = signer.claims(token)
    except ValueError as error:
        return {"authenticated": False, "error": str(error)}
    meant = [audience for audience in audiences if audience_is(claims, audience)]
    if audiences and not meant:
        return {"authenticated": False, "error": "another audience"}
    account = str(claims["sub"])
    groups = ["system:serviceaccounts", "system:authenticated"]
    user = {"username": account, "uid": f"uid-of-{account}", "groups": groups}
    return {"authenticated": True, "user": user, "audiences": meant or claims["aud"]}
