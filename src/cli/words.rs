//! Words on the command line: those for stores, and mistyped commands.

use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::store::StoreEntry;
use crate::store::registry::{STORES, find};

/// A store by the words that people use: short, in full, or as in the class names.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoreWord(pub(super) &'static StoreEntry);

impl ValueEnum for StoreWord {
    fn value_variants<'a>() -> &'a [Self] {
        // Stores with something to print come first.
        static WORDS: LazyLock<Vec<StoreWord>> = LazyLock::new(|| {
            let mut words: Vec<_> = STORES.iter().map(StoreWord).collect();
            words.sort_by_key(|word| word.0.tools.policy.is_none());
            words
        });
        &WORDS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let tools = &self.0.tools;
        let (word, others) = tools.words.split_first()?;
        Some(PossibleValue::new(*word).aliases(others).help(tools.about))
    }
}

/// The store for a word: one of [`StoreWord`], also with dashes, its name, or one of its classes.
pub(super) fn store_of(word: &str) -> Option<&'static StoreEntry> {
    let plain = word.to_lowercase().replace('-', "_");
    let is_word = |entry: &&StoreEntry| entry.tools.words.contains(&plain.as_str());
    let is_class =
        |entry: &&StoreEntry| entry.python_class == word || entry.tools.official_class == Some(word);
    let of_word = STORES.iter().find(is_word).or_else(|| find(&plain));
    of_word.or_else(|| STORES.iter().find(is_class))
}

/// The short word of a store.
pub(super) fn word_of(entry: &StoreEntry) -> Option<&'static str> {
    entry.tools.words.first().copied()
}

/// The one of `known` that is most similar to `typed`, if any is similar. A similar word is not a secret.
pub(super) fn nearest<'known>(
    typed: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    let distance = |word: &str| strsim::damerau_levenshtein(&typed.to_lowercase(), word);
    let (distance, word) = known.into_iter().map(|word| (distance(word), word)).min()?;
    (distance <= (word.chars().count() / 3).max(1)).then_some(word)
}

/// Moves `--config FILE`, `--workers` and the like from before the command to after it, where the command
/// reads them.
pub(super) fn options_last(arguments: Vec<String>) -> Vec<String> {
    let mut rest = arguments.into_iter();
    let (mut ordered, mut moved): (Vec<String>, Vec<String>) =
        (rest.next().into_iter().collect(), Vec::new());
    let mut is_command = false;
    while let Some(word) = rest.next() {
        if word == "--config" {
            moved.push(word);
            moved.extend(rest.next());
        } else if word.starts_with("--config=") || word == "--workers" {
            moved.push(word);
        } else {
            is_command = !word.starts_with('-');
            ordered.push(word);
            if is_command {
                break;
            }
        }
    }
    // Without a command they cannot be moved.
    if !is_command {
        ordered.extend(moved);
        return ordered;
    }
    let mut rest: Vec<String> = rest.collect();
    // What follows `--` is not an option.
    let end = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
    rest.splice(end..end, moved);
    ordered.extend(rest);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_several_words() {
        for entry in STORES {
            assert_eq!(store_of(entry.info.name).map(|found| found.info.name), Some(entry.info.name));
            assert_eq!(store_of(entry.python_class).map(|found| found.info.name), Some(entry.info.name));
        }
        for (word, expected) in [
            ("aws", "aws_secrets_manager"),
            ("SSM", "aws_systems_manager"),
            ("google", "google_secret_manager"),
            ("azure-key-vault", "azure_key_vault"),
            ("openbao", "hashicorp_vault"),
        ] {
            assert_eq!(
                store_of(word).map(|found| found.info.name),
                find(expected).map(|found| found.info.name)
            );
        }
        assert!(store_of("nowhere").is_none());
    }

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let known = ["doctor", "explain", "list"];
        assert_eq!(nearest("docter", known), Some("doctor"));
        assert_eq!(nearest("Explian", known), Some("explain"));
        assert_eq!((nearest("canary", known), nearest("", known)), (None, None));
    }

    #[test]
    fn options_before_the_command_go_behind_it() {
        let ordered = |words: &str| {
            let words = words.split(' ').map(str::to_owned).collect();
            options_last(words).join(" ")
        };
        assert_eq!(ordered("s --config f doctor --offline"), "s doctor --offline --config f");
        assert_eq!(
            ordered("s --json --config=f --workers get -- a b"),
            "s --json get --config=f --workers -- a b"
        );
        assert_eq!(ordered("s doctor --config f"), "s doctor --config f");
        assert_eq!(ordered("s --config"), "s --config");
        assert_eq!(ordered("s"), "s");
    }
}
