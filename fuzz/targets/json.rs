//! Any text as JSON: a value that is read, written and read again is the same.

#![no_main]

use _native::value::Text;
use _native::value::json::{parse, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = Text::from_utf8_surrogatepass(data.to_vec()) else { return };
    let Ok(value) = parse(&text) else { return };
    let written = write(&value);
    assert!(written.as_bytes().is_ascii(), "the writer escapes what is not ASCII");
    let again = match parse(&written) {
        Ok(again) => again,
        Err(error) => panic!("what was written cannot be read: {error}"),
    };
    assert_eq!(write(&again), written);
});
