//! A text with its encodings undone, and where each byte of it comes from.
//!
//! A secret may be printed percent-encoded (`quote`, `quote_plus`, `urlencode`, `SQLAlchemy`, with digits in
//! either case), in JSON (with and without ASCII escapes) or as `repr`. All of them read the same once they
//! are decoded.

use std::ops::Range;

/// A decoded text.
pub struct View {
    bytes: Vec<u8>,
    /// For each byte, the place in the original at which it begins; then the end of the original.
    origins: Vec<usize>,
}

impl View {
    /// What is searched.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The place in the original text that corresponds to a place in this one.
    pub fn place(&self, place: Range<usize>) -> Range<usize> {
        let origin = |at: usize| self.origins.get(at).copied().unwrap_or_default();
        origin(place.start)..origin(place.end)
    }
}

/// What one step of a decoder reads: how many bytes of the text, and what they mean.
struct Piece {
    length: usize,
    content: Content,
}

#[derive(Clone, Copy)]
enum Content {
    Byte(u8),
    Character(char),
}

/// Decodes one encoding at the start of a text; `None` where nothing is encoded there.
type Decoder = fn(&[u8]) -> Option<Piece>;

/// Calls `search` with every view of `text` that differs from it, with up to `depth` encodings decoded.
pub fn each(text: &[u8], depth: usize, search: &mut impl FnMut(&View)) {
    if depth > 0 && is_encoded(text) {
        decode_all(text, None, depth, search);
    }
}

fn is_encoded(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'%' | b'\\' | b'+'))
}

fn decode_all(text: &[u8], origins: Option<&[usize]>, depth: usize, search: &mut impl FnMut(&View)) {
    // A `+` that remains after percent-decoding is not a space.
    let is_form =
        text.contains(&b'+') && (origins.is_none() || text.contains(&b'%') || text.contains(&b'\\'));
    let decoders: [(bool, Decoder); 3] =
        [(text.contains(&b'%'), percent), (is_form, form), (text.contains(&b'\\'), backslash)];
    for (_, decoder) in decoders.into_iter().filter(|(is_there, _)| *is_there) {
        let decoded = decode(text, origins, decoder);
        let Some(view) = decoded else { continue };
        search(&view);
        if depth > 1 && is_encoded(&view.bytes) {
            decode_all(&view.bytes, Some(&view.origins), depth - 1, search);
        }
    }
}

/// The view through `decoder`; `None` if it changes nothing.
fn decode(text: &[u8], origins: Option<&[usize]>, decoder: Decoder) -> Option<View> {
    let origin = |at: usize| origins.map_or(at, |origins| origins.get(at).copied().unwrap_or(at));
    let mut view =
        View { bytes: Vec::with_capacity(text.len()), origins: Vec::with_capacity(text.len() + 1) };
    let (mut at, mut changed) = (0, false);
    while let Some(rest @ [first, ..]) = text.get(at..) {
        let piece = decoder(rest);
        changed |= piece.is_some();
        let Piece { length, content } = piece.unwrap_or(Piece { length: 1, content: Content::Byte(*first) });
        push(&mut view, origin(at), content);
        at += length;
    }
    view.origins.push(origin(text.len()));
    changed.then_some(view)
}

fn push(view: &mut View, origin: usize, content: Content) {
    let before = view.bytes.len();
    match content {
        Content::Byte(byte) => view.bytes.push(byte),
        Content::Character(character) => {
            view.bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    view.origins.resize(view.origins.len() + view.bytes.len() - before, origin);
}

/// `%2F`, with either case of digits.
fn percent(text: &[u8]) -> Option<Piece> {
    match text {
        [b'%', digits @ ..] => {
            let byte = u8::try_from(hexadecimal(digits, 2)?).ok()?;
            Some(Piece { length: 3, content: Content::Byte(byte) })
        }
        _ => None,
    }
}

/// Like [`percent`], and `+` is a space.
fn form(text: &[u8]) -> Option<Piece> {
    match text {
        [b'+', ..] => Some(Piece { length: 1, content: Content::Byte(b' ') }),
        _ => percent(text),
    }
}

/// The escapes of JSON and of Python's `repr`.
fn backslash(text: &[u8]) -> Option<Piece> {
    let [b'\\', letter, digits @ ..] = text else { return None };
    let simple = |character| Some(Piece { length: 2, content: Content::Character(character) });
    match letter {
        b'"' | b'\'' | b'\\' | b'/' => simple(char::from(*letter)),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'x' => character(digits, 2),
        // First as a pair: half of one is not a character.
        b'u' => surrogate_pair(digits).or_else(|| character(digits, 4)),
        b'U' => character(digits, 8),
        _ => None,
    }
}

fn character(digits: &[u8], count: usize) -> Option<Piece> {
    let character = char::from_u32(hexadecimal(digits, count)?)?;
    Some(Piece { length: 2 + count, content: Content::Character(character) })
}

/// `\ud83d\ude00`: JSON writes characters beyond the basic plane as two halves.
fn surrogate_pair(digits: &[u8]) -> Option<Piece> {
    let high = hexadecimal(digits, 4)?;
    let [b'\\', b'u', rest @ ..] = digits.get(4..)? else { return None };
    let low = hexadecimal(rest, 4)?;
    if !(0xD800..0xDC00).contains(&high) || !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    let character = char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))?;
    Some(Piece { length: 12, content: Content::Character(character) })
}

fn hexadecimal(digits: &[u8], count: usize) -> Option<u32> {
    let digits = digits.get(..count)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}
