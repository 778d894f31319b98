//! The ways in which a key may be written: `cache_ttl`, `cacheTtl`, `cache-ttl`.

use std::borrow::Cow;

use crate::config::options_of;
use crate::store::StoreEntry;
use crate::store::options::OptionSpec;

/// The option that `key` names, in snake case as it is declared, or in camel or kebab case as other tools
/// write it.
pub fn option_of(entry: &StoreEntry, key: &str) -> Option<&'static OptionSpec> {
    let find = |key: &str| options_of(entry).find(|spec| spec.key == key);
    find(key).or_else(|| match snake(key) {
        Cow::Owned(plain) => find(&plain),
        Cow::Borrowed(_) => None,
    })
}

/// The key in snake case; borrowed if it is neither camel nor kebab case.
fn snake(key: &str) -> Cow<'_, str> {
    if !key.starts_with(|first: char| first.is_ascii_lowercase()) || key.contains('_') {
        return Cow::Borrowed(key);
    }
    let (is_kebab, is_camel) = (key.contains('-'), key.contains(|letter: char| letter.is_ascii_uppercase()));
    if is_kebab && !is_camel {
        return Cow::Owned(key.replace('-', "_"));
    }
    if is_kebab || !is_camel {
        return Cow::Borrowed(key);
    }
    let mut plain = String::with_capacity(key.len() + 4);
    let mut is_after_capital = false;
    for letter in key.chars() {
        // One word for each run of capitals: `cacheTTL`.
        if letter.is_ascii_uppercase() && !is_after_capital {
            plain.push('_');
        }
        is_after_capital = letter.is_ascii_uppercase();
        plain.push(letter.to_ascii_lowercase());
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::registry::STORES;

    #[test]
    fn keys_have_three_spellings() {
        for (key, plain) in [
            ("cache-ttl", "cache_ttl"),
            ("cacheTtl", "cache_ttl"),
            ("cacheTTL", "cache_ttl"),
            ("secretNamePrefix", "secret_name_prefix"),
            ("token", "token"),
            ("cache_ttl", "cache_ttl"),
            ("CacheTtl", "CacheTtl"),
            ("CACHE-TTL", "CACHE-TTL"),
            ("cache-Ttl", "cache-Ttl"),
            ("cache_Ttl", "cache_Ttl"),
            ("", ""),
        ] {
            assert_eq!(snake(key), plain);
        }
    }

    /// The other ways to write a key.
    fn spellings(key: &str) -> [String; 2] {
        let mut words = key.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
        [key.replace('_', "-"), words.fold(first, |camel, word| camel + &capital(word))]
    }

    #[test]
    fn every_option_of_every_store_is_known_by_each() {
        for entry in STORES {
            for spec in options_of(entry) {
                for key in spellings(spec.key) {
                    let found = option_of(entry, &key).map(|spec| spec.key);
                    assert_eq!(found, Some(spec.key), "{} {key}", entry.info.name);
                }
            }
        }
    }
}
