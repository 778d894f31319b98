"""Local files: one JSON file per kind. What can go wrong is in the files and in their permissions."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.harness import KINDS, Harness, Kind, Options, Planting
from tests.failures.way import injected, way
from tests.stores.description import Reader, Secrets, Store, Writes

if TYPE_CHECKING:
    import pytest

OPTIONS: dict[Kind, str] = {
    "connection": "connections_file_path",
    "variable": "variables_file_path",
    "config": "configs_file_path",
}
#: Root cannot read this file either, while ``chmod`` does not stop root.
UNREADABLE_TO_ROOT = Path("/proc/sys/vm/compact_memory")


def file_of(folder: Path, kind: Kind) -> Path:
    """The file of a kind."""
    return folder / f"{kind}s.json"


def options_in(folder: Path) -> Options:
    """Where the files are."""
    return {option: str(file_of(folder, kind)) for kind, option in OPTIONS.items()}


class LocalFiles(Harness):
    """Secrets in JSON files."""

    store = "local"
    capabilities = EVERY_STORE | {
        Capability.CHANGES,
        Capability.LISTED,
        Capability.DESCRIBED,
        Capability.DENIED,
        Capability.TRUNCATED,
        Capability.GARBAGE,
    }

    def __init__(self, folder: Path) -> None:
        """Starts with three empty files."""
        super().__init__(folder)
        self.secrets: dict[Kind, dict[str, str]] = {}
        self.reset()

    def reset(self) -> None:
        """Empties the files."""
        self.secrets = {kind: {} for kind in KINDS}
        self.heal()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Rewrites the file of the kind. Files have no teams."""
        assert team is None
        self.secrets[kind][secret_id] = value
        self._write(kind, json.dumps(self.secrets[kind]))

    def options(self) -> Options:
        """Where the files are."""
        return options_in(self.folder)

    def inject(self, fault: Capability) -> Options:
        """Breaks the files or removes them."""
        for kind in KINDS:
            content = json.dumps(self.secrets[kind])
            if fault is Capability.DENIED:
                self._forbid(self.path(kind))
            else:
                self._write(kind, content[: len(content) * 3 // 4] if fault is Capability.TRUNCATED else content[1:])
        return {}

    def heal(self) -> None:
        """Writes the files as they were."""
        for kind in KINDS:
            self.path(kind).unlink(missing_ok=True)
            self._write(kind, json.dumps(self.secrets[kind]))

    def plantings(self, canary: str) -> list[Planting]:
        """Files of every format that are broken just after a secret, and one with an unknown field."""
        return [self._planted(name, content) for name, content in broken_files(canary).items()]

    def _planted(self, name: str, content: str) -> Planting:
        path = self.folder / name
        path.write_text(content)
        options: Options = {"settings_file_path": str(path)} if name.startswith("settings") else {}
        return Planting(name, options or dict.fromkeys(OPTIONS.values(), str(path)))

    def path(self, kind: Kind) -> Path:
        """The file of a kind."""
        return file_of(self.folder, kind)

    def _write(self, kind: Kind, content: str) -> None:
        self.path(kind).write_text(content)

    @staticmethod
    def _forbid(path: Path) -> None:
        if os.geteuid() == 0:
            path.unlink()
            path.symlink_to(UNREADABLE_TO_ROOT)
        else:
            path.chmod(0)
        assert not _readable(path), f"{path} can be read despite its permissions"


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except PermissionError:
        return False
    return True


def broken_files(canary: str) -> Mapping[str, str]:
    """Files that are refused, each with the canary where a parser stumbles or a rule is broken."""
    bad_connection = {"conn_type": "mysql", "password": canary, "passwrod": canary}
    return {
        "plain.env": f"plain\n{canary}\n=\n= {canary}\n",
        "cut.json": f'{{"hello": "{canary}", "other": "{canary}',
        "comma.json": f'{{"hello": "{canary}",}}',
        "bare.json": f'{{"hello": {canary}}}',
        "list.json": json.dumps([canary]),
        "several.json": json.dumps({"hello": [canary, canary]}),
        "field.json": json.dumps({"hello": bad_connection}),
        "types.json": json.dumps({"hello": {"conn_type": "mysql", "port": canary, "extra": [canary]}}),
        "cut.yaml": f'hello: "{canary}\nother: {{{canary}: [',
        "anchor.yaml": f"hello: *{canary}\n",
        "tag.yaml": f"hello: !!python/object:{canary} {{}}\n",
        "settings_cut.yaml": f"airflow:\n  variables:\n    - variable_name: hello\n      variable_value: '{canary}\n",
        "settings_shape.yaml": f"airflow:\n  connections: {canary}\n  variables: [{canary}]\n",
        "settings_port.yaml": (
            f"airflow:\n  connections:\n    - conn_id: hello\n      conn_type: x\n      conn_port: {canary}\n"
            f"      conn_password: {canary}\n      conn_extra: {canary}\n"
        ),
    }


def remove(harness: LocalFiles) -> None:
    """Takes the files away."""
    for kind in KINDS:
        harness.path(kind).unlink()


class LocalStore(Store):
    """One JSON file for each kind; a folder takes the place of a server."""

    name = word = feature = "local"
    backend = "strongroom.local.LocalFilesystemBackend"
    official = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    page = "local-file.md"
    example = False
    airflow_tests = "test_local.py"
    harnesses = (LocalFiles,)
    writes = Writes()
    ways = (
        injected("403: the file may not be read", Capability.DENIED),
        way(
            "404: the name is gone from the file",
            lambda harness: harness.reset(),
            note="A value of a file is never served past its `cache_ttl`: a file answers at once, and its answer "
            "counts.",
        ),
        way("404: the file is gone", remove),
        injected("the file is cut short", Capability.TRUNCATED),
        injected("the file holds something else", Capability.GARBAGE),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """An id is the name in the file. Files have no teams."""
        assert team is None
        return secret_id

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> Path:
        """The folder, with empty files."""
        del request
        for kind in KINDS:
            self._write(file_of(folder, kind), {})
        return folder

    def fill(self, server: Path, secrets: Secrets) -> None:
        """Writes them to the files."""
        for kind in KINDS:
            path = file_of(server, kind)
            new = {secret_id: value for (of, secret_id), value in secrets.items() if of == kind}
            self._write(path, {**json.loads(path.read_text()), **new})

    def reader(self, server: Path, url: str) -> Reader:
        """Where the files are."""
        del url
        return Reader(options_in(server), lambda: self._forbid(server))

    def deployed(self, server: Path) -> tuple[dict[str, Any], dict[str, str]]:
        """The same."""
        return options_in(server), {}

    @staticmethod
    def _write(path: Path, content: Mapping[str, str]) -> None:
        path.write_text(json.dumps(content))
        # Whatever the umask of this user is.
        path.chmod(0o600)

    @staticmethod
    def _forbid(folder: Path) -> Mapping[str, Any]:
        for kind in KINDS:
            file_of(folder, kind).unlink()
            file_of(folder, kind).symlink_to(UNREADABLE_TO_ROOT)
        return {}


STORE = LocalStore()
