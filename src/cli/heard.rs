//! What is logged while a command runs: warnings that Airflow's log would show.

use std::cell::RefCell;
use std::io::Write;

use tracing::Level;

use crate::log::{Listener, text_of};
use crate::redact::Shown;

thread_local! {
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` and returns its result with the warnings that it logged on this thread.
pub(super) fn listen<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let outer = HEARD.replace(Vec::new());
    let warnings = Listener {
        level: Level::WARN,
        hear: |event| HEARD.with_borrow_mut(|heard| heard.push(text_of(event))),
    };
    let answer = tracing::subscriber::with_default(warnings, work);
    (answer, HEARD.replace(outer))
}

/// Runs `work`, which may take months, and writes each warning to the standard error as soon as it is logged.
pub(super) fn say_at_once<T>(work: impl FnOnce() -> T) -> T {
    let warnings = Listener {
        level: Level::WARN,
        hear: |event| {
            // A terminal that has gone is no reason to end.
            let _ = writeln!(std::io::stderr(), "warning: {}", Shown(&text_of(event)));
        },
    };
    tracing::subscriber::with_default(warnings, work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_come_with_the_answer_and_the_rest_does_not() {
        let (answer, heard) = listen(|| {
            tracing::warn!("first");
            tracing::debug!("canary");
            let ((), inner) = listen(|| tracing::warn!("inner"));
            assert_eq!(inner, ["inner"]);
            5
        });
        assert_eq!((answer, heard), (5, vec!["first".to_owned()]));
    }
}
