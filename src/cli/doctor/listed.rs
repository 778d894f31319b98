//! What a listing reports about secrets that cannot be read, or soon cannot, and about names that several ids
//! share.

use std::time::{Duration, SystemTime};

use crate::cli::setup::Setup;
use crate::store::Description;
use crate::store::convention::Kind;
use crate::store::tools::{Finding, Severity};

/// A deletion sooner than this is reported.
const SOON: Duration = Duration::from_secs(30 * 86_400);

/// The most names that are shown.
const SHOWN: usize = 10;

/// What is noteworthy about the secrets of a kind.
pub(super) fn judged(setup: &Setup, kind: Kind, listed: &[(String, Description)]) -> Vec<Finding> {
    let now = SystemTime::now();
    let shared = listed.iter().filter(|(id, _)| ids(setup, kind, id).len() > 1);
    let found = [disabled(kind, listed), expired(kind, listed, now), leaving(kind, listed, now)];
    let shared = shared_names(kind, &shared.map(|(id, _)| id.as_str()).collect::<Vec<_>>());
    found.into_iter().chain([shared]).flatten().collect()
}

/// The ids of Airflow that a listed id may belong to: a name in Key Vault has dashes where an id has
/// underscores, one in Doppler underscores where an id has dashes.
pub(super) fn ids(setup: &Setup, kind: Kind, id: &str) -> Vec<String> {
    let others = [id.replace('-', "_"), id.replace('_', "-")].into_iter();
    let shared = others.filter(|other| other != id && setup.settings.are_one(kind, other, id));
    std::iter::once(id.to_owned()).chain(shared).collect()
}

fn disabled(kind: Kind, listed: &[(String, Description)]) -> Option<Finding> {
    let ids = chosen(listed, |secret| !secret.is_readable());
    warning(kind, "state", &ids, "cannot be read: disabled", "Enable them, or delete what is not needed")
}

fn expired(kind: Kind, listed: &[(String, Description)], now: SystemTime) -> Option<Finding> {
    let ids = chosen(listed, |secret| secret.expires.is_some_and(|end| end < now));
    let remedy =
        "Write new values with a later end, or take the end away; the store may hand out the old ones still";
    warning(kind, "expired", &ids, "are past the end that was written on them", remedy)
}

fn leaving(kind: Kind, listed: &[(String, Description)], now: SystemTime) -> Option<Finding> {
    let is_soon = |end: SystemTime| end.duration_since(now).map_or(true, |left| left < SOON);
    let ids = chosen(listed, |secret| secret.deleted.is_some_and(is_soon));
    warning(
        kind,
        "expired",
        &ids,
        "will be deleted within 30 days",
        "Move the end that is set on them, or take it away",
    )
}

fn chosen(listed: &[(String, Description)], wanted: impl Fn(&Description) -> bool) -> Vec<&str> {
    listed.iter().filter(|(_, secret)| wanted(secret)).map(|(id, _)| id.as_str()).collect()
}

fn warning(kind: Kind, check: &'static str, ids: &[&str], what: &str, remedy: &str) -> Option<Finding> {
    let evidence = format!("{} of kind {kind} {what}: {}", ids.len(), shown(ids));
    (!ids.is_empty()).then(|| Finding::new(Severity::Warning, check, evidence, remedy))
}

fn shared_names(kind: Kind, ids: &[&str]) -> Option<Finding> {
    let evidence = format!(
        "{} of kind {kind} answer to an id with `-` and to the same with `_`: {}",
        ids.len(),
        shown(ids)
    );
    let remedy = "Use one of the two spellings: to the store both are one secret";
    (!ids.is_empty()).then(|| Finding::new(Severity::Note, "names", evidence, remedy))
}

fn shown(ids: &[&str]) -> String {
    let names: Vec<_> = ids.iter().take(SHOWN).map(|id| format!("`{id}`")).collect();
    let more = if ids.len() > names.len() { " and more" } else { "" };
    format!("{}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret_with(change: impl Fn(&mut Description)) -> Vec<(String, Description)> {
        let mut secret = Description::of("p-a");
        change(&mut secret);
        vec![("a".to_owned(), secret)]
    }

    #[test]
    fn secrets_that_cannot_be_read_for_long_are_reported() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let later = |days: u64| Some(now + Duration::from_secs(days * 86_400));
        let kind = Kind::Connection;
        assert_eq!(disabled(kind, &secret_with(|secret| secret.state = Some("enabled"))), None);
        let found = disabled(kind, &secret_with(|secret| secret.state = Some("disabled"))).unwrap();
        insta::assert_snapshot!(found.evidence, @"1 of kind connection cannot be read: disabled: `a`");
        assert_eq!(expired(kind, &secret_with(|secret| secret.expires = later(1)), now), None);
        assert!(expired(kind, &secret_with(|secret| secret.expires = later(1)), now + SOON).is_some());
        assert_eq!(leaving(kind, &secret_with(|secret| secret.deleted = later(31)), now), None);
        assert!(leaving(kind, &secret_with(|secret| secret.deleted = later(29)), now).is_some());
        assert_eq!(
            (expired(kind, &secret_with(|_| ()), now), leaving(kind, &secret_with(|_| ()), now)),
            (None, None)
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(shown(&["x"; 11]), format!("{} and more", ["`x`"; 10].join(", ")));
    }
}
