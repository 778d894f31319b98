//! JSON connections whose keys have other names, converted to the shape that Airflow reads.
//!
//! Source: `airflow.providers.amazon.aws.secrets.secrets_manager` 9.39.0 (`extra_conn_words`). The official
//! class of Parameter Store has nothing like it; ours offers it as an option.

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::convention::Kind;
use crate::store::options::Options;
use crate::value::fields::{dropped_fields, normalize_connection};
use crate::value::{FieldAliases, FieldError, SecretValue, Text};

/// The option that holds further names for the fields.
pub(super) const EXTRA_CONN_WORDS: &str = "extra_conn_words";

/// The names of fields in JSON connections.
///
/// An unusable option is an error of the lookup that needs it, not of the constructor: the official class
/// only reads it when a secret holds JSON.
#[derive(Clone, Debug)]
pub(super) struct Aliases(Result<FieldAliases>);

impl Aliases {
    /// The official names, and those of `extra_conn_words`.
    pub(super) fn from_options(options: &Options) -> Self {
        Self(match options.fault(EXTRA_CONN_WORDS) {
            Some(fault) => Err(fault.clone()),
            None => Self::read_words(options),
        })
    }

    /// A single word need not be in a list, although the official class would split it into letters. Anything
    /// else fails there, too.
    fn read_words(options: &Options) -> Result<FieldAliases> {
        let mut aliases = FieldAliases::new();
        let fields = options.object(EXTRA_CONN_WORDS).and_then(|value| value.as_object());
        for (field, words) in fields.into_iter().flat_map(|fields| fields.iter()) {
            let field = field.to_str().unwrap_or_default();
            let words: Option<Vec<&str>> = match words.as_array() {
                Some(words) => words.iter().map(|word| word.as_str()).collect(),
                None => words.as_str().map(|word| vec![word]),
            };
            let words = words.ok_or_else(|| {
                Error::config(format!("`{}` in `{EXTRA_CONN_WORDS}` must be a list of texts", Shown(field)))
                    .with_hint("Write it like {\"login\": [\"usr\", \"account\"]}")
            })?;
            aliases = aliases.with_extra_words(field, words);
        }
        Ok(aliases)
    }

    /// JSON connections get the seven keys of Airflow; everything else stays unchanged.
    pub(super) fn read(&self, kind: Kind, value: SecretValue) -> Result<SecretValue> {
        if kind != Kind::Connection {
            return Ok(value);
        }
        let text = Text::from(value.expose());
        let aliases = match &self.0 {
            Ok(aliases) => aliases,
            // Only JSON needs the words, so a URI is returned although they are unusable, as by the official
            // class.
            Err(fault) if value.expose().trim().starts_with('{') => return Err(fault.clone()),
            Err(_) => return Ok(value),
        };
        let normalized = normalize_connection(&text, aliases).map_err(malformed)?;
        match normalized {
            None => Ok(value),
            Some(text) => match text.to_str() {
                Some(text) => Ok(SecretValue::text(text)),
                None => Err(Error::internal("the JSON writer left the range of ASCII")),
            },
        }
    }
}

impl Aliases {
    /// Fields of a JSON connection that have a meaning and get lost, each with a remedy.
    pub(super) fn dropped(&self, kind: Kind, value: &SecretValue) -> Vec<String> {
        let (Kind::Connection, Ok(aliases)) = (kind, &self.0) else { return Vec::new() };
        let described = |(field, word): (&str, String)| {
            format!(
                "`{word}` is dropped, as the official class does, and `{field}` stays empty: call it \
                `{field}`, or write `{EXTRA_CONN_WORDS}`: {{\"{field}\": [\"{word}\"]}}"
            )
        };
        dropped_fields(&Text::from(value.expose()), aliases).into_iter().map(described).collect()
    }
}

/// The cause names the place, never the contents: [`FieldError`] holds nothing of the secret.
fn malformed(error: FieldError) -> Error {
    match error {
        FieldError::UnknownField { .. } => {
            Error::config("`extra_conn_words` cannot be used").with_source(error)
        }
        FieldError::Json(_) => {
            Error::new(ErrorKind::Malformed, "the connection cannot be read").with_source(error)
        }
    }
}
