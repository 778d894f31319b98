"""How the suite runs a store: the interface of a harness."""

from __future__ import annotations

import contextlib
import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tests.conformance.capability import Capability

if TYPE_CHECKING:
    from strongroom._base import SecretsBackend

Kind = Literal["connection", "variable", "config"]
Options = dict[str, Any]

KINDS: tuple[Kind, ...] = ("connection", "variable", "config")

#: Ids with a special meaning in a path, a URL, a shell, JSON, YAML, a log or a pattern. Each store holds those it can.
ODD_NAMES: Mapping[str, str] = {
    "space": "odd name",
    "spaces around": " odd ",
    "accents": "dépôt-Ünïcode",
    "decomposed": "de\u0301po\u0302t-U\u0308ni\u0308code",
    "other scripts": "名前-Ω-\U0001f600",
    "slash": "odd/name",
    "slashes": "/odd//name/",
    "dots": "odd/../name",
    "only dots": "..",
    "single quote": "it's odd",
    "double quote": 'an "odd" name',
    "backslash": "odd\\name\\u0041",
    "percent": "odd%2Fname%00",
    "query": "odd?name=a&b#c",
    "braces": "{odd}${name}{{name}}",
    "equals": "odd=name",
    "colon": "odd: name",
    "stars": "*odd[a-z]+(name)?$",
    "upper case": "ODD NAME",
    "tab": "odd\tname",
    "newline": "odd\nname",
    "control": "odd\x01\x1b[31mname\x7f",
    "separator": "odd\u2028name\u0085",
    "zero": "odd\0name",
    "long": "odd-" + "n" * 400,
}


@dataclass(frozen=True)
class Planting:
    """A configuration with made-up secrets in it, in addition to those of the usual one."""

    label: str
    options: Options
    environment: Mapping[str, str] = field(default_factory=dict)


class Harness(ABC):
    """A store on a server; its description in ``tests/stores`` names it.

    It is opened once per session and emptied before each test.
    """

    #: The name in ``strongroom.stores()``.
    store: ClassVar[str]
    #: The server, if a store is tested on several.
    server: ClassVar[str] = ""
    #: The capabilities of the store on this server. What the server cannot do is left out.
    capabilities: ClassVar[frozenset[Capability]]
    #: Labels of ``ODD_NAMES`` that no secret of this store can have.
    impossible_names: ClassVar[frozenset[str]] = frozenset()
    #: Other spellings of the id ``hello`` that mean the same secret.
    same_as_hello: ClassVar[frozenset[str]] = frozenset()
    #: Whether the store treats capital and small letters in names as equal.
    ignores_case: ClassVar[bool] = False
    #: How often a read with refused credentials is sent: twice, if it is repeated with another token.
    refused_reads: ClassVar[int] = 1
    #: The option with the store's address, and the store's name for ``verify``.
    address_option: ClassVar[str] = "endpoint_url"
    verify_option: ClassVar[str] = "verify"

    def __init__(self, folder: Path) -> None:
        """``folder`` belongs to the harness alone."""
        self.folder = folder
        #: Different for each test: backends with the same configuration share a cache.
        self.generation = 0

    @classmethod
    def label(cls) -> str:
        """The name of the harness in test ids."""
        return f"{cls.store}-{cls.server}" if cls.server else cls.store

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Runs the servers."""
        yield

    @abstractmethod
    def reset(self) -> None:
        """Deletes every secret, fault and count."""

    @abstractmethod
    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Stores a value, or replaces it."""

    @abstractmethod
    def options(self) -> Options:
        """The ``backend_kwargs`` of a backend that reads the stored values. They can be expressed in JSON."""

    def inject(self, fault: Capability) -> Options:
        """Makes every read fail from now on. The returned options replace those of a backend.

        If it returns none, an existing backend meets the fault too, and works again after ``heal``.
        """
        raise NotImplementedError(fault)

    def heal(self) -> None:  # noqa: B027 (without faults there is nothing to end)
        """Ends the fault. The secrets stay."""

    def requests(self) -> int:
        """How often a value was requested from the store since the last reset."""
        raise NotImplementedError

    def plantings(self, canary: str) -> list[Planting]:
        """Configurations that hold ``canary`` in the store's credentials: in files, in the environment.

        The suite itself plants options that are marked as secret.
        """
        del canary
        return []

    def description(self) -> Any:
        """The entry of the store in ``strongroom.stores()``."""
        # Imported here because the descriptions of the stores are also read where the wheel is not installed.
        import strongroom

        return next(store for store in strongroom.stores() if store["name"] == self.store)

    def trusting(self, *authorities: Path) -> Path:
        """A bundle of ``authorities``, and of the one that the store's own options trust for its logins."""
        bundle = self.folder / "trusted.pem"
        own = self.options().get("ca_bundle")
        bundle.write_text("".join(Path(file).read_text() for file in (*authorities, own) if file))
        return bundle

    def backend(self, **options: Any) -> SecretsBackend:
        """A backend that reads the stored values, with further ``options``."""
        return backend_class(self.store)(**{"cache_max_entries": self.generation, **self.options(), **options})


def backend_class(store: str) -> type[SecretsBackend]:
    """The Python class of a store."""
    import strongroom

    place = next(known["python_class"] for known in strongroom.stores() if known["name"] == store)
    module, _, name = place.rpartition(".")
    found: type[SecretsBackend] = getattr(importlib.import_module(module), name)
    return found


def look_up(backend: SecretsBackend, kind: Kind, secret_id: str, team: str | None = None) -> Any:
    """The result of the getter for a kind."""
    if kind == "connection":
        return backend.get_conn_value(secret_id, team)
    return backend.get_variable(secret_id, team) if kind == "variable" else backend.get_config(secret_id)
