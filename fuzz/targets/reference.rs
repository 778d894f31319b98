//! Any text with a reference in it: it is read, shown without harm, and found wherever it is whole.

#![no_main]

use _native::backend::{Reference, find_references};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let written = format!("secret_coordinate::{text}");
    if let Some(Ok(reference)) = Reference::parse(&written) {
        let (member, _) = reference.target(|_| None::<()>);
        assert!(member.is_none(), "a member that there is not");
        let found = find_references(&written).unwrap_or_default();
        assert_eq!(found.len(), 1, "a whole text is one reference");
    }
    let _ = find_references(text);
    let _ = find_references(&format!("a://u:{written}@h/{text}"));
    let _ = find_references(&format!("{{\"a\": \"{written}\"}}"));
});
