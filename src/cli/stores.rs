//! `strongroom stores`: the stores of this build, and all their options.

use std::fmt::Write;

use serde_json::json;

use crate::cli::output::{NO, Report};
use crate::cli::words::{nearest, store_of, word_of};
use crate::config::options_of;
use crate::store::StoreEntry;
use crate::store::options::{OptionKind, OptionSpec};
use crate::store::registry::STORES;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only this store: by its name, by the word that `strongroom policy` takes, or by its class.
    store: Option<String>,
}

/// Prints the stores. For an unknown store the known ones are listed.
pub(super) fn run(arguments: &Arguments) -> Report {
    let entries: Vec<_> = match arguments.store.as_deref() {
        Some(word) => store_of(word).into_iter().collect(),
        None => STORES.iter().collect(),
    };
    let report = Report::done(as_text(&entries), as_json(&entries));
    if !entries.is_empty() {
        return report;
    }
    let known: Vec<_> = STORES.iter().map(|entry| entry.info.name).collect();
    let short: Vec<_> = STORES.iter().filter_map(word_of).collect();
    let words = || short.iter().chain(&known).copied();
    let near = arguments.store.as_deref().and_then(|word| nearest(word, words()));
    let hint = near.map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
    let warnings = vec![format!("strongroom: no such store; this build has {}.{hint}", known.join(", "))];
    Report { warnings, ..report.with_code(NO) }
}

/// A list of objects with `name`, `title`, `python_class` and `options`; each option has `key`, `kind`,
/// `default`, `secret` and `doc`; one without effect also has `why_ignored`.
fn as_json(entries: &[&StoreEntry]) -> serde_json::Value {
    let stores: Vec<_> = entries
        .iter()
        .map(|entry| {
            json!({
                "name": entry.info.name,
                "title": entry.info.title,
                "python_class": entry.python_class,
                "options": options_of(entry).map(option_as_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    serde_json::Value::from(stores)
}

fn option_as_json(spec: &OptionSpec) -> serde_json::Value {
    let mut option = json!({
        "key": spec.key,
        "kind": spec.kind.as_str(),
        "default": spec.default,
        "secret": spec.kind.is_secret(),
        "doc": spec.doc,
    });
    if let OptionKind::Ignored(why) = spec.kind {
        option["why_ignored"] = why.into();
    }
    option
}

fn as_text(entries: &[&StoreEntry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ =
            writeln!(text, "{} ({})\n  backend = {}", entry.info.title, entry.info.name, entry.python_class);
        for spec in options_of(entry) {
            let default =
                if spec.default.is_empty() { String::new() } else { format!(" [{}]", spec.default) };
            let _ = writeln!(text, "  {}{default}\n      {}", spec.key, doc(spec));
        }
        text.push('\n');
    }
    text
}

fn doc(spec: &OptionSpec) -> String {
    match spec.kind {
        OptionKind::Ignored(reason) => format!("Accepted without effect: {reason}"),
        _ => spec.doc.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_and_option_is_listed_in_both_forms() {
        let entries: Vec<_> = STORES.iter().collect();
        let (text, json) = (as_text(&entries), as_json(&entries).to_string());
        for entry in entries {
            assert!(text.contains(entry.python_class) && json.contains(entry.python_class));
            for spec in options_of(entry) {
                assert!(text.contains(spec.key) && json.contains(spec.key), "{}", spec.key);
            }
        }
    }

    #[test]
    fn an_unknown_store_is_refused_with_the_known_ones() {
        let report = run(&Arguments { store: Some("nowhere".to_owned()) });
        assert_eq!((report.code, report.text.as_str()), (NO, ""));
        assert!(report.warnings[0].starts_with("strongroom: no such store; this build has "));
        #[cfg(feature = "azure")]
        {
            let report = run(&Arguments { store: Some("azur".to_owned()) });
            assert!(report.warnings[0].ends_with("Did you mean `azure`?"), "{:?}", report.warnings);
        }
    }
}
