"""Key files, other credentials and chains of impersonation, in forms that users may have written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from tests.servers.google import PROJECT, READER

TARGET = f"target@{PROJECT}.iam.gserviceaccount.com"
#: Values of ``type``; ``...`` leaves it out.
TYPES: list[Any] = ["service_account", "authorized_user", "external_account", "something", "", 5, None, ...]
USER = {
    "type": "authorized_user",
    "client_id": "client",
    "client_secret": "client-secret",
    "refresh_token": f"{READER} refresh",
}


@dataclass(frozen=True)
class Written:
    """Credentials as options and variables. ``differs`` is the outcome of the official class and of ours."""

    id: str
    kwargs: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    differs: tuple[str, str] | None = None


def changed(key: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A key with other members; ``...`` removes one."""
    return {name: value for name, value in {**key, **changes}.items() if value is not ...}


def in_each_place(label: str, content: Mapping[str, Any], folder: Path) -> Iterator[Written]:
    """The same content in every option and in the variable."""
    path = folder / f"{label.replace(' ', '-').replace('/', '-')}.json"
    path.write_text(json.dumps(content))
    yield Written(f"{label}, gcp_key_path", {"gcp_key_path": str(path)})
    yield Written(f"{label}, gcp_keyfile_dict", {"gcp_keyfile_dict": dict(content)})
    yield Written(f"{label}, file", {"gcp_credential_config_file": str(path)})
    yield Written(f"{label}, content", {"gcp_credential_config_file": dict(content)})
    yield Written(f"{label}, text", {"gcp_credential_config_file": json.dumps(content)})
    yield Written(f"{label}, variable", {}, {"GOOGLE_APPLICATION_CREDENTIALS": str(path)})


def types(key: Mapping[str, Any], folder: Path) -> Iterator[Written]:
    """Keys with every value of ``type``, and a user's login, in every place."""
    for kind in TYPES:
        label = "no type" if kind is ... else f"type {kind!r}"
        yield from in_each_place(label, changed(key, type=kind), folder)
    yield from in_each_place("a login", USER, folder)


def members(key: Mapping[str, Any], folder: Path) -> Iterator[Written]:
    """Keys without a member, and private keys in other forms."""
    for name in ("client_email", "private_key", "private_key_id", "client_id", "project_id", "universe_domain"):
        yield from in_each_place(f"no {name}", changed(key, **{name: ...}), folder)
    for case in in_each_place("no token_uri", changed(key, token_uri=...), folder):
        yield Written(case.id, case.kwargs, case.environment, ("raises", "value"))
    pem = key["private_key"]
    private = load_pem_private_key(pem.encode(), None)
    older = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    for label, text in {
        "older form": older,
        "carriage returns": pem.replace("\n", "\r\n"),
        "no last line break": pem.rstrip("\n"),
        "spaces around": f"\n {pem} \n",
        "written out": pem.replace("\n", "\\n"),
        "no lines": pem.replace("\n", ""),
        "empty": "",
    }.items():
        yield from in_each_place(f"key {label}", changed(key, private_key=text), folder)
    for case in in_each_place("another universe", changed(key, universe_domain="example.com"), folder):
        yield Written(case.id, case.kwargs, case.environment, ("value", "raises"))


def logins(folder: Path) -> Iterator[Written]:
    """A user's login, whose token the official class requests from Google whatever the file says."""
    for label, uri, differs in (
        ("no address", ..., None),
        ("https", "https://oauth2.googleapis.com/token", None),
        ("plain http", "http://oauth2.googleapis.com/token", ("value", "raises")),
        ("no scheme", "oauth2.googleapis.com/token", ("value", "raises")),
    ):
        path = folder / f"login-{label.replace(' ', '-')}.json"
        path.write_text(json.dumps(changed(USER, token_uri=uri)))
        yield Written(f"login {label}", {}, {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}, differs)


def chains(key: Mapping[str, Any]) -> Iterator[Written]:
    """Impersonated accounts, or none."""
    alike: list[Any] = [TARGET, [TARGET], "", [], None, [""], [None], [TARGET, ""], [TARGET, None]]
    alike += ["nobody", [READER], f"{TARGET},{TARGET}", [[TARGET]]]
    for chain in alike:
        yield Written(f"chain {chain}", {"gcp_keyfile_dict": dict(key), "impersonation_chain": chain})
    for chain in (["", TARGET], [None, TARGET]):
        kwargs = {"gcp_keyfile_dict": dict(key), "impersonation_chain": chain}
        yield Written(f"chain {chain}", kwargs, {}, ("raises", "value"))


def written(key: Mapping[str, Any], folder: Path) -> list[Written]:
    """All written credentials."""
    return [*types(key, folder), *members(key, folder), *logins(folder), *chains(key)]
