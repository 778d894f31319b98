//! What a store keeps of a sealed value.

use crate::error::{Error, ErrorKind, Result};
use crate::value::Text;
use crate::value::json::{Object, Value};

/// A sealed value with what has to be known to open it. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The version of the format.
    pub format: i64,
    /// The id of the key.
    pub key_id: String,
    /// The kind and the name that the record says it has, where it says so: where the store has them in its
    /// key, they are those of the lookup.
    pub place: Option<(String, String)>,
    /// The version of the value, from 1 on.
    pub version: i64,
    /// Nonce, encrypted text and tag, in base64.
    pub sealed: String,
}

impl Record {
    /// The record in a JSON object; other members do not matter. `subject` is what messages are about.
    pub fn parse(members: &Object, subject: &str) -> Result<Self> {
        let text = |key: &str| members.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key: &str| members.get(key).and_then(Value::as_i64);
        let missing = |key: &str| no_record(subject, key);
        let format = number("format").ok_or_else(|| missing("format"))?;
        let (kind, name) = (text("kind"), text("name"));
        Ok(Self {
            format,
            key_id: text("key_id").ok_or_else(|| missing("key_id"))?,
            place: Some((kind.ok_or_else(|| missing("kind"))?, name.ok_or_else(|| missing("name"))?)),
            version: number("version").ok_or_else(|| missing("version"))?,
            sealed: text("sealed").ok_or_else(|| missing("sealed"))?,
        })
    }

    /// The record as a JSON object, in the order of the page.
    pub fn to_object(&self) -> Object {
        let (kind, name) = self.place.clone().unwrap_or_default();
        let members = [
            ("format", Value::from(self.format)),
            ("kind", Value::from(kind)),
            ("name", Value::from(name)),
            ("version", Value::from(self.version)),
            ("key_id", Value::from(self.key_id.as_str())),
            ("sealed", Value::from(self.sealed.as_str())),
        ];
        members.into_iter().map(|(key, value)| (Text::from(key), value)).collect()
    }
}

/// A store holds something else there, or the record was damaged.
fn no_record(subject: &str, key: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("{subject}: it is no sealed record, since it has no `{key}`"))
        .with_hint("Write it with `strongroom seal`, or as docs/sealed-values.md describes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn parsed(text: &str) -> Result<Record> {
        let members = json::parse(&Text::from(text)).unwrap().into_object().unwrap();
        Record::parse(&members, "reading `variable/a`")
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_other_members_do_not_matter() {
        let record = Record {
            format: 1,
            key_id: "k".to_owned(),
            place: Some(("variable".to_owned(), "a/b".to_owned())),
            version: 7,
            sealed: "AAAA".to_owned(),
        };
        let mut members = record.to_object();
        members.insert(Text::from("tags"), Value::from("x"));
        let text = json::write(&Value::Object(members));
        assert_eq!(parsed(text.to_str().unwrap()).unwrap(), record);
    }

    #[test]
    fn what_is_missing_is_named() {
        let whole =
            r#"{"format": 1, "kind": "variable", "name": "a", "version": 1, "key_id": "k", "sealed": "x"}"#;
        assert!(parsed(whole).is_ok());
        for key in ["format", "kind", "name", "version", "key_id", "sealed"] {
            for other in [format!("\"no-{key}\""), format!("\"{key}\": [], \"x\"")] {
                let error = parsed(&whole.replace(&format!("\"{key}\""), &other)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Malformed);
                let text = error.to_string();
                assert!(text.starts_with("reading `variable/a`: it is no sealed record"), "{text}");
                assert!(text.contains(&format!("no `{key}`")) && text.contains("strongroom seal"), "{text}");
            }
        }
    }
}
