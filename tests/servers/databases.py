"""Databases with a table of sealed values: PostgreSQL and MariaDB, with TLS, a reader and a log of every statement.

The programs are the distribution's: ``postgresql`` and ``mariadb-server-core`` with ``mariadb-client-core`` in Debian.
Neither server runs as root, so for root they run as ``nobody``. The table is made by the statements that the product
prints, and filled by ``tests.servers.sealed``, which is nothing of the product.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

from tests.servers.process import LOOPBACK, free_port, running
from tests.servers.sealed import KEY, seal
from tests.servers.tls import Certificate, certificate

READER, PASSWORD, STRANGER = "reader", "canary2Xc7made4up", "stranger"
DATABASE, TABLE = "vault", "strongroom_secrets"
OPEN_AT_MOST = 40
#: Where programs are that no user has on the PATH.
MORE_PATHS = (*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), "/usr/sbin")


def program(name: str, package: str) -> str:
    """The path of a program of the distribution."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *MORE_PATHS]))
    if found is None:
        raise RuntimeError(f"{name} is missing: install {package} (apt-get install --no-install-recommends {package})")
    return found


def ordinary() -> list[str]:
    """What makes a command run as an ordinary user."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []


def verifier(password: str, iterations: int = 64) -> str:
    """What PostgreSQL keeps of a password (RFC 5803); with few iterations, of which a debug build makes 4096 slowly."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    keys = [hmac.digest(salted, word, "sha256") for word in (b"Client Key", b"Server Key")]
    stored, server = (base64.b64encode(key).decode() for key in (hashlib.sha256(keys[0]).digest(), keys[1]))
    return f"SCRAM-SHA-256${iterations}:{base64.b64encode(salt).decode()}${stored}:{server}"


def give(folder: Path) -> None:
    """Gives a folder to that user, with the keys in it."""
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")


class Console:
    """A client that stays, which takes a statement and prints what comes of it."""

    def __init__(self, command: Sequence[str], mark: str, errors: Path) -> None:
        self.mark, self.errors = mark, errors
        self._numbers = itertools.count()
        with errors.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True
            )

    def run(self, *statements: str) -> list[str]:
        """The lines that statements print."""
        done = f"done-{next(self._numbers)}"
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.write("".join(f"{statement};\n" for statement in statements) + self.mark % done)
            stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.rstrip("\n") == done:
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(self.errors.read_text())

    def close(self) -> None:
        """Ends the client."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                cast_stream(stream).close()


def cast_stream(stream: IO[str] | None) -> IO[str]:
    """A stream that is there."""
    assert stream is not None
    return stream


@dataclass
class Database(ABC):
    """A running server, and what a test can do to it as its administrator."""

    folder: Path
    port: int
    tls: Certificate
    #: The certificate of the user ``certified``.
    client: Certificate
    console: Console
    versions: dict[tuple[str, str], int] = field(default_factory=dict)

    dialect: ClassVar[str]
    scheme: ClassVar[str]

    @abstractmethod
    def text(self, value: str) -> str:
        """A literal that is the same in every mode of the server."""

    @abstractmethod
    def login(self, password: str) -> None:
        """Sets the reader's password and ends the reader's sessions."""

    @abstractmethod
    def kill(self) -> None:
        """Ends the reader's sessions."""

    @abstractmethod
    def crowd(self) -> None:
        """From now on the reader gets no new connection, and has none."""

    @abstractmethod
    def heal(self) -> None:
        """Rights, limits and password as they were."""

    @abstractmethod
    def said(self) -> list[str]:
        """What the reader did since the last call: ``connect``, and a statement each."""

    @property
    def log(self) -> Path:
        """The log of every statement."""
        return self.folder / "log"

    def run(self, *statements: str) -> list[str]:
        """Statements of the administrator."""
        return self.console.run(*statements)

    def url(self, port: int | None = None, **parameters: str) -> str:
        """An address for the reader, of JDBC."""
        query = "&".join(f"{key}={value}" for key, value in parameters.items())
        return f"jdbc:{self.scheme}://{LOOPBACK}:{port or self.port}/{DATABASE}{'?' if query else ''}{query}"

    def options(self, port: int | None = None) -> dict[str, Any]:
        """The options of a backend: the reader, over TLS that is verified."""
        return {
            "url": self.url(port),
            "username": READER,
            "password": PASSWORD,
            "sealing_key": KEY,
            "sslmode": "verify-full",
            "ca_bundle": str(self.tls.authority),
        }

    def put(self, kind: str, name: str, value: str, **more: Any) -> None:
        """A new version of a value."""
        version = self.versions.get((kind, name), 0) + 1
        self.versions[kind, name] = version
        self.write(seal(kind, name, value, version=version, **more))

    def write(self, *records: Mapping[str, Any], tags: Mapping[str, Any] | None = None) -> None:
        """Writes records as they are, as fast as one statement takes them."""
        rows = ", ".join(
            f"({self.text(record['kind'])}, {self.text(record['name'])}, {record['version']}, {record['format']}, "
            f"{self.text(record['key_id'])}, {self.text(record['sealed'])}, {self.text(json.dumps(tags or {}))})"
            for record in records
        )
        self.run(f"INSERT INTO {TABLE} (kind, name, version, format, key_id, sealed, tags) VALUES {rows}")

    def change(self, expression: str, name: str = "airflow/hello") -> None:
        """Sets a column of every version of a name."""
        self.run(f"UPDATE {TABLE} SET {expression} WHERE name = {self.text(name)}")

    def allow(self, *, reads: bool) -> None:
        """Whether the reader may read the table."""
        self.run(
            f"{'GRANT' if reads else 'REVOKE'} SELECT ON {TABLE} {'TO' if reads else 'FROM'} {self.quoted(READER)}"
        )

    def quoted(self, user: str) -> str:
        """A user in a statement."""
        return user

    def reset(self) -> None:
        """An empty table and a reader who may read it."""
        self.heal()
        self.run(f"DELETE FROM {TABLE}")
        self.versions.clear()

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file of the database, what is to be written to them included."""
        for path in sorted((self.folder / "data").rglob("*")):
            if path.is_file():
                yield str(path.relative_to(self.folder)), path.read_bytes()


@dataclass
class Postgres(Database):
    """PostgreSQL, whose reader logs in with SCRAM."""

    dialect = "postgresql"
    scheme = "postgresql"
    _read: int = 0

    def text(self, value: str) -> str:
        """From the bytes in hexadecimal."""
        return f"convert_from('\\x{value.encode().hex()}'::bytea, 'UTF8')" + ("::jsonb" if value[:1] == "{" else "")

    def login(self, password: str) -> None:
        """As its name says."""
        self.run(f"ALTER ROLE {READER} PASSWORD '{verifier(password)}'")
        self.kill()

    def kill(self) -> None:
        """And waits until they are gone."""
        self.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{READER}'")

    def crowd(self) -> None:
        """A limit of connections for this user."""
        self.run(f"ALTER ROLE {READER} CONNECTION LIMIT 0")
        self.kill()

    def close(self, *, closed: bool = True) -> None:
        """The database takes no connections, and ends those that there are."""
        # As a statement of its own this is not possible from within the database.
        self.run(f"UPDATE pg_database SET datallowconn = {not closed} WHERE datname = '{DATABASE}'")
        if closed:
            self.kill()

    def heal(self) -> None:
        """All of it."""
        self.close(closed=False)
        self.run(f"ALTER ROLE {READER} CONNECTION LIMIT -1 PASSWORD '{verifier(PASSWORD)}'")
        self.allow(reads=True)

    def said(self) -> list[str]:
        """From the server's log."""
        with self.log.open(errors="replace") as log:
            log.seek(self._read)
            lines = log.read().splitlines()
            self._read = log.tell()
        own = [line.partition(f"[{READER}] ")[2] for line in lines if f"[{READER}] " in line]
        found = {"LOG:  connection authorized:": "connect", "LOG:  execute": "query", "LOG:  statement": "query"}
        return [word for line in own for begin, word in found.items() if line.startswith(begin)]


@dataclass
class MariaDb(Database):
    """MariaDB, whose reader has to use TLS."""

    dialect = "mariadb"
    scheme = "mariadb"
    _read: int = 0

    def text(self, value: str) -> str:
        """From the bytes in hexadecimal."""
        return f"_utf8mb4 x'{value.encode().hex()}'"

    def quoted(self, user: str) -> str:
        """With the host that it may come from."""
        return f"'{user}'@'%'"

    def login(self, password: str) -> None:
        """As its name says."""
        self.run(f"ALTER USER {self.quoted(READER)} IDENTIFIED BY '{password}'")
        self.kill()

    def kill(self) -> None:
        """All of this user."""
        self.run(f"KILL USER {self.quoted(READER)}")

    def crowd(self) -> None:
        """The one connection of this hour is one that nothing is done with."""
        self.run(f"ALTER USER {self.quoted(READER)} WITH MAX_CONNECTIONS_PER_HOUR 1", "FLUSH USER_RESOURCES")
        self.kill()
        options = [
            "--no-defaults",
            f"--host={LOOPBACK}",
            f"--port={self.port}",
            f"--user={READER}",
            "--skip-ssl-verify-server-cert",
        ]
        command = [program("mariadb", "mariadb-client-core"), *options, "--ssl", "--execute=SELECT 1"]
        subprocess.run(command, env={"MYSQL_PWD": PASSWORD}, stdout=subprocess.DEVNULL, check=False, timeout=30)

    def heal(self) -> None:
        """All of it."""
        limits = "WITH MAX_CONNECTIONS_PER_HOUR 0"
        self.run(
            f"ALTER USER {self.quoted(READER)} IDENTIFIED BY '{PASSWORD}' REQUIRE SSL {limits}", "FLUSH USER_RESOURCES"
        )
        self.allow(reads=True)

    def said(self) -> list[str]:
        """From the general log, in which a session has a number and its first line the user."""
        with self.log.open(errors="replace") as log:
            lines = log.read().splitlines()
        entries = [line.split("\t")[-2:] for line in lines if line.count("\t") >= 2]
        sessions, said = set(), []
        for head, text in (entry for entry in entries if len(entry) == 2):
            number, _, command = head.strip().partition(" ")
            if command.strip() == "Connect" and text.startswith(f"{READER}@"):
                sessions.add(number)
                said.append("connect")
            elif number in sessions and command.strip() == "Query":
                said.append("query")
        new, self._read = said[self._read :], len(said)
        return new


def schema(dialect: str) -> str:
    """The statements of the table, as the product prints them."""
    command = [sys.executable, "-m", "strongroom", "jdbc", "schema", "--mount", dialect, "--role-name", READER]
    made = subprocess.run([*command, "--print-commands"], capture_output=True, text=True, check=True, timeout=60)
    return made.stdout


@contextlib.contextmanager
def _place(*names: str) -> Iterator[tuple[Path, Certificate, Certificate]]:
    """A folder of the ordinary user, with certificates of the server and of a client."""
    # Every folder above has to be open to that user, and the path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="srdb", dir="/tmp") as made:
        folder = Path(made)
        for each in ("tls", "client"):
            (folder / each).mkdir()
        tls = certificate(folder / "tls", *names)
        client = certificate(folder / "client", "certified", common_name="certified")
        tls.key.chmod(0o600)
        folder.chmod(0o755)
        give(folder)
        yield folder, tls, client


@contextlib.contextmanager
def postgres(*names: str, more: Sequence[str] = ()) -> Iterator[Postgres]:
    """Runs PostgreSQL with a certificate for ``names``; ``more`` are further settings."""
    with _place(*names) as (folder, tls, client_tls):
        data, port = folder / "data", free_port()
        package = "postgresql"
        initdb = ["-D", str(data), "-U", "root", "--auth-local=trust", "--auth-host=scram-sha-256", "-E", "UTF8"]
        subprocess.run(
            [*ordinary(), program("initdb", package), *initdb, "--no-sync", "--locale=C"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            timeout=120,
        )
        rules = ["local all all trust", "hostssl all certified all cert", "host all all all scram-sha-256"]
        (data / "pg_hba.conf").write_text("\n".join(rules) + "\n")
        settings = {
            "ssl": "on",
            "ssl_cert_file": tls.certificate,
            "ssl_key_file": tls.key,
            "ssl_ca_file": client_tls.authority,
            "max_connections": OPEN_AT_MOST,
            "log_statement": "all",
            "log_connections": "on",
            "log_line_prefix": "%m [%u] ",
        }
        command = [*ordinary(), program("postgres", package), "-D", str(data), "-p", str(port), "-h", LOOPBACK]
        command += ["-k", str(folder), "-F", *(f"-c{key}={value}" for key, value in settings.items()), *more]
        client = [program("psql", package), "-h", str(folder), "-p", str(port), "-U", "root", "-qAtX"]

        def ready() -> bool:
            asked = subprocess.run([*client, "-d", "postgres", "-c", "SELECT 1"], capture_output=True, check=False)
            return asked.returncode == 0

        with running(command, {}, folder / "log", ready):
            subprocess.run([*client, "-d", "postgres", "-c", f"CREATE DATABASE {DATABASE}"], check=True, timeout=60)
            stays = [*client, "-d", DATABASE, "-v", "ON_ERROR_STOP=1"]
            console = Console(stays, "\\echo %s\n", folder / "errors")
            server = Postgres(folder, port, tls, client_tls, console)
            users = [f"CREATE ROLE {user} LOGIN PASSWORD '{verifier(PASSWORD)}'" for user in (READER, STRANGER)]
            server.run(*users, "CREATE ROLE certified LOGIN", schema("postgresql"))
            server.run(f"GRANT SELECT ON {TABLE} TO certified")
            try:
                yield server
            finally:
                console.close()


@contextlib.contextmanager
def mariadb() -> Iterator[MariaDb]:
    """Runs MariaDB."""
    with _place() as (folder, tls, client_tls):
        data, port, socket = folder / "data", free_port(), folder / "s"
        package = "mariadb-server-core"
        install = [program("mariadb-install-db", package), "--no-defaults", f"--datadir={data}"]
        install += [
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            f"--tmpdir={folder}",
        ]
        subprocess.run([*ordinary(), *install], check=True, stdout=subprocess.DEVNULL, cwd=folder, timeout=120)
        command = [*ordinary(), program("mariadbd", package), "--no-defaults", f"--datadir={data}"]
        command += [
            f"--bind-address={LOOPBACK}",
            f"--port={port}",
            f"--socket={socket}",
            f"--pid-file={folder / 'pid'}",
        ]
        command += [f"--ssl-cert={tls.certificate}", f"--ssl-key={tls.key}", f"--ssl-ca={client_tls.authority}"]
        command += ["--skip-log-bin", "--innodb-buffer-pool-size=32M", f"--max-connections={OPEN_AT_MOST}"]
        command += ["--skip-name-resolve", "--general-log=1", f"--general-log-file={folder / 'log'}"]
        client = [program("mariadb", "mariadb-client-core"), "--no-defaults", f"--socket={socket}", "--user=root"]

        def ready() -> bool:
            asked = subprocess.run([*client, "--execute=SELECT 1"], capture_output=True, check=False)
            return asked.returncode == 0

        with running(command, {}, folder / "output", ready):
            made = f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4"
            subprocess.run([*client, f"--execute={made}"], check=True, timeout=60)
            stays = [*client, f"--database={DATABASE}", "--skip-column-names", "--batch", "--unbuffered"]
            console = Console(stays, "SELECT '%s';\n", folder / "errors")
            server = MariaDb(folder, port, tls, client_tls, console)
            users = (READER, STRANGER)
            server.run(*(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL" for user in users))
            certified = "'certified'@'%'"
            server.run(f"CREATE USER {certified} REQUIRE X509")
            server.run(*(part for part in schema("mariadb").split(";") if part.strip()))
            server.run(f"GRANT SELECT ON {TABLE} TO {certified}")
            try:
                yield server
            finally:
                console.close()
