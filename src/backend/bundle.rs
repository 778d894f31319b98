//! Many secrets in one: a JSON object from ids to values, so that one read answers many lookups.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::convention::Kind;
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::{PerKind, SecretName};
use crate::value::json::{self, Value};
use crate::value::{SecretValue, Text};

/// The shape of the option.
const SHAPE: &str = "the name of a secret, or an object of names such as {\"connections\": \"airflow/all\"}";

/// The option of this module.
pub(super) const OPTION: OptionSpec = OptionSpec::new(
    "bundle",
    OptionKind::Json(SHAPE),
    "A secret that holds many connections, as a JSON object from ids to values; or an object that names one \
    for connections, variables and config.",
);

/// The names of the bundles of a backend, one for each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleNames(PerKind<Option<SecretName>>);

impl BundleNames {
    /// Reads the option. A name alone is the bundle of connections.
    pub fn from_options(options: &Options) -> Result<Self> {
        let mut names = Self::default();
        match options.json(OPTION.key) {
            None => {}
            Some(Value::String(name)) => names.set("connections", name.to_str())?,
            Some(Value::Object(members)) => {
                for (kind, name) in members {
                    names.set(kind.to_str().unwrap_or_default(), name.as_str())?;
                }
            }
            Some(_) => return Err(wrong("no text and no object")),
        }
        Ok(names)
    }

    fn set(&mut self, word: &str, name: Option<&str>) -> Result<()> {
        let Some(kind) = Kind::of_group(word) else {
            return Err(wrong(&format!("an object with the unknown key `{}`", Shown(word))));
        };
        let name = name.filter(|name| !name.is_empty()).ok_or_else(|| wrong("without a name"))?;
        *self.0.of_mut(kind) = Some(SecretName::from(name));
        Ok(())
    }

    /// The bundle of `kind`.
    pub fn of(&self, kind: Kind) -> Option<&SecretName> {
        self.0.of(kind).as_ref()
    }
}

fn wrong(what: &str) -> Error {
    Error::config(format!("`bundle` in backend_kwargs is {what}")).with_hint(format!("Write {SHAPE}"))
}

/// A parsed bundle. It is valid as long as the secret that it was parsed from is in the cache.
#[derive(Debug)]
struct Unpacked {
    source: SecretValue,
    entries: HashMap<String, SecretValue>,
}

/// The bundles of a backend, each parsed once per read.
#[derive(Debug, Default)]
pub(super) struct Bundles(Mutex<PerKind<Option<Arc<Unpacked>>>>);

impl Bundles {
    /// The value of `key` in the bundle `source` of `kind`.
    pub(super) fn get(
        &self,
        kind: Kind,
        name: &SecretName,
        source: &SecretValue,
        key: &str,
    ) -> Result<Option<SecretValue>> {
        Ok(self.unpacked(kind, name, source)?.entries.get(key).cloned())
    }

    /// Drops the parsed bundle of `kind`.
    pub(super) fn forget(&self, kind: Kind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).of_mut(kind) = None;
    }

    fn unpacked(&self, kind: Kind, name: &SecretName, source: &SecretValue) -> Result<Arc<Unpacked>> {
        // Held while unpacking, so that a new bundle is parsed only once.
        let mut unpacked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = unpacked.of_mut(kind);
        match held {
            Some(known) if known.source.same_as(source) => Ok(Arc::clone(known)),
            _ => Ok(Arc::clone(held.insert(Arc::new(unpack(name, source)?)))),
        }
    }
}

/// Texts stay unchanged, null counts as absent, and everything else becomes its JSON text.
fn unpack(name: &SecretName, source: &SecretValue) -> Result<Unpacked> {
    let parsed = json::parse(&Text::from(source.expose())).map_err(|_| malformed(name))?;
    let members = parsed.as_object().ok_or_else(|| malformed(name))?;
    let entries = members.iter().filter_map(|(key, value)| {
        let value = match value {
            Value::Null => return None,
            Value::String(text) => SecretValue::text(text.to_str()?),
            other => SecretValue::text(json::write(other).to_str()?),
        };
        Some((key.to_str()?.to_owned(), value))
    });
    Ok(Unpacked { source: source.clone(), entries: entries.collect() })
}

/// Shows nothing of what was read, since it contains the secrets.
fn malformed(name: &SecretName) -> Error {
    Error::new(ErrorKind::Malformed, format!("the bundle `{name}` is not a JSON object")).with_hint(
        "A bundle is an object from ids to values, such as {\"smtp_default\": \"smtp://mail.example.com\"}",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn names(json: &str) -> Result<BundleNames> {
        let mut options = Options::default();
        options.set("bundle", OptionValue::Json(json::parse(&Text::from(json)).unwrap()));
        BundleNames::from_options(&options)
    }

    #[test]
    fn a_name_is_one_of_connections_and_an_object_names_each_kind() {
        let all = names(r#""all""#).unwrap();
        assert_eq!(all.of(Kind::Connection).map(SecretName::as_str), Some("all"));
        assert_eq!(all.of(Kind::Variable), None);
        let both = names(r#"{"connections": "c", "variables": "v"}"#).unwrap();
        assert_eq!(both.of(Kind::Variable).map(SecretName::as_str), Some("v"));
        for wrong in ["5", r#"{"conns": "c"}"#, r#"{"variables": 5}"#, r#""""#] {
            assert_eq!(names(wrong).unwrap_err().kind(), ErrorKind::Config, "{wrong}");
        }
    }

    fn get(source: &str, key: &str) -> Result<Option<String>> {
        let (bundles, name) = (Bundles::default(), SecretName::from("b"));
        let value = bundles.get(Kind::Connection, &name, &SecretValue::text(source), key)?;
        Ok(value.map(|value| value.expose().to_owned()))
    }

    #[test]
    fn texts_stay_and_objects_become_json() {
        let source = r#"{"a": "postgres://h", "b": {"conn_type": "http"}, "c": null, "d": 5}"#;
        let got = |key| get(source, key).unwrap();
        assert_eq!(got("a").as_deref(), Some("postgres://h"));
        assert_eq!(got("b").as_deref(), Some(r#"{"conn_type": "http"}"#));
        assert_eq!((got("c"), got("d").as_deref(), got("e")), (None, Some("5"), None));
    }

    #[test]
    fn a_bundle_that_is_not_an_object_is_malformed_and_not_shown() {
        for source in ["canary-31", r#"["canary-31"]"#, r#"{"a": "canary-31""#] {
            let error = get(source, "a").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(!format!("{error:?}").contains("canary"));
        }
    }

    #[test]
    fn a_bundle_is_parsed_once_per_read() {
        let (bundles, name, source) =
            (Bundles::default(), SecretName::from("b"), SecretValue::text(r#"{"a": "1"}"#));
        let first = bundles.unpacked(Kind::Variable, &name, &source).unwrap();
        let second = bundles.unpacked(Kind::Variable, &name, &source.clone()).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        let other = SecretValue::text(r#"{"a": "2"}"#);
        let third = bundles.unpacked(Kind::Variable, &name, &other).unwrap();
        assert!(!Arc::ptr_eq(&first, &third));
    }
}
