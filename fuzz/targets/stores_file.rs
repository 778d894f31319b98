//! Any text as a stores file: it is read or refused, its stores are configured or not, and nothing that is
//! shown holds a value of the file.

#![no_main]

use _native::backend::chain::entry_of;
use _native::config::{RawOptions, RawValue, configure, with_stores_text};
use _native::store::environment::Environment;
use libfuzzer_sys::fuzz_target;

const CANARY: &str = "Q7w9Zk3Vx5";

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if text.contains(CANARY) {
        return;
    }
    // A value behind a key that holds a secret, in each store.
    let marked = text.replace("[[stores]]", &format!("[[stores]]\nsecrets = \"{CANARY}\"\n"));
    let options = [("strict".to_owned(), RawValue::Text((choice % 2).to_string()))];
    let raw: RawOptions = options.into_iter().collect();
    for text in [text, &marked] {
        let said = match with_stores_text(&raw, text) {
            Ok(options) => said(&options),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!said.contains(CANARY), "a message shows a value");
    }
});

/// What a chain of these options says.
fn said(options: &RawOptions) -> String {
    let Some(chain) = entry_of("chain") else { return String::new() };
    match configure(chain, options, Environment::default()) {
        Ok(configured) => format!("{:?} {:?}", configured.settings, configured.warnings),
        Err(error) => format!("{error} {error:?}"),
    }
}
