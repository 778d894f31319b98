//! Percent-encoding: `quote`, `unquote` and their `plus` forms (`Lib/urllib/parse.py` of Python).

use crate::value::text::{self, Part, Text, TextBuilder};

/// What a literal `+` means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plus {
    /// Itself: everywhere but in the query.
    Literal,
    /// A space: in the query.
    Space,
}

/// `unquote`: escapes become bytes, bytes become UTF-8 with U+FFFD for invalid ones; broken escapes are kept.
pub(super) fn unquote(quoted: &[u8], plus: Plus) -> Part<'_> {
    let is_special = |&byte: &u8| byte == b'%' || byte == b'+' && plus == Plus::Space;
    if !quoted.iter().any(is_special) {
        return Part::Slice(quoted);
    }
    let mut decoded = TextBuilder::with_capacity(quoted.len());
    let mut rest = quoted;
    // CPython decodes each run of ASCII separately, so an escape never combines with a raw character.
    while !rest.is_empty() {
        let ascii = rest.iter().take_while(|byte| byte.is_ascii()).count();
        let (run, after) = rest.split_at_checked(ascii).unwrap_or((rest, &[]));
        push_decoded(&mut decoded, run, plus);
        let raw = after.iter().take_while(|byte| !byte.is_ascii()).count();
        let (raw, after) = after.split_at_checked(raw).unwrap_or((after, &[]));
        decoded.push_bytes(raw);
        rest = after;
    }
    Part::Owned(decoded.finish())
}

/// The text that [`unquote`] gives.
pub(super) fn unquoted(quoted: &[u8], plus: Plus) -> Text {
    unquote(quoted, plus).into_text()
}

fn push_decoded(output: &mut TextBuilder, run: &[u8], plus: Plus) {
    let mut bytes = TextBuilder::with_capacity(run.len());
    let mut rest = run;
    while let [first, after @ ..] = rest {
        if let Some((byte, after)) = escape(rest) {
            bytes.push_byte(byte);
            rest = after;
            continue;
        }
        bytes.push_byte(if *first == b'+' && plus == Plus::Space { b' ' } else { *first });
        rest = after;
    }
    for chunk in bytes.as_bytes().utf8_chunks() {
        output.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            output.push_str("\u{FFFD}");
        }
    }
}

/// The byte of an escape at the start, and what follows it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = text else { return None };
    let byte = char::from(*high).to_digit(16)? << 4 | char::from(*low).to_digit(16)?;
    Some((u8::try_from(byte).ok()?, after))
}

/// `quote(text, safe="")`, or with [`Plus::Space`] `quote_plus(text)`. None when Python cannot encode the
/// text.
pub(super) fn push_quoted(output: &mut TextBuilder, plain: &[u8], plus: Plus) -> Option<()> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if text::has_surrogates(plain) {
        return None;
    }
    for &byte in plain {
        match byte {
            // `_ALWAYS_SAFE` of urllib.parse.
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => output.push_byte(byte),
            b' ' if plus == Plus::Space => output.push_byte(b'+'),
            _ => {
                let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
                output.push_bytes(&[b'%', digit(byte >> 4), digit(byte & 0xF)]);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(quoted: &str) -> Text {
        unquoted(quoted.as_bytes(), Plus::Literal)
    }

    #[test]
    fn decodes_as_python_does() {
        for (quoted, plain) in [
            ("a+b", "a+b"),
            ("%41%zz%4%", "A%zz%4%"),
            ("%C3%A9%C3", "é\u{FFFD}"),
            ("%C3é%A9", "\u{FFFD}é\u{FFFD}"),
            ("%E2%82%F0%9F%98%ED%A0%80", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            ("%00%25%2541", "\0%%41"),
        ] {
            assert_eq!(decoded(quoted).to_str().unwrap(), plain, "{quoted}");
        }
        assert_eq!(unquoted(b"a+b%2B\xED\xA0\x80%20", Plus::Space).as_bytes(), b"a b+\xED\xA0\x80 ");
    }

    #[test]
    fn encodes_as_python_does() {
        let mut output = TextBuilder::default();
        push_quoted(&mut output, "a/Z~ é+".as_bytes(), Plus::Literal).unwrap();
        push_quoted(&mut output, b" +%", Plus::Space).unwrap();
        assert_eq!(output.finish(), Text::from("a%2FZ~%20%C3%A9%2B+%2B%25"));
        assert!(push_quoted(&mut TextBuilder::default(), b"\xED\xA0\x80", Plus::Literal).is_none());
    }
}
