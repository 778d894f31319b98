"""The exceptions of Strongroom: one tree; every class can be imported by its name and pickled.

No exception contains a secret: messages are built from names, codes and hints.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class StrongroomError(Exception):
    """The base of every exception of this package.

    `kind` is a stable slug for the problem; `store`, `operation` and `code` say where it happened, in the store's
    own terms; `hint` names the remedy; `temporary` says whether the same call may succeed later, not before
    `retry_after` seconds if the store names a time.
    """

    kind = "internal"

    def __init__(
        self,
        message: str,
        *,
        store: str | None = None,
        operation: str | None = None,
        code: str | None = None,
        hint: str | None = None,
        temporary: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Keep the message and its origin."""
        super().__init__(message)
        self.store = store
        self.operation = operation
        self.code = code
        self.hint = hint
        self.temporary = temporary
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by class, message and attributes."""
        return (type(self), self.args, self.__dict__)


class AccessDeniedError(StrongroomError):
    """The identity is known, but may not read this secret."""

    kind = "denied"


class UnauthenticatedError(StrongroomError):
    """There are no credentials, or the store does not accept them."""

    kind = "unauthenticated"


class ThrottledError(StrongroomError):
    """The store asks for fewer calls."""

    kind = "throttled"


class UnreachableError(StrongroomError):
    """No connection to the store, or it answers with a server error."""

    kind = "unreachable"


class LookupTimeoutError(StrongroomError, TimeoutError):
    """The deadline of the lookup passed."""

    kind = "timeout"


class MalformedSecretError(StrongroomError, ValueError):
    """The store answered, but the answer or the stored value is invalid."""

    kind = "malformed"


class ConnectionFormatError(MalformedSecretError):
    """A text is not a valid connection according to Airflow's rules. The message never shows the text."""


class InvalidNameError(StrongroomError, ValueError):
    """A secret with this name cannot exist in the store."""

    kind = "invalid_name"


class ConfigurationError(StrongroomError, ValueError):
    """The configuration cannot work."""

    kind = "config"


class UnsupportedOperationError(StrongroomError):
    """The store cannot do this."""

    kind = "unsupported"


class ConflictError(StrongroomError):
    """What is in the store is not what a write expected."""

    kind = "conflict"


class InternalError(StrongroomError):
    """A defect of Strongroom."""

    kind = "internal"


_BY_KIND: dict[str, type[StrongroomError]] = {
    cls.kind: cls
    for cls in (
        AccessDeniedError,
        UnauthenticatedError,
        ThrottledError,
        UnreachableError,
        LookupTimeoutError,
        MalformedSecretError,
        InvalidNameError,
        ConfigurationError,
        UnsupportedOperationError,
        ConflictError,
        InternalError,
    )
}

_STOPPING_SUFFIX = "StopsAirflow"
_stopping: dict[str, type[StrongroomError]] = {}
_said_so = False


def __getattr__(name: str) -> type[StrongroomError]:
    """Find the classes that also derive from Airflow's, such as `AccessDeniedErrorStopsAirflow`."""
    base = globals().get(name.removesuffix(_STOPPING_SUFFIX))
    if name.endswith(_STOPPING_SUFFIX) and isinstance(base, type) and issubclass(base, StrongroomError):
        return _stopping_class(base)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _stopping_class(base: type[StrongroomError]) -> type[StrongroomError]:
    """Return `base` joined with the exception that ends Airflow's search.

    An Airflow without it (before Task SDK 1.2.2) treats every exception as a miss; the result is then `base`.
    """
    global _said_so
    name = base.__name__ + _STOPPING_SUFFIX
    answer = _http_exception()
    if name not in _stopping or (answer is not None and not issubclass(_stopping[name], answer)):
        try:
            from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied
        except ImportError:
            if not _said_so:
                _said_so = True
                import logging

                logging.getLogger(__name__).warning(
                    "This Airflow has no exception that ends its search for a secret (Task SDK 1.2.2 has), "
                    "so `on_error: deny` and `stop` act as `raise`: the next backend is asked."
                )
            return base
        bases = (base, AirflowSecretsBackendAccessDenied)
        _stopping[name] = (
            type(name, bases, {"__module__": __name__})
            if answer is None
            else type(name, (*bases, answer), {"__module__": __name__, **_FORBIDDEN})
        )
    return _stopping[name]


_FORBIDDEN = {
    "status_code": 403,
    "detail": {"reason": "access_denied", "message": "The secrets backend refused; the log of the server says why."},
    "headers": None,
}


def _http_exception() -> type[Exception] | None:
    """Return the exception that a route of Airflow's server answers with its own status; None where there is no route.

    Any other becomes the status 500, which a task repeats for seconds and then takes for a miss.
    """
    serving = "airflow.api_fastapi.execution_api.app" in sys.modules
    found: type[Exception] | None = getattr(sys.modules.get("starlette.exceptions"), "HTTPException", None)
    return found if serving else None


def _from_native(kind: str, message: str, details: dict[str, Any], stops_airflow: bool) -> StrongroomError:
    cls = _BY_KIND.get(kind, StrongroomError)
    if stops_airflow:
        cls = _stopping_class(cls)
    return cls(message, **details)
