//! Any text as a duration: it is valid or refused, and equal lengths of time read the same in each spelling.

#![no_main]

use _native::config::parse_duration;
use libfuzzer_sys::fuzz_target;

/// Whole milliseconds below this are exact in a float.
const EXACT: u128 = 1 << 52;

fuzz_target!(|text: &str| {
    let Some(duration) = parse_duration(text) else { return };
    let millis = duration.as_millis();
    if millis < EXACT && duration.subsec_nanos() == 0 {
        let seconds = duration.as_secs();
        for spelling in
            [format!("{seconds}"), format!("{seconds}s"), format!("PT{seconds}S"), format!(" pt{seconds}s\n")]
        {
            assert_eq!(parse_duration(&spelling), Some(duration), "{spelling}");
        }
    }
});
