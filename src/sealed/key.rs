//! Keys, made of texts.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::redact::{Shown, is_harmful};

/// The fewest characters that the text of a key has.
pub const SHORTEST_KEY: usize = 32;

/// The most characters of a key id.
const LONGEST_ID: usize = 64;

/// What a key is derived for: the format with its version.
const INFO: &[u8] = b"strongroom-sealed-1";

/// One key. Debug shows its id.
pub struct Key {
    id: String,
    pub(super) cipher: LessSafeKey,
}

impl Key {
    /// The key that `text` makes under the name `id`. `named_by` is what holds the text, for messages.
    ///
    /// The derivation is no protection for a passphrase: it is fast, so the text has to be random.
    pub fn of(id: &str, text: &str, named_by: &str) -> Result<Self> {
        if !is_key_id(id) {
            return Err(Error::config("an id in `sealing_key_id` or `sealing_keys` is invalid")
                .with_hint("An id has 1 to 64 characters that can be shown, and no blanks around them"));
        }
        let text = text.trim();
        if text.chars().count() < SHORTEST_KEY {
            return Err(too_short(named_by));
        }
        let failed = |_| Error::internal("no key could be derived");
        let derived = Salt::new(HKDF_SHA256, id.as_bytes()).extract(text.as_bytes());
        let key = derived.expand(&[INFO], &AES_256_GCM).map(UnboundKey::from).map_err(failed)?;
        Ok(Self { id: id.to_owned(), cipher: LessSafeKey::new(key) })
    }

    /// Its name in records.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", Shown(&self.id))
    }
}

fn too_short(named_by: &str) -> Error {
    Error::config(format!("the key in {named_by} has fewer than {SHORTEST_KEY} characters"))
        .with_hint("`strongroom key` makes one that is random; a passphrase will not do")
}

/// Whether a text may be the id of a key.
pub fn is_key_id(id: &str) -> bool {
    let count = id.chars().count();
    (1..=LONGEST_ID).contains(&count) && id.trim() == id && !id.chars().any(is_harmful)
}

/// A new random text for a key: 43 letters, digits, `-` and `_`, which are 256 bits.
pub fn new_key_text() -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    fill(bytes.as_mut())?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// Fills `bytes` with random ones of the system.
pub(super) fn fill(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::internal("the system has no random numbers"))
}

/// The key that seals, and all that open. There is always one.
#[derive(Debug)]
pub struct Keys {
    sealing: Key,
    others: Vec<Key>,
}

impl Keys {
    /// Seals with `sealing` and opens with it and with `others`; the first one of an id counts.
    pub fn new(sealing: Key, others: Vec<Key>) -> Self {
        Self { sealing, others }
    }

    /// The key that new records are sealed with.
    pub fn sealing(&self) -> &Key {
        &self.sealing
    }

    /// The key with this id.
    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        self.all().find(|key| key.id == id)
    }

    /// The ids, that of the sealing key first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all().map(Key::id)
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.sealing).chain(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_text_of_a_key_has_32_characters_and_is_never_shown() {
        for text in ["", "canary", &"é".repeat(31), &format!(" {} \n", "x".repeat(31))] {
            let error = Key::of("k", text, "`sealing_key`").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with("the key in `sealing_key` has fewer than 32"), "{error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let key = Key::of("k", &"canary-".repeat(5), "x").unwrap();
        assert_eq!((key.id(), format!("{key:?}").as_str()), ("k", "Key(k)"));
    }

    #[test]
    fn an_id_can_be_shown() {
        for (id, is) in [
            ("2026-11", true),
            ("é", true),
            ("", false),
            ("a\n", false),
            (" a", false),
            (&*"k".repeat(64), true),
            (&*"k".repeat(65), false),
        ] {
            assert_eq!(is_key_id(id), is, "{id:?}");
            assert_eq!(Key::of(id, &"x".repeat(32), "x").is_ok(), is, "{id:?}");
        }
    }

    #[test]
    fn a_new_text_is_random_and_long_enough() {
        let (one, other) = (new_key_text().unwrap(), new_key_text().unwrap());
        assert_eq!((one.len(), other.len()), (43, 43));
        assert_ne!(*one, *other);
        assert!(Key::of("k", &one, "x").is_ok());
    }
}
