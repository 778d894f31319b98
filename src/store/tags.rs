//! Tags that a secret must have, or must not have, to be read at all.

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::value::json::Value;

/// A tag, with a value or with any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule {
    /// The key.
    pub key: String,
    /// The value; `None` is any.
    pub value: Option<String>,
}

impl TagRule {
    /// Reads what is written for `option`: an object of tags, in which null is any value, or a list of keys.
    pub fn read(option: &'static str, written: &Value) -> Result<Vec<Self>> {
        let wrong = || {
            Error::config(format!(
                "`{option}` in backend_kwargs is neither an object of tags nor a list of keys"
            ))
            .with_hint("Write {\"team\": \"data\"}, with null for any value, or [\"team\"]")
        };
        let key = |value: &Value| value.as_str().filter(|key| !key.is_empty()).map(str::to_owned);
        match written {
            Value::Object(tags) => tags
                .iter()
                .map(|(key, value)| {
                    let key = key.to_str().filter(|key| !key.is_empty()).ok_or_else(wrong)?.to_owned();
                    if value.is_null() {
                        return Ok(Self { key, value: None });
                    }
                    let value = text(value).ok_or_else(|| unusable(option, &key))?;
                    Ok(Self { key, value: Some(value) })
                })
                .collect(),
            Value::Array(keys) => keys
                .iter()
                .map(|written| Ok(Self { key: key(written).ok_or_else(wrong)?, value: None }))
                .collect(),
            _ => Err(wrong()),
        }
    }

    /// Whether one of `tags` is this one. Keys and values are compared exactly.
    pub fn is_among(&self, tags: &[(String, String)]) -> bool {
        let is_this = |(key, value): &(String, String)| {
            *key == self.key && self.value.as_ref().is_none_or(|wanted| wanted == value)
        };
        tags.iter().any(is_this)
    }

    /// As people write it.
    pub fn shown(&self) -> String {
        match &self.value {
            None => Shown(&self.key).to_string(),
            Some(value) => format!("{}={}", Shown(&self.key), Shown(value)),
        }
    }
}

/// The text of a tag's value: numbers and booleans as they are written.
fn text(value: &Value) -> Option<String> {
    let number = value.as_i64().map(|number| number.to_string());
    let boolean = value.as_bool().map(|boolean| boolean.to_string());
    value.as_str().map(str::to_owned).or(boolean).or(number)
}

fn unusable(option: &'static str, key: &str) -> Error {
    Error::config(format!("the value of `{}` in `{option}` in backend_kwargs is not a text", Shown(key)))
        .with_hint("Write the value that the tag has, or null for any")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Text, json};

    fn read(text: &str) -> Result<Vec<String>> {
        let rules = TagRule::read("filter_on_tags", &json::parse(&Text::from(text)).unwrap())?;
        Ok(rules.iter().map(TagRule::shown).collect())
    }

    #[test]
    fn tags_come_as_objects_and_as_lists_of_keys() {
        assert_eq!(
            read(r#"{"team": "a", "env": null, "n": 5, "b": true}"#).unwrap(),
            ["team=a", "env", "n=5", "b=true"]
        );
        assert_eq!(read(r#"["team"]"#).unwrap(), ["team"]);
        assert!(read("{}").unwrap().is_empty());
        for wrong in [r#""team""#, "[1]", r#"[""]"#, r#"{"": "a"}"#, r#"{"team": ["a"]}"#, "1.5"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        insta::assert_snapshot!(read(r#"{"team": ["canary"]}"#).unwrap_err(), @"the value of `team` in \
        `filter_on_tags` in backend_kwargs is not a text. Write the value that the tag has, or null for any");
    }

    #[test]
    fn keys_and_values_are_compared_exactly() {
        let tags = [("team".to_owned(), "a".to_owned())];
        let is_among = |key: &str, value: Option<&str>| {
            TagRule { key: key.to_owned(), value: value.map(str::to_owned) }.is_among(&tags)
        };
        assert!(is_among("team", Some("a")) && is_among("team", None));
        assert!(!is_among("team", Some("A")) && !is_among("Team", None) && !is_among("a", Some("team")));
    }
}
