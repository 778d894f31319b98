//! Any text as a connection, in every dialect: it is read or refused, and a refusal never shows it.

#![no_main]

use _native::value::connection::{Dialect, parse};
use _native::value::fields::{FieldAliases, normalize_connection};
use _native::value::{SecretValue, Text, json};
use libfuzzer_sys::fuzz_target;

/// Long enough that no message of ours contains it by chance.
const CANARY: &str = "Q7w9Zk3Vx5";

fuzz_target!(|data: &[u8]| {
    let Some((place, text)) = data.split_first() else { return };
    let Ok(text) = Text::from_utf8_surrogatepass(text.to_vec()) else { return };
    for dialect in Dialect::ALL {
        read(&text, dialect);
    }
    if let Some(text) = text.to_str() {
        refusals_show_nothing(text, usize::from(*place));
    }
});

fn read(text: &Text, dialect: Dialect) {
    let Ok(connection) = parse(text, dialect) else { return };
    let _ = connection.extra_dejson();
    if let Ok(uri) = connection.get_uri() {
        // Airflow may write what it then refuses to read; neither may end this process.
        let _ = parse(&uri, dialect);
    }
}

/// Puts the canary somewhere into the text and looks for it in the output. The name of a field may be shown.
fn refusals_show_nothing(text: &str, place: usize) {
    if text.contains(CANARY) {
        return;
    }
    let place = (0..=place.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let marked = Text::from(format!("{}{CANARY}{}", &text[..place], &text[place..]));
    if is_named(&marked) {
        return;
    }
    for dialect in Dialect::ALL {
        if let Err(error) = parse(&marked, dialect) {
            assert!(!format!("{error} {error:?}").contains(CANARY), "a refusal shows the text");
        }
    }
    match normalize_connection(&marked, &FieldAliases::new()) {
        Err(error) => assert!(!format!("{error} {error:?}").contains(CANARY), "a refusal shows the text"),
        Ok(Some(text)) => {
            let value = SecretValue::text(text.to_str().expect("the writer stays in ASCII"));
            assert!(!format!("{value:?}").contains(CANARY));
        }
        Ok(None) => {}
    }
}

/// Whether the canary is in the name of a field.
fn is_named(text: &Text) -> bool {
    let value = json::parse(&text.strip()).ok();
    let mut fields = value.iter().filter_map(|value| value.as_object()).flat_map(|members| members.iter());
    fields.any(|(name, _)| String::from_utf8_lossy(name.as_bytes()).contains(CANARY))
}
