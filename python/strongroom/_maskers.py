"""Puts our matcher into the log maskers of the running Airflow.

Airflow's masker compiles one pattern of all its texts at each registration, which takes seconds with forty
connections. Its class keeps its methods and gets three new parts: `add_mask` records what Airflow's own would add,
`patterns` and `replacer` are backed by a native index. Airflow's code still decides what is hidden and
which texts are too short. An unexpected class is left unchanged.
"""

from __future__ import annotations

import os
import sys

from strongroom import _native
from strongroom._signals import quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any, TypeAlias

    Masker: TypeAlias = Any
    """An object of Airflow's masker class, whichever it is."""

_MODULES = (
    "airflow._shared.secrets_masker.secrets_masker",
    "airflow.sdk._shared.secrets_masker.secrets_masker",
    "airflow.sdk.execution_time.secrets_masker",
    "airflow.utils.log.secrets_masker",
)
"""The modules of the masker in Airflow 3.1 and newer (core, Task SDK), 3.0 and 2.x. Each copy has its own list."""

_SHORTEST = 5
"""The least length of a masked text, in characters, for a masker without a limit of its own."""

_KEY = "_strongroom_masks"
"""The attribute in which a masker keeps the texts that it hides."""

_done: dict[str, bool] = {}
"""The modules that were checked, and whether their class has our matcher."""

_failed: dict[type[Exception], bool] = {}
"""What went wrong with a text, and whether it still has to be logged."""

_taken_over_by: int | None = None
"""The process that patched the first class: a child sees from it that its parent has our matcher too."""


def take_over() -> None:
    """Give our matcher to each loaded masker class without it. Never fails; logs a failure once at DEBUG."""
    for name in _MODULES:
        if name not in _done and (module := sys.modules.get(name)) is not None:
            quietly(_take_over, name, module)


def loaded() -> Iterator[tuple[Masker, ModuleType]]:
    """The maskers that process the log lines of this process, each with its module."""
    for name in _MODULES:
        module = sys.modules.get(name)
        if module is not None and "SecretsMasker" in vars(module) and "_secrets_masker" in vars(module):
            yield from ((masker, module) for masker in _instances(module))


def parent_has_our_matcher() -> bool:
    """Whether this process was forked by one whose maskers take linear time for the texts that they get."""
    return _taken_over_by is not None and _taken_over_by != os.getpid()


def hides(masker: Masker, module: ModuleType, name: str | None) -> bool:
    """Whether the masker would hide a text with the key `name`, according to its own rule."""
    rule = getattr(masker, "should_hide_value_for_key", None) or module.should_hide_value_for_key
    return name is None or bool(rule(name))


def least(masker: Masker, module: ModuleType) -> int:
    """Return the least length of a masked text: of Airflow 3.1 and newer, of 3.0, and of 2.x, which has no limit."""
    found = getattr(masker, "min_length_to_mask", None)
    if found is None and "get_min_secret_length" in vars(module):
        found = module.get_min_secret_length()
    return _SHORTEST if found is None else int(found)


def _instances(module: ModuleType) -> list[Masker]:
    """The module's own masker, and those that a second configuration of logging has added (Airflow 2)."""
    found: list[Masker] = []
    quietly(lambda: found.append(module._secrets_masker()))  # raises while logging is not configured
    logging = sys.modules.get("logging")
    for each in logging.getLogger("airflow.task").filters if logging else ():
        if isinstance(each, module.SecretsMasker) and not any(each is known for known in found):
            found.append(each)
    return found


# What a masker hides


class Replacer(_native.Masks):
    """Replaces Airflow's compiled pattern of all texts."""

    patterns: set[str]

    def __getattr__(self, name: str) -> Any:
        """Attributes that this class lacks (`pattern`, `search`, ...) come from such a pattern."""
        if name == "patterns":
            raise AttributeError(name)
        return getattr(_compiled(self.patterns), name)

    def sub_by_pattern(self, replacement: Any, text: Any, count: int) -> Any:
        """The result of `sub` of such a pattern, for calls that do more than replace each text by another."""
        return _compiled(self.patterns).sub(replacement, text, count=count)


class _Both:
    """Our replacer, and a pattern that other code has set or that is not one text."""

    def __init__(self, ours: Replacer, foreign: Any) -> None:
        self.ours, self.foreign = ours, foreign

    def sub(self, replacement: Any, text: str, count: int = 0) -> str:
        hidden: str = self.foreign.sub(replacement, self.ours.sub(replacement, text), count=count)
        return hidden

    def __getattr__(self, name: str) -> Any:
        return getattr(self.foreign, name)


class _Held:
    """The texts of one masker: escaped, in a set as Airflow has it, and in our index."""

    __slots__ = ("foreign", "indexed", "ours", "patterns")

    def __init__(self, patterns: set[str]) -> None:
        self.patterns = patterns
        self.ours = Replacer()
        self.ours.patterns = patterns
        self.foreign: Any = None
        self.indexed = 0

    def add(self, pattern: str) -> None:
        """Hide the text of an escaped pattern."""
        if pattern not in self.patterns:
            # Before it is in the set: another thread may assume that a text in the set is indexed.
            self._index(pattern)
            self.patterns.add(pattern)
            self.indexed += 1

    def replacer(self) -> Any:
        """The value of Airflow's `replacer`: None while there is nothing to hide."""
        if self.indexed != len(self.patterns):
            # Other code has added to the set.
            for pattern in list(self.patterns):
                self._index(pattern)
            self.indexed = len(self.patterns)
        if self.foreign is not None:
            return _Both(self.ours, self.foreign)
        return self.ours if self.ours.count() else None

    def take(self, replacer: Any) -> None:
        """Continue with a replacer that other code sets; None alone makes nothing visible."""
        if isinstance(replacer, Replacer):
            self.ours, self.indexed = replacer, len(self.patterns)
        elif isinstance(replacer, _Both):
            self.ours, self.foreign, self.indexed = replacer.ours, replacer.foreign, len(self.patterns)
        elif replacer is not None:
            self.foreign = replacer

    def copy(self) -> _Held:
        """A copy of the texts, independent from here on."""
        copy = _Held(set(self.patterns))
        copy.ours.extend(self.ours)
        copy.foreign, copy.indexed = self.foreign, self.indexed
        return copy

    def pattern(self) -> Any:
        """One pattern of all texts, for a process that may run without us; None if there is nothing to hide."""
        foreign = getattr(self.foreign, "pattern", None)
        texts = self.patterns | ({foreign} if isinstance(foreign, str) else set())
        return _compiled(texts) if texts else None

    def _index(self, pattern: str) -> None:
        if not self.ours.add_pattern(pattern):
            quietly(self._index_by_pattern, pattern)  # an invalid pattern hides nothing

    def _index_by_pattern(self, pattern: str) -> None:
        import re

        before = getattr(self.foreign, "pattern", None)
        self.foreign = re.compile(f"{before}|{pattern}" if isinstance(before, str) and before else pattern)


def _compiled(patterns: set[str]) -> Any:
    """A pattern of all texts, the longest first, so that no tail of one stays visible."""
    import re

    return re.compile("|".join(sorted(patterns, key=len, reverse=True)) or r"(?!)")


def _held(masker: Masker) -> _Held:
    """The texts that a masker hides; a masker created before it had our matcher brings its own."""
    held: _Held | None = masker.__dict__.get(_KEY)
    if held is None:
        # One step for all threads: the set of such a masker stays in place.
        held = masker.__dict__.setdefault(_KEY, _Held(masker.__dict__.get("patterns", set())))
    return held


class _Recorder:
    """Replaces a masker while Airflow's own `add_mask` runs, and keeps what that would add."""

    def __init__(self, masker: Masker, add_mask: Callable[..., None]) -> None:
        self._masker, self._add_mask = masker, add_mask
        self.added: list[str] = []
        self.patterns = self
        self.replacer: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._masker, name)

    def add_mask(self, secret: Any, name: str | None = None) -> None:
        """Adds the texts of a list or dict, one by one."""
        self._add_mask(self, secret, name)

    def add(self, pattern: str) -> None:
        """The method of a set."""
        self.added.append(pattern)

    def __contains__(self, pattern: str) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        """Empty, so that Airflow compiles the empty pattern, which `re` has cached."""
        return iter(())


# The class


def _take_over(name: str, module: ModuleType) -> None:
    masker_class = vars(module).get("SecretsMasker")
    if masker_class is None or "_secrets_masker" not in vars(module):
        return  # still being imported, or a name with another meaning
    before = {part: vars(masker_class)[part] for part in _PARTS if part in vars(masker_class)}
    _done[name] = False
    error = quietly(_equip, masker_class)
    if error is not None:
        _restore(masker_class, before)
        _say(f"Airflow's log masker in {name} is not as expected ({type(error).__name__}); it is used as it is.")
        return
    global _taken_over_by
    _done[name], _taken_over_by = True, _taken_over_by or os.getpid()
    _native.masking_changed()


def _equip(masker_class: type) -> None:
    for part, make in _PARTS.items():
        setattr(masker_class, part, make(masker_class))
    _try_out(masker_class)


def _restore(masker_class: type, before: dict[str, Any]) -> None:
    for part in _PARTS:
        if part in before:
            setattr(masker_class, part, before[part])
        elif part in vars(masker_class):
            delattr(masker_class, part)


def _add_mask(masker_class: type) -> Callable[..., None]:
    airflows = vars(masker_class)["add_mask"]

    def add_mask(self: Masker, secret: Any, name: str | None = None) -> None:
        """Add a new secret to be masked to this filter instance."""

        def ours() -> None:
            recorder = _Recorder(self, airflows)
            airflows(recorder, secret, name)
            held = _held(self)
            for pattern in recorder.added:
                held.add(pattern)

        error = quietly(ours)
        if error is not None:
            if _failed.setdefault(type(error), True):
                _failed[type(error)] = False
                _say(f"Airflow's log masker is used as it is for a text ({type(error).__name__}).")
            airflows(self, secret, name)

    return add_mask


def _patterns(_: type) -> property:
    def set_patterns(self: Masker, patterns: set[str]) -> None:
        self.__dict__[_KEY] = _Held(patterns)
        _native.masking_changed()

    return property(lambda self: _held(self).patterns, set_patterns)


def _replacer(_: type) -> property:
    def get_replacer(self: Masker) -> Any:
        # Airflow reads this twice for each text of a line.
        held = self.__dict__.get(_KEY)
        if held is not None and held.foreign is None and held.indexed == len(held.patterns) > 0:
            return held.ours
        return _held(self).replacer()

    return property(get_replacer, lambda self, replacer: _held(self).take(replacer))


def _copy(_: type) -> Callable[[Masker], Masker]:
    def copy(self: Masker) -> Masker:
        """Share the texts that are hidden now, as a copy of a masker with its set and pattern does."""
        new: Masker = object.__new__(type(self))
        new.__dict__.update(self.__dict__, **{_KEY: _held(self)})
        return new

    return copy


def _deepcopy(_: type) -> Callable[[Masker, Any], Masker]:
    def deepcopy(self: Masker, memo: Any) -> Masker:
        from copy import deepcopy

        new: Masker = object.__new__(type(self))
        memo[id(self)] = new
        rest = {key: value for key, value in self.__dict__.items() if key != _KEY}
        new.__dict__.update(deepcopy(rest, memo), **{_KEY: _held(self).copy()})
        return new

    return deepcopy


def _reduce(_: type) -> Callable[..., Any]:
    def reduce(self: Masker, protocol: Any) -> tuple[Any, ...]:
        """Pickle the attributes of Airflow's own class, for a process that may run without us."""
        held = _held(self)
        state = {key: value for key, value in self.__dict__.items() if key != _KEY}
        state.update(patterns=set(held.patterns), replacer=held.pattern())
        return object.__new__, (type(self),), state

    return reduce


_PARTS: dict[str, Callable[[type], Any]] = {
    "add_mask": _add_mask,
    "patterns": _patterns,
    "replacer": _replacer,
    "__copy__": _copy,
    "__deepcopy__": _deepcopy,
    "__reduce_ex__": _reduce,
}


def _try_out(masker_class: type) -> None:
    """Raise unless a masker of the class hides a text, in a sentence and in a dict, and forgets it."""
    masker: Masker = masker_class()
    text = f"strongroom {os.urandom(12).hex()}"
    masker.add_mask([text])
    hidden = masker.redact(f"<{text}>") == "<***>" and masker.redact({"a": [text]}) == {"a": ["***"]}
    kept = masker.redact("benign") == "benign" and len(masker.patterns) > 0
    masker.patterns = set()
    if not (hidden and kept and masker.redact(text) == text):
        raise TypeError("the masker does not behave as it should")


def _say(text: str) -> None:
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger("strongroom").debug(text)
