//! What the Connect server reports about itself at `/health`, which needs no token.

use crate::redact::Shown;
use crate::store::kit::answer::Answer;
use crate::store::tools::{Finding, Severity};
use crate::value::json::{Object, Value};

use super::item::text;

/// What is known of the server; `None` where something in front of it answers in its place.
pub(super) fn judged(answer: &Answer) -> Option<Finding> {
    let body = answer.object()?;
    let version = text(&body, "version").map(Shown)?;
    let dependencies = body.get("dependencies").and_then(Value::as_array).unwrap_or_default();
    let dependencies: Vec<&Object> = dependencies.iter().filter_map(Value::as_object).collect();
    let words: Vec<_> = dependencies.iter().filter_map(|dependency| word(dependency)).collect();
    let evidence = format!("version {version} of the Connect server: {}", words.join(", "));
    let status = |wanted: &[&str]| dependencies.iter().any(|one| is_any(one, wanted));
    if !answer.is_success() || dependencies.iter().any(|one| !is_any(one, GOOD) && !is_any(one, EARLY)) {
        let remedy = "Look at the log of the Connect server, and at its way to 1password.com";
        return Some(Finding::new(Severity::Warning, "health", evidence, remedy));
    }
    if status(EARLY) {
        let remedy = "Nothing, if it has just been started: the first request with a token begins it";
        return Some(Finding::new(Severity::Note, "health", evidence, remedy));
    }
    Some(Finding::fine("health", evidence))
}

/// The states of what works.
const GOOD: &[&str] = &["ACTIVE", "CONNECTED"];

/// The states before the first request with a token.
const EARLY: &[&str] = &["TOKEN_NEEDED", "UNINITIALIZED"];

fn is_any(dependency: &Object, wanted: &[&str]) -> bool {
    text(dependency, "status").is_some_and(|status| wanted.contains(&status))
}

fn word(dependency: &Object) -> Option<String> {
    Some(format!("{} {}", Shown(text(dependency, "service")?), Shown(text(dependency, "status")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_of_what_the_server_needs_are_judged() {
        let judged = |status: u16, state: &str| {
            let dependencies = format!(
                r#"[{{"service": "sqlite", "status": "ACTIVE"}}, {{"service": "sync", "status": "{state}"}}]"#
            );
            let body = format!(r#"{{"name": "api", "version": "1.7.3", "dependencies": {dependencies}}}"#);
            super::judged(&Answer::of(status, &[], &body))
        };
        for (status, state, severity) in [
            (200, "ACTIVE", Severity::Fine),
            (200, "TOKEN_NEEDED", Severity::Note),
            (200, "FAILED", Severity::Warning),
            (503, "ACTIVE", Severity::Warning),
        ] {
            let found = judged(status, state).unwrap();
            assert_eq!(found.severity, severity, "{status} {state}");
            let expected = format!("version 1.7.3 of the Connect server: sqlite ACTIVE, sync {state}");
            assert_eq!(found.evidence, expected);
        }
        assert!(super::judged(&Answer::of(404, &[], "<html>")).is_none());
        assert!(super::judged(&Answer::of(200, &[], "{}")).is_none());
    }
}
