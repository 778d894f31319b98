//! Why a reference is not followed. Each message names the reference, and nothing of the value around it.

use crate::backend::references::parse::Reference;
use crate::error::{Error, ErrorKind};
use crate::redact::Shown;
use crate::store::SecretName;

/// An error on the way of `reference`, which is in `place` of what holds it.
pub(super) fn in_reference(error: Error, reference: &Reference, place: &[String]) -> Error {
    let place = if place.is_empty() { String::new() } else { format!(" in `{}`", Shown(&place.join("."))) };
    error.about(format!("the reference `{reference}`{place}"))
}

pub(super) fn off(member: &str) -> Error {
    Error::config("references are not resolved here, since `references` in backend_kwargs allows none")
        .with_hint(format!(
            "Allow it, such as with \"references\": [{{\"member\": \"{}\", \"name\": \".*\"}}], or store the \
            secret itself",
            Shown(member)
        ))
}

pub(super) fn not_allowed(member: &str, name: &SecretName) -> Error {
    let member = Shown(member);
    Error::config(format!("`references` in backend_kwargs does not allow `{name}` of `{member}`")).with_hint(
        format!("Add {{\"member\": \"{member}\", \"name\": PATTERN}} to `references` if it should"),
    )
}

pub(super) fn nameless() -> Error {
    Error::config("it names a member and no secret").with_hint("Write secret_coordinate::MEMBER:NAME")
}

pub(super) fn missing(member: &str, name: &SecretName) -> Error {
    let message = format!("there is no secret `{name}` in `{}`", Shown(member));
    Error::new(ErrorKind::Malformed, message).with_hint(
        "Create it, or correct the reference: its name is the store's own, without a prefix of Airflow",
    )
}

pub(super) fn team(member: &str, name: &SecretName) -> Error {
    let message = format!("`{name}` of `{}` is not for the team that asks", Shown(member));
    Error::config(message).with_hint("Refer to a secret of the same team, or to one that all teams share")
}

pub(super) fn foreign(member: &str) -> Error {
    Error::config(format!(
        "`{}` is a class of another package, which has no names to refer to",
        Shown(member)
    ))
    .with_hint("Refer to a member that is a store")
}

pub(super) fn circle(way: &str) -> Error {
    Error::config(format!("the references form a circle: {way}")).with_hint("Store a value in one of them")
}

pub(super) fn too_deep(most: usize, way: &str) -> Error {
    Error::config(format!("more than {most} references follow one another: {way}"))
        .with_hint("Refer to the secret itself")
}

pub(super) fn too_many(most: usize) -> Error {
    Error::config(format!("a single lookup leads to more than {most} references"))
        .with_hint("Put the values into one secret")
}

/// A secret that is written out.
pub(super) fn plain(name: &SecretName, place: &str) -> Error {
    Error::config(format!("{place} in `{name}` holds a secret itself, which `references_only` refuses"))
        .with_hint("Store the secret under a name of its own, and write secret_coordinate::NAME in its place")
}
