"""Real nodes of Elasticsearch and OpenSearch: Maven's small ones, with security, TLS and two users.

They are used for tests alone, as their licences have it, and are never shipped. What they lack: `GET /` (8.19), and
a module that making an API key needs.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import urllib.error
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import LOOPBACK, REPOSITORY, ask, free_port, program, wait_until

PLACE = REPOSITORY / ".cache" / "elasticsearch"
#: Coordinates of what a node is made of; what follows the first one is a plugin.
PRODUCTS: Mapping[str, tuple[str, ...]] = {
    "elasticsearch-8": ("org.elasticsearch.distribution.integ-test-zip:elasticsearch:8.19.21",),
    "elasticsearch-7": ("org.elasticsearch.distribution.integ-test-zip:elasticsearch:7.17.29",),
    "opensearch-2": (
        "org.opensearch.distribution.integ-test-zip:opensearch:2.11.1",
        "org.opensearch.plugin:opensearch-security:2.11.1.0",
    ),
}
ADMIN, READER = ("admin", "admin-pw"), ("reader", "reader-pw")
#: bcrypt of the passwords, which no service but this one has.
HASHES = {
    "admin": "abcdefghijklmnopqrstuunjjXVilITTjGtFH/emy.ACeBYJBzOuG",
    "reader": "abcdefghijklmnopqrstuuPPKLiLXfJF1IIWyCoAdPKpwcUIC9N0W",
}
COMMON = """cluster.name: strongroom
node.name: n1
network.host: 127.0.0.1
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
"""
#: How long a start may take on a busy machine.
START = 300.0


def has_java() -> bool:
    """Whether nodes can be fetched and run here."""
    return bool(shutil.which("java") and shutil.which("mvn"))


def basic(login: tuple[str, str]) -> dict[str, str]:
    """The header of a user."""
    return {"Authorization": f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"}


@dataclass(frozen=True)
class Node:
    """A running node."""

    product: str
    url: str
    authority: Path
    #: Where its indices are.
    data: Path

    def ask(self, method: str, path: str, body: object = None, login: tuple[str, str] = ADMIN) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        try:
            answer = ask(f"{self.url}/{path}", method, body, self.authority, basic(login))
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
        return 200, json.loads(answer or b"null")

    @property
    def is_up(self) -> bool:
        """Whether it answers a user."""
        try:
            return self.ask("GET", "_cluster/health")[0] == 200
        except (OSError, ValueError):
            return False


def unpacked(product: str) -> Path:
    """The folder of a product, fetched and unpacked once."""
    home = PLACE / product
    if not (home / ".ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        first, *plugins = (fetched(coordinate) for coordinate in PRODUCTS[product])
        with tempfile.TemporaryDirectory(dir=PLACE) as place:
            unzip(first, Path(place))
            next(Path(place).iterdir()).rename(home)
        for plugin in plugins:
            unzip(plugin, home / "plugins" / plugin.name.rpartition("-")[0])
        for script in [*home.glob("bin/*"), *home.glob("modules/*/platform/*/bin/*")]:
            script.chmod(0o755)
        (home / ".ready").touch()
    return home


def fetched(coordinate: str) -> Path:
    """The file of a package, from Maven's repository."""
    group, name, version = coordinate.split(":")
    repository = Path.home() / ".m2" / "repository"
    path = repository / Path(*group.split(".")) / name / version / f"{name}-{version}.zip"
    if not path.exists():
        command = ["mvn", "-q", "dependency:get", f"-Dartifact={coordinate}:zip", "-Dtransitive=false"]
        subprocess.run(command, check=True, timeout=900)
    return path


def unzip(file: Path, place: Path) -> None:
    """Everything in an archive."""
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(place)


def certificates(config: Path) -> Path:
    """A certificate in RSA with a key in PKCS 8, which both products read; returns the authority."""
    from cryptography.hazmat.primitives import serialization as form

    command = [program("python"), "-m", "trustme", "--quiet", "--key-type", "RSA", "--dir", str(config)]
    subprocess.run([*command, "--identities", "localhost", LOOPBACK, "--common-name", "n1"], check=True, timeout=120)
    key = form.load_pem_private_key((config / "server.key").read_bytes(), None)
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (config / "server.key").write_bytes(pem)
    return config / "client.pem"


def of_elasticsearch(config: Path, ports: tuple[int, int], *, is_8: bool) -> str:
    """Users in files, and TLS; returns the settings."""
    (config / "users").write_text("".join(f"{user}:$2a$04${text}\n" for user, text in HASHES.items()))
    (config / "users_roles").write_text("superuser:admin\nstrongroom:reader\n")
    role = "strongroom:\n  cluster: []\n  indices:\n    - names: ['strongroom*']\n      privileges: [read]\n"
    (config / "roles.yml").write_text(role)
    pair = "certificate: server.pem", "key: server.key"
    layers = ["http", "transport"] if is_8 else ["http"]
    secured = [f"xpack.security.{layer}.ssl.{line}\n" for layer in layers for line in ("enabled: true", *pair)]
    more = "xpack.security.enabled: true\n" + ("xpack.security.enrollment.enabled: false\n" if is_8 else "")
    return f"http.port: {ports[0]}\ntransport.port: {ports[1]}\n{more}{''.join(secured)}"


def of_opensearch(config: Path, ports: tuple[int, int], home: Path) -> str:
    """The same for the security plugin of OpenSearch, where a certificate may log in, too."""
    place = config / "opensearch-security"
    shutil.copytree(home / "plugins" / "opensearch-security" / "config", place, dirs_exist_ok=True)
    meta = '_meta: {{type: "{}", config_version: 2}}\n'
    users = "".join(
        f'{user}: {{hash: "$2y$04${text}"{", backend_roles: [admin]" if user == "admin" else ""}}}\n'
        for user, text in HASHES.items()
    )
    rights = '[{index_patterns: ["strongroom*"], allowed_actions: [read]}]'
    role = f"strongroom: {{cluster_permissions: [cluster_composite_ops_ro], index_permissions: {rights}}}\n"
    (place / "internal_users.yml").write_text(meta.format("internalusers") + users)
    (place / "roles.yml").write_text(meta.format("roles") + role)
    mapping = "all_access: {backend_roles: [admin]}\nstrongroom: {users: [reader]}\n"
    (place / "roles_mapping.yml").write_text(meta.format("rolesmapping") + mapping)
    files = {"pemcert": "server.pem", "pemkey": "server.key", "pemtrustedcas": "client.pem"}
    secured = [
        f"plugins.security.ssl.{layer}.{key}_filepath: {name}\n"
        for layer in ("transport", "http")
        for key, name in files.items()
    ]
    return (
        f"http.port: {ports[0]}\ntransport.port: {ports[1]}\n{''.join(secured)}"
        "plugins.security.ssl.transport.enforce_hostname_verification: false\n"
        "plugins.security.ssl.http.enabled: true\n"
        "plugins.security.allow_default_init_securityindex: true\n"
        "plugins.security.authcz.admin_dn: ['CN=none']\n"
        "plugins.security.nodes_dn: ['CN=*']\n"
    )


@contextlib.contextmanager
def node(product: str) -> Iterator[Node]:
    """Runs a node, empty. Only one at a time: each takes half a gigabyte."""
    PLACE.mkdir(parents=True, exist_ok=True)
    home = unpacked(product)
    name = product.partition("-")[0]
    base = Path(tempfile.mkdtemp(prefix="strongroom-node-"))
    try:
        config, data = base / "config", base / "data"
        shutil.copytree(home / "config", config)
        authority = certificates(config)
        ports = free_port(), free_port()
        is_open = name == "opensearch"
        own = of_opensearch(config, ports, home) if is_open else of_elasticsearch(config, ports, is_8="8" in product)
        places = f"path.data: {data}\npath.logs: {base / 'logs'}\n"
        (config / f"{name}.yml").write_text(COMMON + places + own)
        heap = 256 if is_open else 384
        # Entitlements of Elasticsearch 8 forbid a configuration below the folder for temporary files.
        flags = f"-Xms{heap}m", f"-Xmx{heap}m", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={base / 'tmp'}"
        (config / "jvm.options").write_text("\n".join(flags))
        with process(home, name, base) as running:
            found = Node(product, f"https://{LOOPBACK}:{ports[0]}", authority, data)
            log = base / "log"
            wait_until(lambda: ended(running, log) or found.is_up, f"{product}: {log.read_text()[-2000:]}", START)
            yield found
    finally:
        shutil.rmtree(base, ignore_errors=True)


def ended(running: subprocess.Popen[bytes], log: Path) -> bool:
    """Fails if the node has ended."""
    if running.poll() is not None:
        raise RuntimeError(f"the node ended with {running.returncode}: {log.read_text()[-3000:]}")
    return False


@contextlib.contextmanager
def process(home: Path, name: str, base: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a node. It refuses to run as root, and becomes another user then."""
    short = "ES" if name == "elasticsearch" else "OPENSEARCH"
    given = {f"{short}_PATH_CONF": str(base / "config"), f"{short}_TMPDIR": str(base / "tmp")}
    java = Path(os.path.realpath(shutil.which("java") or "java")).parents[1]
    given |= {"JAVA_HOME": str(java), f"{short}_JAVA_HOME": str(java), "PATH": os.environ["PATH"]}
    given["HOME"] = str(base / "home")
    for folder in ("home", "tmp", "logs", "data"):
        (base / folder).mkdir()
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        other = pwd.getpwnam("nobody")
        user = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}
        for path in [base, *base.rglob("*")]:
            os.chown(path, other.pw_uid, other.pw_gid)
    with (base / "log").open("wb") as log:
        command = [str(home / "bin" / name)]
        running = subprocess.Popen(
            command, cwd=base, env=given, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **user
        )
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, 15)
            try:
                running.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, 9)
                running.wait(10)
