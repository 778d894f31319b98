//! Reading members of the JSON objects among the options, with errors that name the member.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::value::json::{Object, Value};

/// The members of one option that is a JSON object.
#[derive(Clone, Copy)]
pub(super) struct Words<'object> {
    option: &'static str,
    members: Option<&'object Object>,
}

impl<'object> Words<'object> {
    /// The members of `value`, none if the option was not set.
    pub(super) fn new(option: &'static str, value: Option<&'object Value>) -> Self {
        Self { option, members: value.and_then(Value::as_object) }
    }

    /// The keys, in the order in which they were written.
    pub(super) fn keys(self) -> impl Iterator<Item = &'object str> {
        self.members.into_iter().flat_map(Object::iter).filter_map(|(key, _)| key.to_str())
    }

    /// A member; null counts as absent.
    pub(super) fn value(self, key: &str) -> Option<&'object Value> {
        self.members?.get(key).filter(|value| !value.is_null())
    }

    /// A text, and nothing else.
    pub(super) fn text(self, key: &str) -> Result<Option<&'object str>> {
        let read = |value: &'object Value| value.as_str().ok_or_else(|| self.wrong(key, "a text"));
        self.value(key).map(read).transpose()
    }

    /// A whole number of at least zero, also as digits in a text.
    pub(super) fn count(self, key: &str) -> Result<Option<u32>> {
        let read = |value: &Value| number(value).ok_or_else(|| self.wrong(key, "a whole number"));
        self.value(key).map(read).transpose()
    }

    /// Seconds, possibly with a fraction.
    pub(super) fn seconds(self, key: &str) -> Result<Option<Duration>> {
        let read =
            |value: &Value| seconds(value).ok_or_else(|| self.wrong(key, "a number of seconds above zero"));
        self.value(key).map(read).transpose()
    }

    /// A boolean, also as a word.
    pub(super) fn boolean(self, key: &str) -> Result<Option<bool>> {
        let read = |value: &Value| {
            let word = value.as_bool().or_else(|| boolean_word(value.as_str()?));
            word.ok_or_else(|| self.wrong(key, "true or false"))
        };
        self.value(key).map(read).transpose()
    }

    /// The members of a member.
    pub(super) fn object(self, key: &str) -> Result<Self> {
        match self.value(key) {
            Some(value) if value.as_object().is_none() => Err(self.wrong(key, "an object")),
            value => Ok(Self { option: self.option, members: value.and_then(Value::as_object) }),
        }
    }

    /// The items of a list, each converted by `read`.
    pub(super) fn list<T>(
        self,
        key: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let items: Option<Vec<T>> = value.as_array().and_then(|items| items.iter().map(read).collect());
        items.ok_or_else(|| self.wrong(key, expected))
    }

    fn wrong(self, key: &str, expected: &str) -> Error {
        Error::config(format!("`{key}` in `{}` must be {expected}", self.option))
    }
}

fn number(value: &Value) -> Option<u32> {
    let whole = value.as_i64().and_then(|whole| u32::try_from(whole).ok());
    whole.or_else(|| value.as_str()?.trim().parse().ok())
}

fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Float(float) => Some(*float),
        Value::String(_) => value.as_str()?.trim().parse().ok(),
        _ => number(value).map(f64::from),
    };
    let duration = Duration::try_from_secs_f64(seconds?).ok()?;
    (!duration.is_zero()).then_some(duration)
}

/// The words of botocore's `ensure_boolean`, and those that most people write.
pub(super) fn boolean_word(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// A moment of the SDK; `None` if the system clock cannot represent it.
pub(super) fn moment(moment: aws_smithy_types::DateTime) -> Option<std::time::SystemTime> {
    std::time::SystemTime::try_from(moment).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json::parse;

    /// A JSON value from its text.
    pub(in crate::store::aws) fn json(text: &str) -> Value {
        parse(&Text::from(text)).unwrap()
    }

    #[test]
    fn members_come_in_the_shapes_that_people_write() {
        let value = json(
            r#"{"a": "x", "n": 3, "d": "4", "s": 1.5, "b": "False", "o": {"k": "v"}, "l": ["p"], "z": null}"#,
        );
        let words = Words::new("config_kwargs", Some(&value));
        assert_eq!(words.text("a").unwrap(), Some("x"));
        assert_eq!((words.count("n").unwrap(), words.count("d").unwrap()), (Some(3), Some(4)));
        assert_eq!(words.seconds("s").unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(words.boolean("b").unwrap(), Some(false));
        assert_eq!(words.object("o").unwrap().text("k").unwrap(), Some("v"));
        assert_eq!(words.list("l", "texts", |item| item.as_str().map(str::to_owned)).unwrap(), ["p"]);
        assert!(words.text("z").unwrap().is_none() && words.text("missing").unwrap().is_none());
    }

    #[test]
    fn a_wrong_shape_names_the_member_and_the_option_but_not_the_value() {
        let value = json(r#"{"proxies": "canary-9"}"#);
        let words = Words::new("config_kwargs", Some(&value));
        let error = words.object("proxies").err().unwrap();
        insta::assert_snapshot!(error, @"`proxies` in `config_kwargs` must be an object");
        assert!(
            words.count("proxies").is_err()
                && words.seconds("proxies").is_err()
                && words.boolean("proxies").is_err()
        );
    }
}
