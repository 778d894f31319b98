"""The platforms that have a wheel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A platform: its name in Rust, the tag of its wheel, and the name that uv has for it.

    ``newest`` is the newest symbol version of glibc that the wheel may ask for; musl has no such versions.
    """

    triple: str
    tag: str
    uv: str
    newest: str | None = None

    @property
    def is_musl(self) -> bool:
        """Whether the C library is musl."""
        return self.triple.endswith("-musl")

    @property
    def machine(self) -> str:
        """The processor, as ``platform.machine()`` has it on Linux."""
        return self.triple.partition("-")[0]


#: What `make wheels` builds on one machine, with zig as the linker: Rust's standard library needs glibc 2.17 itself.
LINUX = (
    Target("x86_64-unknown-linux-gnu", "manylinux_2_17_x86_64", "x86_64-manylinux_2_17", "2.17"),
    Target("aarch64-unknown-linux-gnu", "manylinux_2_17_aarch64", "aarch64-manylinux_2_17", "2.17"),
    Target("x86_64-unknown-linux-musl", "musllinux_1_2_x86_64", "x86_64-unknown-linux-musl"),
    Target("aarch64-unknown-linux-musl", "musllinux_1_2_aarch64", "aarch64-unknown-linux-musl"),
)
#: What only a Mac links: the release workflow builds these.
MACOS = (
    Target("x86_64-apple-darwin", "macosx_10_12_x86_64", "x86_64-apple-darwin"),
    Target("aarch64-apple-darwin", "macosx_11_0_arm64", "aarch64-apple-darwin"),
)
TARGETS = {target.triple: target for target in (*LINUX, *MACOS)}


def of_wheel(name: str) -> Target:
    """The platform that the name of a wheel is for."""
    tags = name.removesuffix(".whl").rsplit("-", 1)[-1].split(".")
    for target in TARGETS.values():
        if target.tag in tags:
            return target
    raise SystemExit(f"{name}: no platform in tests/tools/release/targets.py has one of the tags {', '.join(tags)}")
