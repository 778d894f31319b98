//! Any text as a sealed record: it is refused, unless the key has sealed it, and no message shows a value.

#![no_main]

use std::sync::LazyLock;

use _native::sealed::{Key, Keys, Place, Record};
use _native::value::Text;
use _native::value::json::parse;
use libfuzzer_sys::fuzz_target;

const VALUE: &str = "Q7w9Zk3Vx5";

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    Keys::new(Key::of("1", &"0123456789".repeat(4), "the target").expect("a key"), Vec::new())
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = Text::from_utf8_surrogatepass(data.to_vec()) else { return };
    let Some(members) = parse(&text).ok().and_then(|value| value.into_object()) else { return };
    let Ok(record) = Record::parse(&members, "reading") else { return };
    let again = Record::parse(&record.to_object(), "reading").expect("what was written is read");
    assert_eq!(again, record);
    let (kind, name) = record.place.clone().unwrap_or_default();
    let place = Place { kind: &kind, name: &name };
    assert!(KEYS.open(&record, place).is_err(), "a record that was never sealed is opened");
    // The same place and version with a value of ours is opened, and not under another version.
    if let Ok(own) = KEYS.seal(place, record.version, VALUE) {
        assert_eq!(KEYS.open(&own, place).expect("it was sealed").expose(), VALUE);
        let moved = Record { version: own.version.wrapping_sub(1), ..own };
        let error = KEYS.open(&moved, place).expect_err("it was moved");
        assert!(kind.contains(VALUE) || name.contains(VALUE) || !error.to_string().contains(VALUE));
    }
});
