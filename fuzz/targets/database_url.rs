//! Any text as the address of a database: it is read or refused, what was read can be written again, and no
//! error or debug output shows a password.

#![no_main]

use _native::store::kit::database_url::{DatabaseUrl, Dialect};
use libfuzzer_sys::fuzz_target;

const PASSWORD: &str = "canary-5e2bd3";

fuzz_target!(|text: &str| {
    for dialect in [None, Some(Dialect::H2), Some(Dialect::MySql)] {
        if let Ok(url) = DatabaseUrl::parse(text, dialect) {
            assert!(!url.hosts.is_empty() && url.hosts.iter().all(|host| host.port > 0), "{url:?}");
            let hosts: Vec<_> = url.hosts.iter().map(ToString::to_string).collect();
            let again = format!("postgresql://{}", hosts.join(","));
            assert_eq!(DatabaseUrl::parse(&again, None).map(|again| again.hosts).ok(), Some(url.hosts));
        }
    }
    let shown = match DatabaseUrl::parse(&format!("postgresql://u:{PASSWORD}{text}"), None) {
        Ok(url) => format!("{url:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(text.contains(PASSWORD) || !shown.contains(PASSWORD) || !text.contains('@'), "{shown}");
});
