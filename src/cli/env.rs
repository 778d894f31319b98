//! `strongroom env`: the configuration as environment variables, secrets masked.

use serde_json::json;

use crate::cli::masked::MASK;
use crate::cli::output::Report;
use crate::cli::setup::{Setup, Source};
use crate::config::airflow::{Component, SERVER_CLASS};
use crate::config::{RawValue, option_of};
use crate::error::Result;
use crate::store::StoreEntry;
use crate::store::options::OptionKind;
use crate::value::Text;
use crate::value::json::{self, Object, Value};

/// Prints the variables that configure the same backend. Values of secret options are masked, so those lines
/// have to be completed by hand.
pub(super) fn run(source: &Source) -> Result<Report> {
    let (class, kwargs) = match source.component() {
        Component::Server => ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS"),
        Component::Worker => {
            ("AIRFLOW__WORKERS__SECRETS_BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS")
        }
    };
    if source.airflow()?.chosen(source.component())?.is_some_and(|chosen| chosen.leaves_it_to_the_server()) {
        // It takes no options.
        let text = format!("{class}='{SERVER_CLASS}'\n");
        return Ok(Report::done(text, json!({class: SERVER_CLASS, "masked": []})).exact());
    }
    let setup = Setup::read(source)?.of_one_store("env")?;
    let mut masked = Vec::new();
    let members: Object = setup
        .chosen
        .options
        .iter()
        .map(|(key, value)| {
            let shown = shown(setup.entry, key, value);
            if shown.as_str() == Some(MASK) {
                masked.push(key.to_owned());
            }
            (Text::from(key), shown)
        })
        .collect();
    let written = json::write(&Value::Object(members));
    let written = without_dollars(written.to_str().unwrap_or_default());
    // A single quote ends the quoting of a shell, so it is escaped outside of the quotes.
    let single = |text: &str| text.replace('\'', r"'\''");
    let text = format!("{class}='{}'\n{kwargs}='{}'\n", single(&setup.chosen.class), single(&written));
    let json = json!({class: setup.chosen.class, kwargs: written, "masked": masked});
    Ok(Report { warnings: setup.warned(), ..Report::done(text, json).exact() })
}

/// A value that may be shown. An undeclared key may contain anything, and an address a password.
pub(super) fn shown(entry: &StoreEntry, key: &str, value: &RawValue) -> Value {
    let spec = option_of(entry, key);
    let is_secret =
        spec.is_none_or(|spec| spec.kind.is_secret() || matches!(spec.kind, OptionKind::Ignored(_)));
    let written = match value {
        RawValue::Text(text) => Value::from(text.as_str()),
        RawValue::Json(json) => json.clone(),
    };
    if is_secret || holds_credentials(&written) { Value::from(MASK) } else { written }
}

/// Whether there is an address with a query, a fragment or a password, at any place in the value.
fn holds_credentials(value: &Value) -> bool {
    let written = json::write(value);
    let text = written.to_str().unwrap_or("://?");
    let mut words_before_hosts =
        text.split('@').map(|before| before.rsplit(['"', ' ']).next().unwrap_or_default());
    // The last part is not followed by `@`.
    words_before_hosts.next_back();
    (text.contains("://") && text.contains(['?', '#'])) || words_before_hosts.any(|word| word.contains(':'))
}

/// The options as JSON in which Airflow finds nothing to replace: the remaining dollar signs are literal.
fn without_dollars(written: &str) -> String {
    // Airflow replaces names after a dollar sign in what it reads.
    written.replace('$', r"\u0024")
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::store::registry::find;

    #[test]
    fn secrets_and_unknown_options_are_masked() {
        let entry = find("memory").unwrap();
        let shown_value = |key, text: &str| {
            let shown = shown(entry, key, &RawValue::Text(text.to_owned()));
            shown.as_str().unwrap().to_owned()
        };
        assert_eq!(shown_value("secrets", "canary"), MASK);
        assert_eq!(shown_value("unknown", "canary"), MASK);
        assert_eq!(shown_value("sep", "https://u:canary@h"), MASK);
        for secret in
            ["https://h?token=canary", "https://h#canary", "u:canary@h", "h u:canary@h", "a@b u:canary@h"]
        {
            assert_eq!(shown_value("sep", secret), MASK, "{secret}");
        }
        assert_eq!(shown_value("sep", "airflow@project.example"), "airflow@project.example");
        assert_eq!(shown_value("cache_ttl", "5m"), "5m");
        let inner = json::parse(&Text::from(r#"{"sts": {"endpoint_url": "http://u:canary@h"}}"#)).unwrap();
        assert_eq!(shown(entry, "cache", &RawValue::Json(inner)).as_str(), Some(MASK));
    }
    #[test]
    fn a_dollar_sign_is_not_replaced_a_second_time() {
        let written = without_dollars(r#"{"sep": "a$HOME"}"#);
        assert_eq!(written, r#"{"sep": "a\u0024HOME"}"#);
        let read = json::parse(&Text::from(written.as_str())).unwrap();
        assert_eq!(read.as_object().unwrap().get("sep").and_then(Value::as_str), Some("a$HOME"));
    }
}
