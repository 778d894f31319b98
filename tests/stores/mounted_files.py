"""Mounted files: a folder for each kind in one mount, written as the kubelet does it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.harness import Harness, Kind, Options, Planting
from tests.failures.way import injected, way
from tests.servers.mounts import Mount
from tests.stores.description import FOLDERS, Reader, Secrets, Store
from tests.stores.local import UNREADABLE_TO_ROOT

if TYPE_CHECKING:
    import pytest


def forbid(mount: Mount) -> None:
    """No file may be read any more, by root neither."""
    mount.forbid(UNREADABLE_TO_ROOT)


def content(value: str) -> bytes:
    """A file with a value, as most tools write it: the line end is no part of the value."""
    return f"{value}\n".encode()


class OnMount(Harness):
    """Secrets in files that are swapped all at once."""

    store = "mounted_files"
    capabilities = EVERY_STORE | {
        Capability.TEAMS,
        Capability.CHANGES,
        Capability.LISTED,
        Capability.DESCRIBED,
        Capability.DENIED,
        Capability.GARBAGE,
    }
    #: A part of a path that is empty, begins with a dot or has more than 255 bytes.
    impossible_names = frozenset({"slashes", "dots", "only dots", "zero", "long"})

    def __init__(self, folder: Path) -> None:
        """Starts with an empty mount."""
        super().__init__(folder)
        self.mount = Mount(folder / "secrets")

    def reset(self) -> None:
        """Takes every file away."""
        self.mount.clear()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """One more file."""
        self.mount.put(STORE.place(kind, secret_id, team), content(value))

    def options(self) -> Options:
        """The folder."""
        return {"path": str(self.mount.folder)}

    def inject(self, fault: Capability) -> Options:
        """Makes the files unreadable, or something that is no text."""
        if fault is Capability.DENIED:
            forbid(self.mount)
        else:
            for path, written in self.mount.files.items():
                (self.mount.folder / path).write_bytes(written + b"\xff\x00")
        return {}

    def heal(self) -> None:
        """Mounts everything again."""
        self.mount.swap()

    def plantings(self, canary: str) -> list[Planting]:
        """Files that are refused, with the canary in them."""
        refused = {"binary": b"\xff", "zero": b"\x00", "large": b"a" * (1 << 20)}
        return [self._planted(label, canary.encode() + rest) for label, rest in refused.items()]

    def _planted(self, label: str, refused: bytes) -> Planting:
        folder = self.folder / label
        Mount(folder, {f"{place}/hello": refused for place in FOLDERS.values()})
        return Planting(label, {"path": str(folder)})


class MountedFiles(Store):
    """A folder takes the place of a server."""

    name = "mounted_files"
    word = "mounted"
    feature = "mounted-files"
    backend = "strongroom.files.MountedFilesBackend"
    page = "mounted-files.md"
    harnesses = (OnMount,)
    needed: ClassVar[Mapping[str, Any]] = {"path": "/made-up"}
    ways = (
        injected("403: the file may not be read", Capability.DENIED),
        way("404: the file is gone", lambda harness: harness.reset()),
        way(
            "404: the folder is gone",
            lambda harness: harness.mount.remove(),
            note="A file that is not in the folder is absent; without the folder nothing is known of it, so that is an "
            "error.",
        ),
        injected("the file is binary", Capability.GARBAGE),
        way("the file is larger than 1 MiB", lambda harness: harness.put("variable", "hello", "x" * (1 << 20))),
        way("the file is a pipe", lambda harness: pipe(harness.mount.folder / "variables" / "hello")),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """The path within the mount."""
        return f"{FOLDERS[kind]}/{f'{team}--{secret_id}' if team else secret_id}"

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> Mount:
        """An empty mount."""
        del request
        return Mount(folder / "secrets")

    def fill(self, server: Mount, secrets: Secrets) -> None:
        """Mounts them too."""
        server.files |= {self.place(*name): content(value) for name, value in secrets.items()}
        server.swap()

    def reader(self, server: Mount, url: str) -> Reader:
        """The folder."""
        del url

        def shut() -> Mapping[str, Any]:
            forbid(server)
            return {}

        return Reader({"path": str(server.folder)}, shut)

    def deployed(self, server: Mount) -> tuple[dict[str, Any], dict[str, str]]:
        """The same."""
        return {"path": str(server.folder)}, {}


def pipe(path: Path) -> None:
    """A pipe that is never written to, in place of a file."""
    path.unlink()
    os.mkfifo(path)


STORE = MountedFiles()
