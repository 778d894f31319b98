//! A Python `str`, byte for byte, that leaves nothing behind in memory.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroize;

/// The content of a Python `str` as generalized UTF-8: like UTF-8, but a lone surrogate is allowed and takes
/// three bytes (what `str.encode("utf-8", "surrogatepass")` gives). Debug prints `[REDACTED]`, and the memory
/// is zeroized when the text is dropped.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Vec<u8>);

/// The bytes are not what `str.encode("utf-8", "surrogatepass")` can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the text is not valid UTF-8; store it as UTF-8 text")]
pub struct InvalidText;

impl Text {
    /// Takes the bytes of `str.encode("utf-8", "surrogatepass")`; any other bytes are refused (and wiped).
    pub fn from_utf8_surrogatepass(bytes: Vec<u8>) -> Result<Self, InvalidText> {
        let text = Self(bytes);
        if is_generalized_utf8(&text.0) { Ok(text) } else { Err(InvalidText) }
    }

    /// Copies a slice of another text. The caller cut it at a character boundary.
    pub(crate) fn copy_of(slice: &[u8]) -> Self {
        Self(slice.to_vec())
    }

    /// The bytes in generalized UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text as a Rust string; None when it holds a lone surrogate.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether it contains no character.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Size in bytes of generalized UTF-8.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds a lone surrogate, so that Python cannot encode it as UTF-8.
    pub fn has_surrogates(&self) -> bool {
        has_surrogates(&self.0)
    }

    /// The code points in order; surrogates come as 0xD800 to 0xDFFF.
    pub fn code_points(&self) -> CodePoints<'_> {
        CodePoints(&self.0)
    }

    /// Without Unicode white space at both ends, as `str.strip()`.
    #[must_use]
    pub fn strip(&self) -> Self {
        Self::copy_of(strip(&self.0))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[REDACTED]")
    }
}

/// A text being built. When it outgrows its memory the old block is wiped, so no part of a secret is left
/// behind.
#[derive(Default)]
pub(crate) struct TextBuilder(Vec<u8>);

impl TextBuilder {
    /// Reserves `capacity` bytes before the first growth.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Appends generalized UTF-8, or one byte of it.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Appends one byte, ASCII or a part of a longer character.
    pub(crate) fn push_byte(&mut self, byte: u8) {
        self.make_room(1);
        self.0.push(byte);
    }

    /// Appends ASCII or any other string.
    pub(crate) fn push_str(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    /// Appends a code point, surrogates included; a number beyond Unicode becomes U+FFFD.
    pub(crate) fn push_code_point(&mut self, code_point: u32) {
        if let Some(character) = char::from_u32(code_point) {
            self.push_str(character.encode_utf8(&mut [0; 4]));
        } else if let Ok(surrogate) = u16::try_from(code_point) {
            let [high, low] = surrogate.to_be_bytes();
            self.push_bytes(&[0xE0 | high >> 4, 0x80 | (high & 0xF) << 2 | low >> 6, 0x80 | low & 0x3F]);
        } else {
            self.push_str("\u{FFFD}");
        }
    }

    /// What was appended so far.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The finished text.
    pub(crate) fn finish(mut self) -> Text {
        Text(std::mem::take(&mut self.0))
    }

    fn make_room(&mut self, additional: usize) {
        if self.0.capacity() - self.0.len() >= additional {
            return;
        }
        let mut larger = Vec::with_capacity((self.0.len() + additional).max(32) * 2);
        larger.extend_from_slice(&self.0);
        self.0.zeroize();
        self.0 = larger;
    }
}

impl Drop for TextBuilder {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A slice of the input where nothing had to change, else a text of its own: avoids most copies of a typical
/// URI.
pub(crate) enum Part<'a> {
    /// Unchanged.
    Slice(&'a [u8]),
    /// Changed, and wiped after use.
    Owned(Text),
}

impl Part<'_> {
    /// The bytes in generalized UTF-8.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Slice(slice) => slice,
            Self::Owned(text) => text.as_bytes(),
        }
    }

    /// The text itself, copied if it was only a slice.
    pub(crate) fn into_text(self) -> Text {
        match self {
            Self::Slice(slice) => Text::copy_of(slice),
            Self::Owned(text) => text,
        }
    }
}

/// Iterator of [`Text::code_points`].
#[derive(Clone)]
pub struct CodePoints<'a>(&'a [u8]);

impl Iterator for CodePoints<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (code_point, width) = decode_first(self.0)?;
        self.0 = self.0.get(width..).unwrap_or_default();
        Some(code_point)
    }
}

impl fmt::Debug for CodePoints<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CodePoints([REDACTED])")
    }
}

/// First code point of generalized UTF-8 and its width in bytes; None at the end and for bytes that are not a
/// character.
pub(crate) fn decode_first(bytes: &[u8]) -> Option<(u32, usize)> {
    let low = |byte: u8| if byte & 0xC0 == 0x80 { Some(u32::from(byte & 0x3F)) } else { None };
    match *bytes {
        [first @ 0..=0x7F, ..] => Some((u32::from(first), 1)),
        [first @ 0xC2..=0xDF, second, ..] => Some((u32::from(first & 0x1F) << 6 | low(second)?, 2)),
        [first @ 0xE0..=0xEF, second, third, ..] => {
            let code_point = u32::from(first & 0xF) << 12 | low(second)? << 6 | low(third)?;
            (code_point >= 0x800).then_some((code_point, 3))
        }
        [first @ 0xF0..=0xF4, second, third, fourth, ..] => {
            let code_point =
                u32::from(first & 7) << 18 | low(second)? << 12 | low(third)? << 6 | low(fourth)?;
            (0x1_0000..=0x10_FFFF).contains(&code_point).then_some((code_point, 4))
        }
        _ => None,
    }
}

fn is_generalized_utf8(bytes: &[u8]) -> bool {
    // Nearly all text is plain UTF-8, and the standard library checks that fastest.
    if std::str::from_utf8(bytes).is_ok() {
        return true;
    }
    let mut rest = bytes;
    while let Some((_, width)) = decode_first(rest) {
        rest = rest.get(width..).unwrap_or_default();
    }
    rest.is_empty()
}

/// Whether generalized UTF-8 holds a lone surrogate.
pub(crate) fn has_surrogates(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && std::str::from_utf8(bytes).is_err()
}

/// `str.strip()`: without Unicode white space at both ends.
pub(crate) fn strip(bytes: &[u8]) -> &[u8] {
    strip_end(strip_start(bytes))
}

fn strip_start(mut bytes: &[u8]) -> &[u8] {
    while let Some((code_point, width)) = decode_first(bytes) {
        if !is_white_space(code_point) {
            break;
        }
        bytes = bytes.get(width..).unwrap_or_default();
    }
    bytes
}

fn strip_end(mut bytes: &[u8]) -> &[u8] {
    while let Some((code_point, before)) = decode_last(bytes) {
        if !is_white_space(code_point) {
            break;
        }
        bytes = before;
    }
    bytes
}

/// Last code point, and the bytes before it.
fn decode_last(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let start = bytes.iter().rposition(|byte| byte & 0xC0 != 0x80)?;
    let (before, last) = bytes.split_at_checked(start)?;
    Some((decode_first(last)?.0, before))
}

/// `str.isspace` for one code point (Unicode category Zs, or bidirectional type WS, B or S).
pub(crate) fn is_white_space(code_point: u32) -> bool {
    matches!(code_point,
        0x09..=0x0D | 0x1C..=0x20 | 0x85 | 0xA0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F
        | 0x205F | 0x3000)
}

/// `str.lower()`. The final sigma and the other special cases are Unicode's, so Rust's and Python's agree.
pub(crate) fn lowercase(bytes: &[u8]) -> Text {
    if bytes.is_ascii() {
        return Text(bytes.to_ascii_lowercase());
    }
    let mut lower = TextBuilder::with_capacity(bytes.len() + bytes.len() / 2);
    for chunk in bytes.utf8_chunks() {
        let mut part = chunk.valid().to_lowercase();
        lower.push_str(&part);
        part.zeroize();
        // What UTF-8 treats as invalid is a lone surrogate here, and has no case.
        lower.push_bytes(chunk.invalid());
    }
    lower.finish()
}

/// Position of the first `byte`.
pub(crate) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    bytes.iter().position(|&candidate| candidate == byte)
}

/// `str.partition` at an ASCII character: the text before it, and the text after it if it is present.
pub(crate) fn partition(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match find(bytes, separator).and_then(|at| bytes.split_at_checked(at)) {
        Some((before, after)) => (before, after.get(1..)),
        None => (bytes, None),
    }
}

/// `str.rpartition` at an ASCII character: the text before it if it is present, and the text after it.
pub(crate) fn partition_last(bytes: &[u8], separator: u8) -> (Option<&[u8]>, &[u8]) {
    let at = bytes.iter().rposition(|&candidate| candidate == separator);
    match at.and_then(|at| bytes.split_at_checked(at)) {
        Some((before, after)) => (Some(before), after.get(1..).unwrap_or_default()),
        None => (None, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_lone_surrogates() {
        let text = Text::from_utf8_surrogatepass(vec![b'a', 0xED, 0xA0, 0xBD]).unwrap();
        assert_eq!(text.code_points().collect::<Vec<_>>(), [0x61, 0xD83D]);
        assert!(text.to_str().is_none() && text.has_surrogates());
        let mut builder = TextBuilder::default();
        text.code_points().for_each(|code_point| builder.push_code_point(code_point));
        assert_eq!(builder.finish(), text);
    }

    #[test]
    fn refuses_what_python_cannot_encode() {
        for bytes in [
            &[0xFF][..],
            &[0xC0, 0x80],
            &[0xE0, 0x80, 0x80],
            &[0xF4, 0x90, 0x80, 0x80],
            &[0xE2, 0x82],
            &[0x80],
        ] {
            assert_eq!(Text::from_utf8_surrogatepass(bytes.to_vec()), Err(InvalidText));
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(
            format!("{:?} {:#?}", Text::from("canary"), Some(Text::from("canary"))).find("canary"),
            None
        );
    }

    #[test]
    fn strips_unicode_white_space() {
        assert_eq!(Text::from("\u{3000}\u{1c} a b\u{a0}\u{85}\n").strip(), Text::from("a b"));
        assert_eq!(Text::from("\u{200b}\u{feff}\0").strip(), Text::from("\u{200b}\u{feff}\0"));
        assert!(Text::from(" \u{2003}").strip().is_empty());
    }

    #[test]
    fn lowers_as_python_does() {
        assert_eq!(lowercase("ΑΣ ΣΑ İ".as_bytes()), Text::from("ας σα i̇"));
        assert_eq!(lowercase(b"A\xED\xA0\x80B").as_bytes(), b"a\xED\xA0\x80b");
    }

    #[test]
    fn partitions_as_python_does() {
        assert_eq!(partition(b"a:b:c", b':'), (&b"a"[..], Some(&b"b:c"[..])));
        assert_eq!(partition(b"abc", b':'), (&b"abc"[..], None));
        assert_eq!(partition_last(b"a@b@c", b'@'), (Some(&b"a@b"[..]), &b"c"[..]));
        assert_eq!(partition_last(b"abc", b'@'), (None, &b"abc"[..]));
    }
}
