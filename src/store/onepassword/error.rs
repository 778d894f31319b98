//! What the statuses of a Connect server mean. Its words are not shown, since they may hold what was sent.

use crate::error::{Error, ErrorKind};
use crate::redact::Shown;
use crate::store::kit::service::Dialect;
use crate::store::kit::vendor::Vendor;
use crate::value::json::Value;

use super::config::ADDRESS;

/// The service in its own words: its errors are `{"status": 404, "message": "..."}`.
pub(super) const CONNECT: Dialect = Dialect {
    vendor: Vendor {
        name: "1Password Connect",
        inside: "1Password Connect",
        server: "1Password Connect",
        rejects: "1Password Connect does not accept the token",
        address: ADDRESS.key,
    },
    address: ADDRESS,
    address_variable: Some("OP_CONNECT_HOST"),
    token: ("token", "OP_CONNECT_TOKEN"),
    is_own: |body| {
        let status = body.get("status").and_then(Value::as_i64);
        status.is_some() && body.get("message").and_then(Value::as_str).is_some()
    },
    kinds: &[(400, ErrorKind::InvalidName), (404, ErrorKind::Config)],
    hints: &[
        (
            ErrorKind::Denied,
            "Correct `vault`, or make a token that may read it, as `strongroom policy onepassword` shows",
        ),
        (ErrorKind::Config, "Correct `vault`: its name or its id, of a vault that the token may read"),
        (ErrorKind::InvalidName, "Check prefix and id: the Connect server does not take them for a title"),
        (
            ErrorKind::Unauthenticated,
            "Check `token` or OP_CONNECT_TOKEN: it may be revoked, expired or of another Connect server",
        ),
        (ErrorKind::Unreachable, "Try again later, and look at the log of the Connect server"),
    ],
};

/// Several items have the title that was asked for.
pub(super) fn ambiguous<'id>(subject: &str, ids: impl Iterator<Item = &'id str>) -> Error {
    let what = format!("{subject} is not possible: several items have this title: {}", listed(ids));
    Error::new(ErrorKind::Malformed, what).with_hint("Rename or archive all of them but one")
}

/// No vault has the name that is written, as far as the token shows it.
pub(super) fn no_such_vault(subject: &str, name: &str) -> Error {
    let what = format!("{subject} failed: the token may read no vault with the name `{}`", Shown(name));
    Error::config(what).with_hint("Correct `vault`, or make a token that may read it")
}

/// Several vaults have the name that is written.
pub(super) fn several_of_name<'id>(subject: &str, name: &str, ids: impl Iterator<Item = &'id str>) -> Error {
    let what = format!("{subject} failed: several vaults have the name `{}`: {}", Shown(name), listed(ids));
    Error::config(what).with_hint("Write the id of one of them as `vault`")
}

/// No vault is written, and the token does not decide.
pub(super) fn no_only_vault<'name>(subject: &str, names: impl Iterator<Item = &'name str>) -> Error {
    let names = listed(names);
    let what = match names.as_str() {
        "" => format!("{subject} failed: the token may read no vault"),
        names => format!("{subject} failed: no vault is named, and the token may read several: {names}"),
    };
    Error::config(what).with_hint("Write `vault`: the name or the id of the vault")
}

/// An item that does not hold what is looked for. The subject, which names the item, is put before it later.
pub(super) fn without_field(what: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("the item has no field {what}"))
        .with_hint("Add the field, or name the one that holds the value in `field`")
}

/// A field that an item has several times.
pub(super) fn repeated(field: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("the item has several fields `{}`", Shown(field)))
        .with_hint("Rename all of them but one, or name the section of the right one in `section`")
}

fn listed<'name>(names: impl Iterator<Item = &'name str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{}`", Shown(name))).collect();
    names.join(", ")
}
