//! What to search for in order to hide one secret.
//!
//! Percent-encoding, form encoding, JSON and `repr` are not handled here: [`super::view`] decodes them in the
//! searched text.

use std::str::from_utf8;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::value::text::strip;
use crate::value::{Text, json};

/// A part of a secret is searched for on its own if it has at least this length, in characters: Airflow's own
/// minimum.
const SHORTEST: usize = 5;
/// Airflow never hides its own name.
const NO_SECRET: &str = "airflow";
/// A line of a longer secret is searched for if it has at least this length, in characters: shorter lines are
/// common words.
const SHORTEST_LINE: usize = 16;

/// The secret as it is and without white space at its ends, its lines if it has several (a task's output is
/// masked line by line), and the base64 of the whole.
pub fn of(secret: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms = vec![Zeroizing::new(secret.to_vec())];
    let Ok(text) = from_utf8(secret) else { return forms };
    let stripped = from_utf8(strip(secret)).unwrap_or(text);
    let mut wholes = vec![text];
    if stripped.len() < text.len() && !stripped.eq_ignore_ascii_case(NO_SECRET) {
        wholes.push(stripped);
    }
    wholes.retain(|whole| is_long(whole, SHORTEST));
    forms.extend(wholes.iter().map(|whole| Zeroizing::new(whole.as_bytes().to_vec())));
    forms.extend(lines(stripped).map(|line| Zeroizing::new(line.as_bytes().to_vec())));
    forms.extend(wholes.into_iter().flat_map(base64));
    forms
}

/// The lines of a text, except of JSON: its secrets are known by their keys, and a line of it is not a
/// secret.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_json = text.starts_with(['{', '[']) && json::parse(&Text::from(text)).is_ok();
    let is_secret =
        move |line: &&str| line.len() < text.len() && is_long(line, SHORTEST_LINE) && !is_marker(line);
    let lines = text.split(['\n', '\r']).map(str::trim).filter(is_secret);
    lines.take(if is_json { 0 } else { usize::MAX })
}

/// `-----BEGIN PRIVATE KEY-----` describes what follows and is not secret.
fn is_marker(line: &str) -> bool {
    line.starts_with("-----") && line.ends_with("-----")
}

fn is_long(text: &str, least: usize) -> bool {
    text.chars().nth(least - 1).is_some()
}

/// With and without padding, in either alphabet, of UTF-8 and of the encoding that `requests` uses for a
/// password. The padding is searched for as well, so that it is not left behind.
fn base64(text: &str) -> Vec<Zeroizing<Vec<u8>>> {
    let latin: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
    let latin = latin.filter(|_| !text.is_ascii()).map(Zeroizing::new);
    let contents = [Some(Zeroizing::new(text.as_bytes().to_vec())), latin];
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    let encoded =
        contents.iter().flatten().flat_map(|content| engines.map(|engine| engine.encode(content.as_slice())));
    encoded.map(|encoded| Zeroizing::new(encoded.into_bytes())).collect()
}
