//! Which team a name that is referred to belongs to.
//!
//! A lookup refuses ids that could be those of another team. A reference names a secret directly, so here its
//! name is taken apart with the same rules.

use crate::store::SecretName;
use crate::store::convention::{Convention, Kind, Lookup, Naming};

/// Whether `name` is, or may be, one of another team than `team`. A store may know a secret by several names,
/// such as an ARN or with capitals, so the prefixes of Airflow are searched anywhere in it.
pub(super) fn is_of_another(convention: &dyn Convention, team: Option<&str>, name: &str) -> bool {
    let name = folded(name);
    let place = name.split_once('/').filter(|_| convention.place_in_id()).map_or("", |(place, _)| place);
    Kind::ALL.into_iter().any(|kind| Names { convention, kind, place }.hold_anothers(team, &name))
}

/// The names of a kind, below a place if each id has to begin with one.
struct Names<'a> {
    convention: &'a dyn Convention,
    kind: Kind,
    place: &'a str,
}

impl Names<'_> {
    fn of(&self, id: &str, team: Option<&str>) -> Naming {
        let id = if self.place.is_empty() { id.to_owned() } else { format!("{}/{id}", self.place) };
        self.convention.names(Lookup { kind: self.kind, id: &id, team })
    }

    fn hold_anothers(&self, team: Option<&str>, name: &str) -> bool {
        // Without a prefix no team has names of its own.
        let has_teams = self.of("", Some("a")) != self.of("", None);
        self.of("", None).into_names().iter().any(|prefix| {
            let prefix = folded(prefix.as_str().trim_start_matches('/'));
            if prefix.is_empty() {
                // It consists of slashes alone, which a name may have or not.
                return has_teams && self.are_anothers(team, "", name.trim_start_matches('/'));
            }
            let rests = name.match_indices(&prefix).filter_map(|(at, _)| name.get(at + prefix.len()..));
            rests.into_iter().any(|rest| self.are_anothers(team, &prefix, rest))
        })
    }

    fn are_anothers(&self, team: Option<&str>, prefix: &str, rest: &str) -> bool {
        let team = team.filter(|team| !team.is_empty());
        is_ambiguous(&self.of(rest, None)) && !team.is_some_and(|team| self.are_own(team, prefix, rest))
    }

    /// Whether `rest` is what a lookup of `team` itself asks for below `prefix`.
    fn are_own(&self, team: &str, prefix: &str, rest: &str) -> bool {
        let name = format!("{prefix}{rest}");
        rest.char_indices().any(|(at, letter)| {
            let id = rest.get(at + letter.len_utf8()..).unwrap_or_default();
            if id.is_empty() || is_ambiguous(&self.of(id, None)) {
                return false;
            }
            let own = self.of(id, Some(team));
            let is_same = |own: &SecretName| folded(own.as_str().trim_start_matches('/')) == name;
            matches!(own, Naming::Names(_) | Naming::OfTeam { .. }) && own.into_names().iter().any(is_same)
        })
    }
}

fn is_ambiguous(naming: &Naming) -> bool {
    matches!(naming, Naming::Ambiguous { .. } | Naming::Impossible { ambiguous: Some(_), .. })
}

/// In small letters, and without slashes that a store ignores.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter != '/' || !folded.ends_with('/') {
            folded.push(letter);
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{RawOptions, RawValue, configure};
    use crate::store::environment::Environment;
    use crate::store::registry::STORES;

    fn convention(store: &str, options: &[(&str, &str)]) -> Option<Arc<dyn Convention>> {
        let entry = STORES.iter().find(|entry| entry.info.name == store)?;
        let raw: RawOptions = options
            .iter()
            .map(|(key, text)| ((*key).to_owned(), RawValue::Text((*text).to_owned())))
            .collect();
        Some(Arc::clone(&configure(entry, &raw, Environment::default()).unwrap().settings.convention))
    }

    #[test]
    fn the_name_of_another_team_is_found_in_every_spelling() {
        let arn = "arn:aws:secretsmanager:eu-central-1:1:secret:airflow/connections/b--db-AbCdEf";
        let own = "arn:aws:secretsmanager:eu-central-1:1:secret:airflow/connections/a--db-AbCdEf";
        let vault = [("url", "http://127.0.0.1:1"), ("token", "t"), ("use_team_secrets_path", "false")];
        for (store, options, name, expected) in [
            ("aws_secrets_manager", &[][..], "airflow/connections/b--db", true),
            ("aws_secrets_manager", &[], "airflow/variables/a--b--db", true),
            ("aws_secrets_manager", &[], "airflow/connections/a--db", false),
            ("aws_secrets_manager", &[], "airflow/connections/db", false),
            ("aws_secrets_manager", &[], "db/b--prod", false),
            ("aws_secrets_manager", &[], arn, true),
            ("aws_secrets_manager", &[], own, false),
            ("aws_systems_manager", &[], "airflow/connections/b--db", true),
            ("aws_systems_manager", &[], "/airflow/connections/b--db:3", true),
            ("aws_systems_manager", &[], "/airflow/connections/a--db", false),
            ("aws_secrets_manager", &[("connections_prefix", "/"), ("sep", "")], "/b--db", true),
            ("aws_secrets_manager", &[("connections_prefix", "/"), ("sep", "")], "/a--db", false),
            ("aws_systems_manager", &[("connections_prefix", "")], "/b--db", true),
            ("google_secret_manager", &[], "airflow-connections-b--db", true),
            ("google_secret_manager", &[], "airflow-connections-a--db", false),
            (
                "azure_key_vault",
                &[("vault_url", "https://v.vault.azure.net")],
                "Airflow-Connections-B--db",
                true,
            ),
            (
                "azure_key_vault",
                &[("vault_url", "https://v.vault.azure.net")],
                "airflow-connections-a--db",
                false,
            ),
            ("hashicorp_vault", &vault[..2], "secret/connections/b/db", true),
            ("hashicorp_vault", &vault[..2], "secret//connections//b/db", true),
            ("hashicorp_vault", &vault[..2], "secret/connections/a/db", false),
            ("hashicorp_vault", &vault[..2], "secret/db/prod", false),
            ("hashicorp_vault", &vault, "secret/connections/b/db", false),
        ] {
            let Some(convention) = convention(store, options) else { continue };
            assert_eq!(is_of_another(&*convention, Some("a"), name), expected, "{store} {name}");
            if expected {
                assert!(is_of_another(&*convention, None, name), "{store} {name}");
            }
        }
    }
}
