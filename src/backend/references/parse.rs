//! The text of a reference: `secret_coordinate::MEMBER:NAME#KEY`.

use std::fmt;

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::SecretName;

/// What every reference begins with, as in Airbyte's configurations.
pub(super) const PREFIX: &str = "secret_coordinate::";

/// What a `#` of a name or a key is written as, since the last `#` begins the key.
const ESCAPED_HASH: &str = "%23";

/// Names a secret of a member, and maybe a key in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Everything between the prefix and the key, as written.
    rest: Box<str>,
    key: Option<Box<str>>,
}

/// Without white space around it, or a byte order mark that an editor has put before it.
fn trimmed(text: &str) -> &str {
    text.trim_end().trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}')
}

/// Whether `text` has the form of a reference.
pub fn is_reference(text: &str) -> bool {
    trimmed(text).starts_with(PREFIX)
}

impl Reference {
    /// Reads a text. `None` if it has not the form of a reference. White space around it does not count: a
    /// file often ends with a line break.
    pub fn parse(text: &str) -> Option<Result<Self>> {
        let body = trimmed(text).strip_prefix(PREFIX)?;
        let (rest, key) = body.rsplit_once('#').map_or((body, None), |(rest, key)| (rest, Some(key)));
        let reference = Self { rest: rest.into(), key: key.map(Into::into) };
        let problem = match key {
            _ if rest.is_empty() => "names no secret",
            Some("") => "has an empty key after its `#`",
            _ => return Some(Ok(reference)),
        };
        Some(Err(Error::config(format!("the reference `{}` {problem}", Shown(text.trim()))).with_hint(
            "Write secret_coordinate::NAME or secret_coordinate::NAME#KEY; %23 is a # of the name",
        )))
    }

    /// The member that is named and the name in it, unchanged but for `%23`. What is before the first colon
    /// is a member only if `find` knows it; otherwise all of it is the name.
    pub fn target<M>(&self, find: impl FnOnce(&str) -> Option<M>) -> (Option<M>, SecretName) {
        let split = self.rest.split_once(':');
        let found = split.and_then(|(member, name)| Some((find(member)?, name)));
        let (member, name) = found.map_or((None, &*self.rest), |(member, name)| (Some(member), name));
        (member, name.replace(ESCAPED_HASH, "#").into())
    }

    /// The text that it was read from, which is not always fit to be shown.
    pub(super) fn written(&self) -> String {
        let key = self.key.as_ref().map(|key| format!("#{key}")).unwrap_or_default();
        format!("{PREFIX}{}{key}", self.rest)
    }

    /// The key in the secret.
    pub fn key(&self) -> Option<String> {
        self.key.as_ref().map(|key| key.replace(ESCAPED_HASH, "#"))
    }
}

/// As it was written, with harmful characters escaped.
impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", Shown(&self.rest))?;
        self.key.as_ref().map_or(Ok(()), |key| write!(formatter, "#{}", Shown(key)))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Reference({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Option<String>, String, Option<String>) {
        let reference = Reference::parse(text).unwrap().unwrap();
        let is_member = |word: &str| ["vault", "prod"].contains(&word).then(|| word.to_owned());
        let (member, name) = reference.target(is_member);
        (member, name.as_str().to_owned(), reference.key())
    }

    #[test]
    fn a_member_is_one_only_if_there_is_one_and_the_last_hash_begins_the_key() {
        let arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db/prod-AbCdEf";
        for (text, member, name, key) in [
            ("db/prod", None, "db/prod", None),
            ("vault:db/prod#password", Some("vault"), "db/prod", Some("password")),
            ("Vault:db/prod", None, "Vault:db/prod", None),
            ("vault::x", Some("vault"), ":x", None),
            (":x", None, ":x", None),
            ("https://kv.example/secrets/a", None, "https://kv.example/secrets/a", None),
            ("a#b#c", None, "a#b", Some("c")),
            ("a%23b#c%23d", None, "a#b", Some("c#d")),
            ("a%23b", None, "a#b", None),
            ("a%2523%2F%zz", None, "a%2523%2F%zz", None),
            ("b@c,d e\u{e9}#f:g", None, "b@c,d e\u{e9}", Some("f:g")),
            (&format!("{arn}#password"), None, arn, Some("password")),
            (&format!("prod:{arn}"), Some("prod"), arn, None),
        ] {
            let (found, known, part) = read(&format!("{PREFIX}{text}"));
            assert_eq!((found.as_deref(), known.as_str(), part.as_deref()), (member, name, key), "{text}");
        }
        assert_eq!(read(" secret_coordinate::a\n"), (None, "a".to_owned(), None));
    }

    #[test]
    fn other_texts_are_no_references_and_incomplete_ones_are_errors() {
        for text in [
            "",
            "a",
            "secret_coordinate",
            "secret_coordinate:a",
            "x secret_coordinate::a",
            "SECRET_COORDINATE::a",
        ] {
            assert!(Reference::parse(text).is_none(), "{text}");
        }
        let error = |text| Reference::parse(text).unwrap().unwrap_err().to_string();
        assert!(
            error("secret_coordinate::").starts_with("the reference `secret_coordinate::` names no secret")
        );
        assert!(error("secret_coordinate::#key").contains("names no secret"));
        assert!(error("secret_coordinate::a#").contains("has an empty key"));
    }

    proptest! {
        #[test]
        fn what_is_written_for_a_name_and_a_key_is_read_again(
            name in "[^\\s%](.{0,20}[^\\s%])?",
            key in prop::option::of("[^\\s%](.{0,9}[^\\s%])?"),
        ) {
            // A name that holds `%23` itself cannot be written.
            prop_assume!(!name.contains('%') && key.as_ref().is_none_or(|key| !key.contains('%')));
            let hash = |text: &str| text.replace('#', ESCAPED_HASH);
            let end = key.as_ref().map(|key| format!("#{}", hash(key))).unwrap_or_default();
            let text = format!("{PREFIX}{}{end}", hash(&name));
            let reference = Reference::parse(&text).unwrap().unwrap();
            let (member, found) = reference.target(|_| None::<()>);
            prop_assert_eq!((member, found.as_str(), reference.key()), (None, name.as_str(), key));
            prop_assert_eq!(reference.written(), text);
        }

        #[test]
        fn any_text_is_read_without_a_panic_and_shown_without_harm(text: String) {
            if let Some(Ok(reference)) = Reference::parse(&format!("{PREFIX}{text}")) {
                prop_assert!(!reference.to_string().chars().any(crate::redact::is_harmful));
            }
        }
    }
}
