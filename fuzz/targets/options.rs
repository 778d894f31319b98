//! Any JSON object as `backend_kwargs` of every store in this build: it is accepted or refused, and values of
//! secret options are never shown.

#![no_main]

use _native::config::{RawOptions, RawValue, configure, options_of};
use _native::store::environment::Environment;
use _native::store::registry::STORES;
use _native::value::Text;
use _native::value::json::{Value, parse};
use libfuzzer_sys::fuzz_target;

const CANARY: &str = "Q7w9Zk3Vx5";

fuzz_target!(|data: &[u8]| {
    let Ok(text) = Text::from_utf8_surrogatepass(data.to_vec()) else { return };
    let Ok(value) = parse(&text) else { return };
    let Some(members) = value.as_object() else { return };
    let given: Vec<_> =
        members.iter().filter_map(|(key, value)| Some((key.to_str()?.to_owned(), raw(value)))).collect();
    for entry in STORES {
        let _ = configure(entry, &given.iter().cloned().collect(), Environment::default());
        let secret = options_of(entry).filter(|spec| spec.kind.is_secret());
        let marked: RawOptions = given
            .iter()
            .cloned()
            .chain(secret.map(|spec| (spec.key.to_owned(), RawValue::Text(CANARY.to_owned()))))
            .collect();
        let said = match configure(entry, &marked, Environment::default()) {
            Ok(configured) => format!("{:?} {:?}", configured.settings, configured.warnings),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(
            data.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()) || !said.contains(CANARY)
        );
    }
});

fn raw(value: &Value) -> RawValue {
    match value.as_str() {
        Some(text) => RawValue::Text(text.to_owned()),
        None => RawValue::Json(value.clone()),
    }
}
