//! Changes of a JSON object in its text.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::value::Text;
use crate::value::json::{self, Value};

use super::{Reason, Wanted};

/// A member of the outermost object.
struct Member {
    key: Option<String>,
    /// From the first quote of the key to the end of the value.
    all: Range<usize>,
    /// The value alone.
    value: Range<usize>,
}

/// The text with another value for `id`, or without one. Of several members the last one counts, as in
/// Python.
pub(super) fn changed(text: &str, id: &str, wanted: Wanted<'_>) -> Result<Zeroizing<String>, Reason> {
    if text.is_empty() {
        return Ok(Zeroizing::new(
            wanted.map_or_else(String::new, |value| format!("{{\n  {}\n}}\n", member(id, value).as_str())),
        ));
    }
    let (members, end) = members(text).ok_or("its members cannot be told apart")?;
    let own = || members.iter().filter(|member| member.key.as_deref() == Some(id));
    match (wanted, own().next_back()) {
        (Some(value), Some(member)) => Ok(spliced(text, member.value.clone(), &written(value))),
        (Some(value), None) => Ok(added(text, &members, end, &member(id, value))),
        (None, Some(_)) => Ok(without(text, &members, end, id)),
        (None, None) => Ok(Zeroizing::new(text.to_owned())),
    }
}

fn written(value: &Value) -> Zeroizing<String> {
    Zeroizing::new(json::write(value).to_str().unwrap_or_default().to_owned())
}

fn member(id: &str, value: &Value) -> Zeroizing<String> {
    Zeroizing::new(format!("{}: {}", written(&Value::from(id)).as_str(), written(value).as_str()))
}

fn spliced(text: &str, range: Range<usize>, new: &str) -> Zeroizing<String> {
    let (before, after) = (text.get(..range.start), text.get(range.end..));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let mut spliced = Zeroizing::new(String::with_capacity(before.len() + new.len() + after.len()));
    for part in [before, new, after] {
        spliced.push_str(part);
    }
    spliced
}

/// Adds a member as the last one, with the space that the others have before them. `end` is the closing
/// brace.
fn added(text: &str, members: &[Member], end: usize, new: &str) -> Zeroizing<String> {
    let Some(last) = members.last() else {
        let start = text.find('{').map_or(0, |brace| brace + 1);
        return spliced(text, start..end, &Zeroizing::new(format!("\n  {new}\n")));
    };
    let before = text.get(..last.all.start).unwrap_or_default();
    let space = before.get(before.trim_end().len()..).unwrap_or_default();
    let space = if members.len() == 1 && space.is_empty() { " " } else { space };
    spliced(text, last.all.end..last.all.end, &Zeroizing::new(format!(",{space}{new}")))
}

fn without(text: &str, members: &[Member], end: usize, id: &str) -> Zeroizing<String> {
    let start = text.find('{').map_or(0, |brace| brace + 1);
    let kept: Vec<&Member> = members.iter().filter(|member| member.key.as_deref() != Some(id)).collect();
    let Some((first, last)) = kept.first().zip(kept.last()) else { return spliced(text, start..end, "") };
    let slice = |range: Range<usize>| text.get(range).unwrap_or_default();
    let mut inner = Zeroizing::new(String::with_capacity(text.len()));
    let lead = members.first().map_or(first.all.start, |member| member.all.start);
    inner.push_str(slice(start..lead));
    let mut before: Option<&Member> = None;
    for member in &kept {
        if before.is_some() {
            // The comma and the space before a member go with it.
            let from = members.iter().map(|other| other.all.end).filter(|end| *end <= member.all.start).max();
            inner.push_str(slice(from.unwrap_or(member.all.start)..member.all.start));
        }
        inner.push_str(slice(member.all.clone()));
        before = Some(member);
    }
    let tail = members.last().map_or(last.all.end, |member| member.all.end);
    inner.push_str(slice(tail..end));
    spliced(text, start..end, &inner)
}

/// The members of the outermost object, and where its closing brace is. The text has been read as JSON, so
/// only its structure has to be found.
fn members(text: &str) -> Option<(Vec<Member>, usize)> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.skip_space();
    scanner.take(b'{')?;
    let mut members = Vec::new();
    loop {
        scanner.skip_space();
        match scanner.peek()? {
            b'}' => return Some((members, scanner.at)),
            b',' => scanner.at += 1,
            _ => {
                let start = scanner.at;
                scanner.skip_string()?;
                let key = text.get(start..scanner.at)?;
                let key = json::parse(&Text::from(key)).ok()?.as_str().map(str::to_owned);
                scanner.skip_space();
                scanner.take(b':')?;
                scanner.skip_space();
                let value = scanner.at;
                scanner.skip_value()?;
                members.push(Member { key, all: start..scanner.at, value: value..scanner.at });
            }
        }
    }
}

struct Scanner<'text> {
    bytes: &'text [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b'}' | b',' if depth == 0 => {
                    // The space behind a bare word is no part of it.
                    while self.at > 0 && self.bytes.get(self.at - 1).is_some_and(u8::is_ascii_whitespace) {
                        self.at -= 1;
                    }
                    return Some(());
                }
                _ => self.at += 1,
            }
        }
    }
}
