"""The package reads from each store by itself: no other package can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import strongroom
from tests.stores import described
from tests.stores.guarded import GuardedStore

ALONE = [
    name for name, store in described().items() if isinstance(store, GuardedStore) or name in ("local", "mounted_files")
]
SCRIPT = """
import importlib, json, sys
folder, place, options = sys.argv[1:]
sys.path.append(folder)
module, _, name = place.rpartition(".")
backend = getattr(importlib.import_module(module), name)(**json.loads(options))
print(json.dumps([backend.get_variable("hello"), backend.get_variable("gone")]))
assert not [path for path in sys.path if "-packages" in path], sys.path
"""


@pytest.mark.parametrize("name", ALONE)
def test_the_package_alone_reads(request: pytest.FixtureRequest, tmp_path: Path, name: str) -> None:
    store = described()[name]
    server = store.opened(request, tmp_path)
    store.fill(server, {("variable", "hello"): "é value"})
    options, variables = store.deployed(server)
    # What the wheel holds, and nothing that is installed beside it.
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "strongroom").symlink_to(Path(strongroom.__file__).parent, target_is_directory=True)
    command = [sys.executable, "-I", "-S", "-c", SCRIPT, str(alone), store.backend, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["é value", None]
