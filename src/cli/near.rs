//! Suggestions for an absent id and for an unknown class.

use crate::cli::list::names;
use crate::cli::setup::{Client, Setup};
use crate::config::airflow::SERVER_CLASS;
use crate::store::convention::Lookup;
use crate::store::registry::STORES;

/// The most ids of a kind that are compared.
const LOOKED_THROUGH: usize = 500;

/// The most that are suggested.
const NAMED: usize = 3;

/// The ids in the store that are similar to the one that was looked up, the most similar first; none if the
/// store does not list them.
pub(super) fn near_ids(setup: &Setup, client: &Client, lookup: Lookup<'_>) -> Vec<String> {
    let Ok((listed, _)) = names(setup, client, lookup.kind, LOOKED_THROUGH) else { return Vec::new() };
    let known = listed.iter().map(|(id, _)| id.as_str());
    nearest(lookup.id, known)
}

fn nearest<'known>(id: &str, known: impl Iterator<Item = &'known str>) -> Vec<String> {
    let mut near: Vec<_> = known
        .filter(|known| *known != id)
        .filter_map(|known| Some((distance(id, known)?, known.to_owned())))
        .collect();
    near.sort();
    near.into_iter().take(NAMED).map(|(_, id)| id).collect()
}

/// The distance between two ids; `None` if it is large.
fn distance(id: &str, known: &str) -> Option<usize> {
    let plain = |id: &str| -> String {
        id.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    if plain(id) == plain(known) {
        return Some(0);
    }
    let length = id.chars().count();
    // With a large difference in length the distance is large, too.
    if length.abs_diff(known.chars().count()) > length / 4 + 1 {
        return None;
    }
    let distance = strsim::damerau_levenshtein(&id.to_lowercase(), &known.to_lowercase());
    (distance <= (length / 4).max(1)).then_some(distance)
}

/// The most similar class: one of ours, or an official one.
pub(super) fn near_class(class: &str) -> Option<&'static str> {
    let known: Vec<_> =
        classes().chain(STORES.iter().filter_map(|entry| entry.tools.official_class)).collect();
    if known.contains(&class) {
        return None;
    }
    let lower = class.to_lowercase();
    let distance = |known: &&str| strsim::damerau_levenshtein(&lower, &known.to_lowercase());
    let (distance, near) = known.iter().map(|known| (distance(known), *known)).min()?;
    if distance <= near.len() / 8 {
        return Some(near);
    }
    // One of our names in the wrong module, or the official name below `strongroom`.
    let name = |path: &str| path.rsplit('.').next().unwrap_or_default().to_lowercase();
    let is_ours = class == "strongroom" || lower.starts_with("strongroom.");
    let near = classes().map(|known| (strsim::damerau_levenshtein(&name(class), &name(known)), known)).min();
    near.filter(|(distance, near)| is_ours && *distance <= name(near).len() / 4).map(|(_, near)| near)
}

/// Our classes.
fn classes() -> impl Iterator<Item = &'static str> {
    STORES.iter().map(|entry| entry.python_class).chain([SERVER_CLASS])
}

/// The end of a sentence: "Did you mean `a` or `b`?".
pub(super) fn question(near: &[String]) -> Option<String> {
    let quoted: Vec<_> = near.iter().map(|id| format!("`{}`", crate::redact::Shown(id))).collect();
    (!quoted.is_empty()).then(|| format!("Did you mean {}?", quoted.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ids_are_named_nearest_first() {
        let known = ["smtp_default", "smtp-defalt", "postgres", "smtp_defaults", "x"];
        assert_eq!(
            nearest("smtp_defalt", known.into_iter()),
            ["smtp-defalt", "smtp_default", "smtp_defaults"]
        );
        assert_eq!(nearest("SMTP_DEFAULT", known.into_iter())[0], "smtp_default");
        assert_eq!(nearest("db", ["dc", "warehouse", "ab"].into_iter()), ["ab", "dc"]);
        assert_eq!(nearest("warehouse", ["lakehouse_of_others", "w"].into_iter()), [""; 0]);
        assert_eq!(question(&["a".to_owned(), "b".to_owned()]).as_deref(), Some("Did you mean `a` or `b`?"));
    }

    #[test]
    fn near_classes_are_named_and_foreign_ones_are_not() {
        let first = STORES[0].python_class;
        assert_eq!(near_class(first), None);
        assert_eq!(near_class(&first.replace("Backend", "Backnd")), Some(first));
        assert_eq!(near_class("company.secrets.Backend"), None);
        assert_eq!(near_class(SERVER_CLASS), None);
        assert_eq!(near_class("strongroom.ServerBackend"), Some(SERVER_CLASS));
        assert_eq!(near_class("strongroom.servers.ServerBackend"), Some(SERVER_CLASS));
        if STORES.iter().any(|entry| entry.info.name == "aws_secrets_manager") {
            assert_eq!(
                near_class("strongroom.SecretsManagerBackend"),
                Some("strongroom.aws.SecretsManagerBackend")
            );
            assert_eq!(
                near_class("airflow.providers.amazon.aws.secrets.secret_manager.SecretsManagerBackend"),
                Some("airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend")
            );
        }
    }
}
