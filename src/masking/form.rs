//! What has to be looked for to hide one secret.
//!
//! Percent-encoding, form encoding, JSON and `repr` are not here: [`super::view`] undoes them in the searched text.

use std::str::from_utf8;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::value::text::strip;

/// A part of a secret is looked for by itself from this length on, in characters: Airflow's own least.
const SHORTEST: usize = 5;
/// A line of a longer secret from this length on, in characters: shorter ones are common words.
const SHORTEST_LINE: usize = 16;

/// The secret as it is and without white space at its ends, the lines of one that has several (a task's output is
/// masked line by line), and the base64 of the whole.
pub fn of(secret: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms = vec![Zeroizing::new(secret.to_vec())];
    let Ok(text) = from_utf8(secret) else { return forms };
    let stripped = from_utf8(strip(secret)).unwrap_or(text);
    let mut wholes = vec![text];
    if stripped.len() < text.len() && is_long(stripped, SHORTEST) {
        wholes.push(stripped);
        forms.push(Zeroizing::new(stripped.as_bytes().to_vec()));
    }
    forms.extend(lines(stripped).map(|line| Zeroizing::new(line.as_bytes().to_vec())));
    forms.extend(wholes.into_iter().flat_map(base64));
    forms
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_secret =
        move |line: &&str| line.len() < text.len() && is_long(line, SHORTEST_LINE) && !is_marker(line);
    text.split(['\n', '\r']).map(str::trim).filter(is_secret)
}

/// `-----BEGIN PRIVATE KEY-----` says what follows and is no secret.
fn is_marker(line: &str) -> bool {
    line.starts_with("-----") && line.ends_with("-----")
}

fn is_long(text: &str, least: usize) -> bool {
    text.chars().nth(least - 1).is_some()
}

/// Padded and not, with either alphabet. The padding is looked for too, so that it does not stay behind.
fn base64(text: &str) -> [Zeroizing<Vec<u8>>; 4] {
    let [padded, bare, url_padded, url_bare] = [
        STANDARD.encode(text),
        STANDARD_NO_PAD.encode(text),
        URL_SAFE.encode(text),
        URL_SAFE_NO_PAD.encode(text),
    ];
    [padded, bare, url_padded, url_bare].map(|encoded| Zeroizing::new(encoded.into_bytes()))
}
