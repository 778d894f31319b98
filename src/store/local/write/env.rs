//! Changes of a file of `KEY=value` lines.

use zeroize::Zeroizing;

use crate::store::local::dotenv::{is_line_end, key_of};

use super::Wanted;

/// The text with another line for `id`, or without any. Of several lines the first one is replaced.
pub(super) fn changed(text: &str, id: &str, wanted: Wanted<'_>) -> Zeroizing<String> {
    let line = wanted.map(|value| Zeroizing::new(format!("{id}={}", value.as_str().unwrap_or_default())));
    let mut left = line.as_ref().map(|line| line.as_str());
    // In advance, so that no copy of a secret is left behind by a growing text.
    let mut new =
        Zeroizing::new(String::with_capacity(text.len() + line.as_ref().map_or(0, |line| line.len()) + 4));
    for (line, end) in lines(text) {
        if key_of(line) != Some(id) {
            new.push_str(line);
            new.push_str(end);
        } else if let Some(line) = left.take() {
            new.push_str(line);
            new.push_str(end);
        }
    }
    if let Some(line) = left {
        let end = lines(text).map(|(_, end)| end).find(|end| !end.is_empty()).unwrap_or("\n");
        if !new.is_empty() && !new.ends_with(is_line_end) {
            new.push_str(end);
        }
        new.push_str(line);
        new.push_str(end);
    }
    new
}

/// The lines with what ends them.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = rest.find(is_line_end).unwrap_or(rest.len());
        let (line, after) = rest.split_at(length);
        let end = if after.starts_with("\r\n") { 2 } else { after.chars().next().map_or(0, char::len_utf8) };
        let (end, after) = after.split_at(end);
        rest = after;
        Some((line, end))
    })
}
