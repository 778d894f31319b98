//! Which secrets a process reads at once before its first lookup.

use crate::backend::settings::Settings;
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::convention::{Kind, Lookup, Naming};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::{Inspect, SecretName};
use crate::value::json::Value;

/// The shape of the option.
const SHAPE: &str =
    "a list of ids and patterns such as [\"warehouse\", \"s3_*\"], or an object of such lists by kind";

/// The option of this module.
pub(super) const OPTION: OptionSpec = OptionSpec::new(
    "prefetch",
    OptionKind::Json(SHAPE),
    "Ids, or patterns with * and ?, of connections that a process reads in one go at its first lookup; or an \
    object of such lists for connections, variables and config.",
);

/// The ids and patterns of the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefetch(Vec<(Kind, Box<str>)>);

impl Prefetch {
    /// Reads the option. A list alone contains connections.
    pub fn from_options(options: &Options) -> Result<Self> {
        let mut prefetch = Self::default();
        match options.json(OPTION.key) {
            None => {}
            Some(list @ Value::Array(_)) => prefetch.add(Kind::Connection, list)?,
            Some(Value::Object(members)) => {
                for (word, list) in members {
                    let word = word.to_str().unwrap_or_default();
                    let kind = Kind::of_group(word)
                        .ok_or_else(|| wrong(&format!("an object with the unknown key `{}`", Shown(word))))?;
                    prefetch.add(kind, list)?;
                }
            }
            Some(_) => return Err(wrong("no list and no object")),
        }
        Ok(prefetch)
    }

    fn add(&mut self, kind: Kind, list: &Value) -> Result<()> {
        let ids = list.as_array().ok_or_else(|| wrong("without a list"))?;
        for id in ids {
            let id = id.as_str().ok_or_else(|| wrong("a list of something else than texts"))?;
            self.0.push((kind, id.into()));
        }
        Ok(())
    }

    /// Whether there is nothing to prefetch.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ids that share a secret with one before them, with that one: a store may know fewer letters than
    /// Airflow.
    pub fn shared(&self, settings: &Settings) -> Vec<(Kind, &str, &str)> {
        let is_id = |(_, id): &&(Kind, Box<str>)| !id.contains(['*', '?']);
        let ids: Vec<_> = self.0.iter().filter(is_id).collect();
        let before = |index: usize, (kind, id): &(Kind, Box<str>)| {
            let is_same = |(of, other): &&&(Kind, Box<str>)| of == kind && settings.are_one(*kind, other, id);
            let other = ids.iter().take(index).find(is_same)?;
            (other.1 != *id).then_some(other)
        };
        let shared = ids.iter().enumerate();
        shared.filter_map(|(index, it)| Some((it.0, &*before(index, it)?.1, &*it.1))).collect()
    }

    /// The names to read, and the error because of which some may be missing. Patterns are matched against
    /// the store's listing.
    pub(super) async fn names(
        &self,
        settings: &Settings,
        store: &dyn Inspect,
    ) -> (Vec<SecretName>, Option<Error>) {
        let (mut names, mut unlisted) = (Vec::new(), None);
        for (kind, id) in &self.0 {
            match id.split_once(['*', '?']) {
                None => {
                    names.extend(name_of(settings, *kind, id).filter(|_| is_looked_up(settings, *kind, id)));
                }
                Some((head, _)) => {
                    let listed = list(settings, store, *kind, id, head, &mut names).await;
                    unlisted = unlisted.or(listed.err());
                }
            }
        }
        // Ids and patterns may overlap, and each name is read once.
        names.sort_unstable();
        names.dedup();
        // The cache would drop any further names.
        names.truncate(settings.layers.cache.max_entries);
        (names, unlisted)
    }
}

fn wrong(what: &str) -> Error {
    Error::config(format!("`prefetch` in backend_kwargs is {what}")).with_hint(format!("Write {SHAPE}"))
}

/// The name of a secret that all teams share; `None` for a kind that is switched off.
fn name_of(settings: &Settings, kind: Kind, id: &str) -> Option<SecretName> {
    settings.convention.names(Lookup { kind, id, team: None }).into_names().into_iter().next()
}

/// Whether lookups of `id` reach the store. An invalid pattern is reported by the lookup.
fn is_looked_up(settings: &Settings, kind: Kind, id: &str) -> bool {
    settings.routing.may_ask(kind, id) && settings.patterns.allow(kind, id).unwrap_or(false)
}

/// Whether all teams share `id`: with a separator in it, it may be a team's own.
fn is_of_all(settings: &Settings, kind: Kind, id: &str) -> bool {
    let naming = settings.convention.names(Lookup { kind, id, team: None });
    matches!(naming, Naming::Names(_)) && is_looked_up(settings, kind, id)
}

/// Adds the names in the store that match `pattern`. The part before its first wildcard narrows the listing.
async fn list(
    settings: &Settings,
    store: &dyn Inspect,
    kind: Kind,
    pattern: &str,
    head: &str,
    found: &mut Vec<SecretName>,
) -> Result<()> {
    let Some(prefix) = name_of(settings, kind, head) else { return Ok(()) };
    let rest = pattern.get(head.len()..).unwrap_or_default();
    let wanted = |name: &SecretName| {
        let tail = settings.convention.id_below(prefix.as_str(), name);
        tail.is_some_and(|tail| glob(rest, &tail) && is_of_all(settings, kind, &format!("{head}{tail}")))
    };
    let mut page = None;
    loop {
        let listed = store.list(prefix.as_str(), page.as_ref()).await?;
        found.extend(listed.readable().filter(|name| wanted(name)).cloned());
        page = listed.next;
        // The cache would drop any further names.
        if page.is_none() || found.len() >= settings.layers.cache.max_entries {
            return Ok(());
        }
    }
}

/// Whether `text` matches `pattern`, where `*` is any text and `?` any one character.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut reached) = (0, 0);
    // The position of the last star, and how much of the text it has matched.
    let mut star: Option<(usize, usize)> = None;
    while reached < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, reached));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || text.get(reached) == Some(wanted) => {
                at += 1;
                reached += 1;
            }
            _ => {
                // A mismatch after a star: the star matches one more character.
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                at = place + 1;
                reached = taken + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::options::OptionValue;
    use crate::value::Text;
    use crate::value::json;

    fn prefetch(json: &str) -> Result<Prefetch> {
        let mut options = Options::default();
        options.set("prefetch", OptionValue::Json(json::parse(&Text::from(json)).unwrap()));
        Prefetch::from_options(&options)
    }

    #[test]
    fn a_list_is_one_of_connections_and_an_object_has_one_for_each_kind() {
        let expected = Prefetch(vec![(Kind::Connection, "a".into()), (Kind::Connection, "b*".into())]);
        assert_eq!(prefetch(r#"["a", "b*"]"#).unwrap(), expected);
        let expected = Prefetch(vec![(Kind::Variable, "v".into())]);
        assert_eq!(prefetch(r#"{"variables": ["v"], "config": []}"#).unwrap(), expected);
        for wrong in ["5", r#""a""#, "[5]", r#"{"conns": []}"#, r#"{"config": "x"}"#] {
            assert_eq!(prefetch(wrong).unwrap_err().kind(), ErrorKind::Config, "{wrong}");
        }
    }

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a/b", true),
            ("*_db", "my_db", true),
            ("*_db", "my_db2", false),
            ("?", "ä", true),
            ("?", "", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("", "", true),
            ("", "x", false),
            ("*?", "x", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
