//! `urllib.parse.urlsplit` (Python 3.11.7 Lib/urllib/parse.py).

use super::error::ConnectionError;
use super::netloc;
use crate::value::text::{self, Part, Text};

/// The parts of a URL, not decoded. The fragment is dropped: Airflow ignores it.
pub(super) struct Split<'a> {
    /// As written in the URL; [`Split::lower_scheme`] is what Python reports.
    pub(super) scheme: &'a [u8],
    pub(super) netloc: &'a [u8],
    pub(super) path: &'a [u8],
    pub(super) query: &'a [u8],
}

/// What `urlsplit` does first: removes leading control characters and spaces, and all tabs and line ends.
pub(super) fn clean(url: &[u8]) -> Part<'_> {
    let leading = url.iter().take_while(|&&byte| byte <= b' ').count();
    let url = url.get(leading..).unwrap_or_default();
    let is_removed = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n');
    if !url.iter().any(is_removed) {
        return Part::Slice(url);
    }
    let mut kept = text::TextBuilder::with_capacity(url.len());
    url.iter().filter(|byte| !is_removed(byte)).for_each(|&byte| kept.push_byte(byte));
    Part::Owned(kept.finish())
}

/// Splits a URL that went through [`clean`].
pub(super) fn split(url: &[u8]) -> Result<Split<'_>, ConnectionError> {
    let (scheme, rest) = split_scheme(url);
    let (netloc, rest) = match rest {
        [b'/', b'/', after @ ..] => split_netloc(after),
        _ => (&[][..], rest),
    };
    netloc::check_brackets(netloc)?;
    let (rest, _fragment) = text::partition(rest, b'#');
    let (path, query) = text::partition(rest, b'?');
    netloc::check_normalization(netloc)?;
    Ok(Split { scheme, netloc, path, query: query.unwrap_or_default() })
}

impl Split<'_> {
    /// The scheme in lower case.
    pub(super) fn lower_scheme(&self) -> Text {
        text::lowercase(self.scheme)
    }
}

/// A scheme is a letter followed by letters, digits, `+`, `-` and `.`, up to the first colon.
fn split_scheme(url: &[u8]) -> (&[u8], &[u8]) {
    let is_scheme_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    match text::partition(url, b':') {
        (scheme @ [first, ..], Some(rest))
            if first.is_ascii_alphabetic() && scheme.iter().all(is_scheme_byte) =>
        {
            (scheme, rest)
        }
        _ => (&[], url),
    }
}

fn split_netloc(after_slashes: &[u8]) -> (&[u8], &[u8]) {
    let end = after_slashes.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    end.and_then(|end| after_slashes.split_at_checked(end)).unwrap_or((after_slashes, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> [String; 4] {
        let cleaned = clean(url.as_bytes());
        let split = split(cleaned.as_bytes()).unwrap();
        [split.scheme, split.netloc, split.path, split.query]
            .map(|part| String::from_utf8(part.to_vec()).unwrap())
    }

    #[test]
    fn splits_as_python_does() {
        for (url, expected) in [
            ("a://u:p@h:1/p?q#f", ["a", "u:p@h:1", "/p", "q"]),
            ("my_type://h/p", ["", "", "my_type://h/p", ""]),
            ("1a://h", ["", "", "1a://h", ""]),
            ("a+-.9:x", ["a+-.9", "", "x", ""]),
            ("\u{1f} \0a:\t//\nh\r?q?r#?#", ["a", "h", "", "q?r"]),
            ("//h#f?q", ["", "h", "", ""]),
            (":x", ["", "", ":x", ""]),
        ] {
            assert_eq!(parts(url), expected, "{url:?}");
        }
    }
}
