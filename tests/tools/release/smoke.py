"""What a wheel must be able to do on a machine where nothing else is installed.

    python smoke.py                                  # imports, reads a file, runs the command line
    python smoke.py --secrets-manager http://HOST    # also reads a secret from a server that answers as AWS does

It needs the standard library alone, so that it runs in any Python, under an emulator too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import runpy
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

CONNECTION = "postgres://loader:not-real@db.example.com:5432/sales"
NAME = "smoke/connections/warehouse"


def modules() -> None:
    """Every module of the package can be imported, and every class that is named for a store is there."""
    import strongroom
    from strongroom.provider_info import get_provider_info

    for name in get_provider_info()["secrets-backends"]:
        module, _, cls = name.rpartition(".")
        __import__(module)
        assert callable(getattr(sys.modules[module], cls)), name
    assert strongroom.stats() == {} or isinstance(strongroom.stats(), dict)


def file(folder: Path) -> None:
    """A connection from a file, from many threads and in a child after a fork."""
    from strongroom.local import LocalFilesystemBackend

    path = folder / "connections.json"
    path.write_text(json.dumps({"warehouse": CONNECTION}))
    path.chmod(0o600)
    backend = LocalFilesystemBackend(connections_file_path=str(path))
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(backend.get_conn_value("warehouse"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [CONNECTION] * 16, found
    child = os.fork()
    if child == 0:
        os._exit(0 if backend.get_conn_value("warehouse") == CONNECTION else 1)
    assert os.waitpid(child, 0)[1] == 0, "the child of a fork could not read"


def command_line() -> None:
    """The command line starts and names the stores: in a fork, since an emulator cannot start another program."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        sys.argv = ["strongroom", "stores"]
        runpy.run_module("strongroom", run_name="__main__")
    os.close(writing)
    with os.fdopen(reading) as output:
        said = output.read()
    assert os.waitpid(child, 0)[1] == 0, said
    assert "strongroom.aws.SecretsManagerBackend" in said, said


def secrets_manager(url: str) -> None:
    """A secret that is put into the server by hand comes back."""
    from strongroom.aws import SecretsManagerBackend

    body = json.dumps({"Name": NAME, "SecretString": CONNECTION, "ClientRequestToken": os.urandom(16).hex()}).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "secretsmanager.CreateSecret",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/secretsmanager/aws4_request, "
        "SignedHeaders=host, Signature=0",
    }
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        assert answer.status == 200
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    backend = SecretsManagerBackend(endpoint_url=url, connections_prefix="smoke/connections", **keys)
    assert backend.get_conn_value("warehouse") == CONNECTION
    assert backend.get_conn_value("nothing") is None


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secrets-manager", metavar="URL")
    given = parser.parse_args()
    done = ["modules", "file", "threads", "fork", "command line"]
    modules()
    with tempfile.TemporaryDirectory() as folder:
        file(Path(folder))
    command_line()
    if given.secrets_manager:
        secrets_manager(given.secrets_manager)
        done.append("Secrets Manager")
    system = f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver()) or 'no glibc'}"
    print(f"Python {platform.python_version()} on {system}: {', '.join(done)}")


if __name__ == "__main__":
    main()
