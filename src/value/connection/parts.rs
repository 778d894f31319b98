//! Where the parts of a connection URI are, so that one of them can be replaced and the rest stays as it is.

use std::ops::Range;

use super::percent::{Plus, push_quoted, unquoted};
use super::query::EXTRA_KEY;
use super::{netloc, urlsplit};
use crate::value::text::{self, Text, TextBuilder};

/// A part of a URI.
#[derive(Debug)]
pub struct UriPart {
    /// The field of the connection, and for a parameter its name.
    pub field: (&'static str, Option<String>),
    /// What it holds, decoded.
    pub text: Text,
    /// Where it is.
    range: Range<usize>,
}

/// The parts of `uri` that hold texts, in their order; none for a text that is not a URI.
pub fn uri_parts(uri: &str) -> Vec<UriPart> {
    let bytes = uri.as_bytes();
    let Some(start) = after_scheme(bytes) else { return Vec::new() };
    // A second protocol before the host: what follows is a URI of its own to Airflow.
    let rest = bytes.get(start..).unwrap_or_default();
    let (whole, base) = match after_scheme(rest) {
        Some(_) => (rest, start),
        None => (bytes, 0),
    };
    let Ok(split) = urlsplit::split(whole) else { return Vec::new() };
    let place = |part: &[u8]| {
        // What is not there has no place.
        let from = if part.is_empty() { 0 } else { base + part.as_ptr().addr() - whole.as_ptr().addr() };
        from..from + part.len()
    };
    let part =
        |field, bytes: &[u8], plus| UriPart { field, text: unquoted(bytes, plus), range: place(bytes) };
    let plain = |name, bytes: &[u8]| part((name, None), bytes, Plus::Literal);
    let location = netloc::parse(split.netloc);
    let mut parts: Vec<UriPart> = Vec::new();
    parts.extend(location.username.map(|login| plain("login", login)));
    parts.extend(location.password.map(|password| plain("password", password)));
    parts.push(plain("host", location.host));
    let width = text::decode_first(split.path).map_or(0, |(_, width)| width);
    parts.push(plain("schema", split.path.get(width..).unwrap_or_default()));
    for parameter in split.query.split(|&byte| byte == b'&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = text::partition(parameter, b'=');
        let name = unquoted(name, Plus::Space).to_str().filter(|name| *name != EXTRA_KEY).map(str::to_owned);
        parts.extend(value.map(|value| part(("extra", name), value, Plus::Space)));
    }
    parts.retain(|part| !part.range.is_empty());
    parts
}

/// `uri` with other texts in some of its parts, which are in their order. `None` if one cannot be written.
pub fn replace_parts(uri: &str, parts: &[(UriPart, Text)]) -> Option<Text> {
    let mut written = TextBuilder::with_capacity(uri.len() * 2);
    let mut end = 0;
    for (part, text) in parts {
        written.push_str(uri.get(end..part.range.start)?);
        push_quoted(&mut written, text.as_bytes(), Plus::Literal)?;
        end = part.range.end;
    }
    written.push_str(uri.get(end..)?);
    Some(written.finish())
}

/// Where the text after `scheme://` begins. Spaces before it are those of a file, and Python drops them.
fn after_scheme(uri: &[u8]) -> Option<usize> {
    let end = uri.windows(3).position(|window| window == b"://")?;
    let scheme = uri.get(..end)?;
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(is_letter);
    is_scheme.then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(uri: &str) -> Vec<String> {
        let shown = |part: UriPart| {
            let name = part.field.1.map(|name| format!(".{name}")).unwrap_or_default();
            format!("{}{name}={}", part.field.0, part.text.to_str().unwrap())
        };
        uri_parts(uri).into_iter().map(shown).collect()
    }

    #[test]
    fn every_part_that_holds_a_text_is_found_and_decoded() {
        assert_eq!(
            parts("postgres://u%40:p%2F@h:5/d%20b?a=1+2&__extra__=%7B%7D&c&d=#f"),
            ["login=u@", "password=p/", "host=h", "schema=d b", "extra.a=1 2", "extra={}"]
        );
        assert_eq!(parts("http://https://u:p@h/x"), ["login=u", "password=p", "host=h", "schema=x"]);
        assert_eq!(parts("a://[::1]:5"), ["host=::1"]);
        for text in ["", "a", "://h", "my_type://h", "a b://h", "a://[h"] {
            assert!(parts(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_part_is_replaced_and_the_rest_stays() {
        let uri = "postgres://u:p@H%2f:5/d?a=x+y&b=%7e";
        let new = uri_parts(uri).into_iter().filter(|part| part.field.0 != "host");
        let new: Vec<_> = new.map(|part| (part, Text::from("@ /\u{e9}"))).collect();
        let quoted = "%40%20%2F%C3%A9";
        let expected = format!("postgres://{quoted}:{quoted}@H%2f:5/{quoted}?a={quoted}&b={quoted}");
        assert_eq!(replace_parts(uri, &new).unwrap().to_str(), Some(expected.as_str()));
        assert_eq!(replace_parts(uri, &[]).unwrap().to_str(), Some(uri));
    }
}
