//! Any lookup pattern on any id: it matches, does not, or is refused.

#![no_main]

use _native::backend::Patterns;
use _native::store::convention::Kind;
use _native::store::options::{OptionValue, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&str, &str)| {
    let (pattern, id) = data;
    let mut options = Options::default();
    options.set("connections_lookup_pattern", OptionValue::Text(pattern.to_owned()));
    let patterns = Patterns::from_options(&options);
    let first = patterns.allow(Kind::Connection, id).ok();
    assert_eq!(first, patterns.allow(Kind::Connection, id).ok());
    assert_eq!(patterns.allow(Kind::Variable, id).ok(), Some(true), "a pattern of another kind counts");
});
