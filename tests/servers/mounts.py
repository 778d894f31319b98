"""A folder into which secrets are mounted, written as the kubelet does it.

The files of a version are in a folder ``..TIME``. ``..data`` leads to it, and what users see leads through ``..data``,
so renaming one link replaces everything at once. The kubelet (``pkg/volume/util/atomic_writer.go``) and the
secrets-store driver, which has a copy of its code, write like this.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

#: What every part of the mount has that only the kubelet uses.
OWN = ".."
MODE = 0o640


@dataclass
class Mount:
    """The folder, and the contents of its files by their paths within it."""

    folder: Path
    files: dict[str, bytes] = field(default_factory=dict)
    _version: int = 0

    def __post_init__(self) -> None:
        """Mounts what is given."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.swap()

    def put(self, path: str, content: bytes) -> None:
        """Adds a file, or replaces it."""
        self.files[path] = content
        self.swap()

    def clear(self) -> None:
        """Takes every file away."""
        self.files = {}
        self.swap()

    def swap(self) -> None:
        """Shows the files as they are now, at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data, new = self.folder / f"{OWN}data", self.folder / f"{OWN}data_tmp"
        old = data.readlink() if data.is_symlink() else None
        self._version += 1
        version = f"{OWN}2026_11_29_10_00_00.{self._version}"
        self._write(self.folder / version)
        new.unlink(missing_ok=True)
        new.symlink_to(version)
        new.rename(data)
        self._link()
        if old:
            shutil.rmtree(self.folder / old)

    def forbid(self, target: Path) -> None:
        """Every file is now a link to one that may not be read."""
        for path in self.files:
            file = self.folder / f"{OWN}data" / path
            file.unlink()
            file.symlink_to(target)

    def remove(self) -> None:
        """Takes the folder away."""
        shutil.rmtree(self.folder)

    def _write(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        for path, content in self.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(MODE)

    def _link(self) -> None:
        """Links for new files, and none for those that are gone."""
        wanted = {path.partition("/")[0] for path in self.files}
        shown = {entry.name for entry in self.folder.iterdir() if not entry.name.startswith(OWN)}
        for name in wanted - shown:
            (self.folder / name).symlink_to(f"{OWN}data/{name}")
        for name in shown - wanted:
            (self.folder / name).unlink()
