//! Finding the references in a value, and putting other texts in their places.
//!
//! A reference is a whole text: the value itself, a text anywhere in JSON, or a part of a URI. JSON and URIs
//! may be in each other, as in the `extra` of a connection or in its `uri`.

use std::borrow::Cow;

use crate::backend::references::parse::{PREFIX, Reference};
use crate::error::{Error, Result};
use crate::value::connection::{replace_parts, uri_parts};
use crate::value::json::{self, Value};
use crate::value::secret::may_refer;
use crate::value::{SecretValue, Text};

/// How many texts may be in each other: JSON in a URI in JSON, for example.
const DEEPEST: usize = 6;

/// Called with the place of each reference, and what is to be there instead.
pub(super) type Visit<'a> = dyn FnMut(&[String], Reference) -> Result<Option<Text>> + 'a;

/// The reference that a value is as a whole.
pub(super) fn whole(value: &SecretValue) -> Option<Result<Reference>> {
    if value.is_structured() { None } else { Reference::parse(value.expose()) }
}

/// Every reference in a text with its place, in order: `password`, or `extra.token`.
pub fn find_references(text: &str) -> Result<Vec<(String, Reference)>> {
    let mut found = Vec::new();
    rewrite(&SecretValue::text(text), &mut |place, reference| {
        found.push((place.join("."), reference));
        Ok(None)
    })?;
    Ok(found)
}

/// `value` with what `visit` puts in the places of its references; `None` if that changes nothing.
pub(super) fn rewrite(value: &SecretValue, visit: &mut Visit<'_>) -> Result<Option<SecretValue>> {
    if !value.may_refer() {
        return Ok(None);
    }
    let mut walk = Walk { place: Vec::new(), depth: 0, visit };
    if value.is_structured() {
        let Ok(mut json) = json::parse(&Text::from(value.expose())) else { return Ok(None) };
        let is_changed = walk.json(&mut json)?;
        return Ok(written(&json).filter(|_| is_changed).map(SecretValue::structured));
    }
    let new = walk.text(value.expose())?;
    Ok(new.and_then(|new| new.to_str().map(SecretValue::text)))
}

/// The writer escapes everything outside ASCII, so the text always exists.
fn written(json: &Value) -> Option<String> {
    json::write(json).to_str().map(str::to_owned)
}

struct Walk<'a, 'visit> {
    place: Vec<String>,
    depth: usize,
    visit: &'a mut Visit<'visit>,
}

impl Walk<'_, '_> {
    fn text(&mut self, text: &str) -> Result<Option<Text>> {
        if !may_refer(text) {
            return Ok(None);
        }
        if let Some(reference) = Reference::parse(text) {
            return (self.visit)(&self.place, reference?);
        }
        if self.depth == DEEPEST {
            return Err(Error::config("references are nested too deeply in JSON and URIs")
                .with_hint("Write the value as one JSON object"));
        }
        self.depth += 1;
        let new = self.container(text);
        self.depth -= 1;
        new
    }

    fn container(&mut self, text: &str) -> Result<Option<Text>> {
        let trimmed = text.trim();
        if trimmed.starts_with(['{', '[', '"'])
            && let Ok(mut json) = json::parse(&Text::from(trimmed))
        {
            return Ok(self.json(&mut json)?.then(|| json::write(&json)));
        }
        self.uri(trimmed)
    }

    /// Replaces texts anywhere in `json`, in order; returns whether there were any. It does not recurse: a
    /// thread may have a small stack.
    fn json(&mut self, json: &mut Value) -> Result<bool> {
        let outer = self.place.clone();
        let (mut is_changed, mut open) = (false, vec![(outer.clone(), json)]);
        while let Some((place, value)) = open.pop() {
            let below = |name: String| [place.as_slice(), &[name]].concat();
            match value {
                Value::String(text) => {
                    self.place.clone_from(&place);
                    let new = text.to_str().map(|text| self.text(text)).transpose()?.flatten();
                    if let Some(new) = new {
                        *text = new;
                        is_changed = true;
                    }
                }
                Value::Array(items) => {
                    let items = items.iter_mut().enumerate().rev();
                    open.extend(items.map(|(index, item)| (below(index.to_string()), item)));
                }
                Value::Object(members) => {
                    let name = |key: &Text| key.to_str().unwrap_or_default().to_owned();
                    open.extend(members.iter_mut().rev().map(|(key, item)| (below(name(key)), item)));
                }
                _ => {}
            }
        }
        self.place = outer;
        Ok(is_changed)
    }

    fn uri(&mut self, text: &str) -> Result<Option<Text>> {
        let uri = with_whole_password(text);
        let mut replaced = Vec::new();
        for part in uri_parts(&uri) {
            let length = self.place.len();
            self.place.extend([part.field.0.to_owned()].into_iter().chain(part.field.1.clone()));
            let new = part.text.to_str().map(|text| self.text(text)).transpose()?.flatten();
            self.place.truncate(length);
            replaced.extend(new.map(|new| (part, new)));
        }
        refuse_bare_references(text)?;
        if replaced.is_empty() {
            return Ok(None);
        }
        let new = replace_parts(&uri, &replaced);
        new.map(Some).ok_or_else(|| Error::internal("a part of a URI could not be written"))
    }
}

/// A URI whose password is a reference, with those characters of it escaped that end a part of a URI: written
/// as it is, Airflow would take the password to end there.
pub fn with_whole_password(uri: &str) -> Cow<'_, str> {
    let split = || {
        let start = uri.find("://")? + 3;
        let at = start + uri.get(start..)?.find(PREFIX)?;
        let login = uri.get(start..at)?.strip_suffix(':')?;
        let end = at + uri.get(at..)?.find('@')?;
        (!login.contains(['/', '?', '#', '@', ':'])).then_some((
            uri.get(..at)?,
            uri.get(at..end)?,
            uri.get(end..)?,
        ))
    };
    let Some((before, reference, after)) = split() else { return Cow::Borrowed(uri) };
    let escape = |letter: char| match letter {
        '/' => "%2F".to_owned(),
        '?' => "%3F".to_owned(),
        '#' => "%23".to_owned(),
        '[' => "%5B".to_owned(),
        ']' => "%5D".to_owned(),
        other => other.to_string(),
    };
    Cow::Owned(format!("{before}{}{after}", reference.chars().map(escape).collect::<String>()))
}

/// In the place of a login or a host the colons of a reference would be those of the URI.
fn refuse_bare_references(uri: &str) -> Result<()> {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    let location = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = location.rsplit('@').next().unwrap_or_default();
    if !rest.starts_with(PREFIX) && !host.starts_with(PREFIX) {
        return Ok(());
    }
    Err(Error::config("a reference in the login or the host of a URI is not percent-encoded")
        .with_hint("Write it as secret_coordinate%3A%3ANAME, with every other / and # in it as %2F and %23"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<String> {
        let found = find_references(text).unwrap().into_iter();
        found
            .map(|(place, reference)| {
                format!("{place}={}", reference.to_string().split_once("::").unwrap().1)
            })
            .collect()
    }

    fn replaced(text: &str, new: &str) -> Option<String> {
        let value = rewrite(&SecretValue::text(text), &mut |_, _| Ok(Some(Text::from(new)))).unwrap();
        value.map(|value| value.expose().to_owned())
    }

    #[test]
    fn references_are_found_wherever_a_text_is_whole() {
        for (text, expected) in [
            ("secret_coordinate::a/b#c", &["=a/b#c"][..]),
            (" secret_coordinate::a\n", &["=a"]),
            (
                r#"{"password": "secret_coordinate::a", "extra": {"n": {"t": ["x", "secret_coordinate::b"]}}}"#,
                &["password=a", "extra.n.t.1=b"],
            ),
            (
                r#"{"extra": "{\"t\": \"secret_coordinate::b\"}", "host": "secret_coordinate::h"}"#,
                &["extra.t=b", "host=h"],
            ),
            ("pg://u:secret_coordinate::a@h/d?x=secret_coordinate::b%23k", &["password=a", "extra.x=b#k"]),
            ("pg://u:secret_coordinate::m:db/prod#pw@h:5/d", &["password=m:db/prod#pw"]),
            (
                "pg://secret_coordinate%3A%3Al:p@secret_coordinate%3A%3Ah%2FX:5/secret_coordinate::s",
                &["login=l", "host=h/X", "schema=s"],
            ),
            ("pg://h?__extra__=%7B%22a%22%3A+%22secret_coordinate%3A%3Ab%22%7D", &["extra.a=b"]),
            (r#"{"uri": "pg://u:secret_coordinate::a@h"}"#, &["uri.password=a"]),
            (r#""secret_coordinate::a""#, &["=a"]),
            (r#"{"a": "\u0073ecret\u005fcoordinate\u003a:a"}"#, &["a=a"]),
            ("pg://u:secret%5Fcoordinate%3a%3Aa@h", &["password=a"]),
            ("\u{feff}secret_coordinate::a", &["=a"]),
            ("see secret_coordinate::a", &[]),
            (r#"{"description": "as secret_coordinate::a says", "secret_coordinate::k": "v"}"#, &[]),
            ("{secret_coordinate::a", &[]),
            ("postgres://u:pa@h", &[]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn another_text_is_put_there_as_the_place_needs_it() {
        for (text, expected) in [
            ("secret_coordinate::a", "p@/\"\u{e9}"),
            (r#"{"a":"secret_coordinate::a","b":1.50}"#, r#"{"a": "p@/\"\u00e9", "b": 1.5}"#),
            ("pg://u:secret_coordinate::a/b@h/d?x=1", "pg://u:p%40%2F%22%C3%A9@h/d?x=1"),
            (
                r#"{"extra": "{\"t\": \"secret_coordinate::b\"}"}"#,
                r#"{"extra": "{\"t\": \"p@/\\\"\\u00e9\"}"}"#,
            ),
        ] {
            assert_eq!(replaced(text, "p@/\"\u{e9}").as_deref(), Some(expected), "{text}");
        }
        assert_eq!(replaced(r#"{"a": "b"}"#, "x"), None);
        let value = SecretValue::structured(r#"["secret_coordinate::a"]"#);
        let value = rewrite(&value, &mut |_, _| Ok(Some(Text::from("1")))).unwrap().unwrap();
        assert_eq!((value.expose(), value.is_structured()), (r#"["1"]"#, true));
    }

    #[test]
    fn what_cannot_be_told_apart_is_an_error() {
        for text in [
            "pg://secret_coordinate::a:pw@h",
            "pg://u:p@secret_coordinate::h/d",
            "http://secret_coordinate::h",
            "secret_coordinate::",
            r#"{"a": "secret_coordinate::b#"}"#,
        ] {
            assert!(find_references(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_searched_without_a_panic(text in ".{0,40}", more in ".{0,20}") {
            for form in ["", "a://u:", "{\"a\": \"", "a://h?x=", "a://", "[\""] {
                let _ = find_references(&format!("{form}secret_coordinate::{text}@{more}"));
                let _ = find_references(&format!("{form}secret_coordinate{text}\"}}{more}"));
            }
        }

        #[test]
        fn what_is_put_into_a_uri_is_what_airflow_reads(password: String) {
            let uri = replaced("pg://u:secret_coordinate::a/b#c@h:5/d?x=secret_coordinate%3A%3Ab", &password);
            let uri = Text::from(uri.unwrap());
            let connection = crate::value::connection::parse(&uri, crate::value::Dialect::TaskSdk13).unwrap();
            prop_assert_eq!(connection.password.as_str(), Some(password.as_str()));
            prop_assert_eq!(connection.host.as_str(), Some("h"));
        }
    }
}
