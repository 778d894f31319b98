//! `strongroom schema`: a JSON schema of the options, for editors and pipelines.
//!
//! It is made of the declarations of the options. It accepts every form in which a value may be written, and
//! keys as they are declared: the other spellings of a key are left to the backend, which knows them.

mod chain;
mod kinds;

use serde_json::{Map, Value, json};

use crate::backend::chain::CHAIN;
use crate::cli::output::{NO, Report};
use crate::cli::words::{nearest, store_of};
use crate::config::options_of;
use crate::store::StoreEntry;
use crate::store::registry::STORES;

/// The draft, which editors and validators know.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The word for the file that `stores_file` names.
const FILE: &str = "stores_file";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A store by its name or class, `chain`, or `stores_file` for the TOML file of a chain.
    #[arg(value_name = "CLASS", default_value = "chain")]
    of: String,
}

/// Prints the schema. For an unknown word the known ones are listed.
pub(super) fn run(arguments: &Arguments) -> Report {
    let word = arguments.of.trim();
    let schema = if word == CHAIN.info.name || word == CHAIN.python_class {
        chain::kwargs()
    } else if word.replace('-', "_") == FILE {
        chain::file()
    } else if let Some(entry) = store_of(word) {
        of_store(entry)
    } else {
        return unknown(word);
    };
    Report::done(format!("{schema:#}\n"), schema).exact()
}

fn unknown(word: &str) -> Report {
    let known: Vec<_> = STORES.iter().map(|entry| entry.info.name).chain([CHAIN.info.name, FILE]).collect();
    let near = nearest(word, known.iter().copied());
    let hint = near.map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
    let warnings = vec![format!("strongroom: no such schema; there are {}.{hint}", known.join(", "))];
    Report { warnings, ..Report::done("", Value::Null).with_code(NO) }
}

fn of_store(entry: &StoreEntry) -> Value {
    json!({
        "$schema": DRAFT,
        "title": format!("backend_kwargs of {}", entry.python_class),
        "type": "object",
        "properties": properties(entry),
        "additionalProperties": false,
    })
}

/// The options of a store, by key.
fn properties(entry: &StoreEntry) -> Map<String, Value> {
    options_of(entry).map(|spec| (spec.key.to_owned(), kinds::option(spec))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(of: &str) -> Value {
        run(&Arguments { of: of.to_owned() }).json
    }

    #[test]
    fn every_option_of_every_store_is_in_its_schema() {
        for entry in STORES {
            let schema = schema(entry.info.name);
            assert_eq!(schema, self::schema(entry.python_class));
            for spec in options_of(entry) {
                let option = &schema["properties"][spec.key];
                assert!(option["description"].is_string(), "{}", spec.key);
                assert_eq!(
                    option["writeOnly"].as_bool(),
                    spec.kind.is_secret().then_some(true),
                    "{}",
                    spec.key
                );
            }
        }
    }

    #[test]
    fn a_chain_has_a_member_of_every_store() {
        let (kwargs, file) = (schema("chain"), schema("stores-file"));
        assert_eq!(kwargs["$defs"], file["$defs"]);
        for entry in STORES {
            assert!(kwargs["$defs"][entry.info.name].is_object(), "{}", entry.info.name);
        }
        assert!(kwargs["properties"]["stores_file"].is_object());
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_known_ones() {
        let report = run(&Arguments { of: "chian".to_owned() });
        assert_eq!((report.code, report.text.as_str()), (NO, ""));
        assert!(report.warnings[0].ends_with("Did you mean `chain`?"), "{:?}", report.warnings);
    }
}
