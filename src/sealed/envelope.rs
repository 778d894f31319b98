//! Sealing and opening: AES-256-GCM, with the place of the value as associated data.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, NONCE_LEN, Nonce};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::sealed::key::fill;
use crate::sealed::{FORMAT, Keys, Record};
use crate::value::SecretValue;

/// The bytes that GCM adds, so that a change is noticed.
const TAG_LEN: usize = 16;

/// What a value is bound to besides its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'text> {
    /// `connection`, `variable` or `config`.
    pub kind: &'text str,
    /// The name in the store.
    pub name: &'text str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", Shown(self.kind), Shown(self.name))
    }
}

impl Place<'_> {
    /// The associated data: each part after its length in bytes, a number of 32 bits, the highest byte first.
    fn bound(self, version: i64) -> Vec<u8> {
        let version = version.to_string();
        let mut bytes = Vec::new();
        for part in [self.kind, self.name, &version] {
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

impl Keys {
    /// Seals `value` for `place` under a new random nonce.
    pub fn seal(&self, place: Place<'_>, version: i64, value: &str) -> Result<Record> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        self.seal_with(nonce, place, version, value)
    }

    fn seal_with(
        &self,
        nonce: [u8; NONCE_LEN],
        place: Place<'_>,
        version: i64,
        value: &str,
    ) -> Result<Record> {
        if version < 1 {
            return Err(Error::config("the version of a sealed value is a number from 1 on"));
        }
        // Room for the tag, so that no copy of the text is left behind.
        let mut text = Zeroizing::new(Vec::with_capacity(value.len() + TAG_LEN));
        text.extend_from_slice(value.as_bytes());
        let bound = Aad::from(place.bound(version));
        let tag = self.sealing().cipher.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            bound,
            &mut text,
        );
        let tag = tag.map_err(|_| Error::internal("the value could not be sealed"))?;
        let sealed = [&nonce, text.as_slice(), tag.as_ref()].concat();
        Ok(Record {
            format: FORMAT,
            key_id: self.sealing().id().to_owned(),
            place: Some((place.kind.to_owned(), place.name.to_owned())),
            version,
            sealed: STANDARD.encode(sealed),
        })
    }

    /// The value in `record`, which was found at `place`. Whatever is wrong with it is an error.
    pub fn open(&self, record: &Record, place: Place<'_>) -> Result<SecretValue> {
        if record.format != FORMAT {
            return Err(unknown_format(place, record.format));
        }
        if let Some((kind, name)) = &record.place
            && (kind, name) != (&place.kind.to_owned(), &place.name.to_owned())
        {
            return Err(moved(place, Place { kind, name }));
        }
        let key = self.find(&record.key_id).ok_or_else(|| self.unknown_key(place, &record.key_id))?;
        let mut bytes = Zeroizing::new(STANDARD.decode(&record.sealed).map_err(|_| damaged(place))?);
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(|| damaged(place))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged(place))?;
        if text.len() < TAG_LEN {
            return Err(damaged(place));
        }
        let opened = key.cipher.open_in_place(nonce, Aad::from(place.bound(record.version)), text);
        let opened = opened.map_err(|_| refused(place, key.id()))?;
        std::str::from_utf8(opened).map(SecretValue::text).map_err(|_| no_text(place))
    }

    fn unknown_key(&self, place: Place<'_>, id: &str) -> Error {
        let known: Vec<_> = self.ids().map(|id| format!("`{}`", Shown(id))).collect();
        let what = format!("`{place}` is sealed with the key `{}`, which is not configured", Shown(id));
        Error::config(what).with_hint(format!(
            "Add it to `sealing_keys`, or correct `sealing_key_id`: configured is {}",
            known.join(", ")
        ))
    }
}

fn malformed(place: Place<'_>, what: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("`{place}` {what}"))
}

fn unknown_format(place: Place<'_>, format: i64) -> Error {
    malformed(place, &format!("is sealed in format {format}, and this version knows format {FORMAT} alone"))
        .with_hint("Use a newer Strongroom, or seal the value again")
}

fn moved(place: Place<'_>, own: Place<'_>) -> Error {
    malformed(place, &format!("holds the sealed record of `{own}`, which opens under its own name alone"))
        .with_hint("Seal the value again under this name: `strongroom seal`")
}

fn damaged(place: Place<'_>) -> Error {
    malformed(place, "cannot be opened: its sealed text is cut short, or no base64")
        .with_hint("Seal the value again: `strongroom seal`")
}

/// Authentication says no more than that something differs.
fn refused(place: Place<'_>, id: &str) -> Error {
    let id = Shown(id);
    malformed(
        place,
        &format!("cannot be opened with the key `{id}`: the key is another one, or the record was changed"),
    )
    .with_hint(format!(
        "Check that the key `{id}` is the one that it was sealed with; if it is, the record was changed, \
        cut or moved here: seal the value again, and find out who writes there"
    ))
}

fn no_text(place: Place<'_>) -> Error {
    malformed(place, "was opened and is no text in UTF-8").with_hint("Seal text in UTF-8")
}

#[cfg(test)]
mod tests;
