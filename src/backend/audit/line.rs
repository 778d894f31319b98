//! The line of one access.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Access;
use crate::moment;
use crate::process::effective_user;
use crate::value::Text;
use crate::value::json::{self, Object, Value};

/// The longest line. Longer ones are shortened: a line is one `write`, and readers of logs have limits of
/// their own.
pub(super) const LONGEST: usize = 8 * 1024;

/// The rest of each text in a line that is too long, in bytes as written. Six texts of this size and the rest
/// of a line stay below [`LONGEST`].
const LONGEST_TEXT: usize = 1024;

const CUT: &str = "...[cut]";

/// The caller according to the environment of a task (`AIRFLOW_CTX_*`). It is not verified: a task can set
/// these to anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `AIRFLOW_CTX_DAG_ID`
    pub dag: Option<String>,
    /// `AIRFLOW_CTX_TASK_ID`
    pub task: Option<String>,
    /// `AIRFLOW_CTX_DAG_RUN_ID`
    pub run: Option<String>,
    /// `AIRFLOW_CTX_TRY_NUMBER`
    pub attempt: Option<String>,
}

/// The line with its line feed: ASCII without any other control character.
pub(super) fn write(access: &Access<'_>) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Texts are cut only if they have to be: nearly all lines fit.
    let line = write_at(access, now, usize::MAX);
    if line.len() <= LONGEST { line } else { write_at(access, now, LONGEST_TEXT) }
}

fn write_at(access: &Access<'_>, since_epoch: Duration, longest_text: usize) -> Vec<u8> {
    let text = |text: &str| Value::from(cut(text, longest_text));
    let optional = |value: Option<&str>| value.map_or(Value::Null, text);
    let claims = access.claims;
    let members = [
        ("time", Value::from(moment::to_milliseconds(since_epoch))),
        ("pid", Value::from(i64::from(std::process::id()))),
        ("uid", Value::from(i64::from(effective_user()))),
        ("dag", optional(claims.dag.as_deref())),
        ("task", optional(claims.task.as_deref())),
        ("run", optional(claims.run.as_deref())),
        ("try", optional(claims.attempt.as_deref())),
        ("kind", Value::from(access.lookup.kind.as_str())),
        ("id", text(access.lookup.id)),
        ("team", optional(access.lookup.team)),
        ("store", Value::from(access.store)),
        ("outcome", Value::from(access.outcome)),
        ("age_seconds", access.age.map_or(Value::Null, |age| Value::from(thousandths(age.as_millis())))),
        ("took_ms", Value::from(thousandths(access.took.as_micros()))),
    ];
    // Lines of a backend that is no chain have no such key.
    let member = access.member.map(|member| ("member", text(member)));
    let members: Object =
        members.into_iter().chain(member).map(|(key, value)| (Text::from(key), value)).collect();
    let mut line = json::write(&Value::from(members)).as_bytes().to_vec();
    line.push(b'\n');
    line
}

/// `count / 1000`.
fn thousandths(count: u128) -> f64 {
    // Exact below 2^32, which is 49 days or 71 minutes; longer times need not be.
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / 1000.0
}

/// The beginning of `text` that takes at most `longest` bytes in JSON, with a mark if it is cut.
fn cut(text: &str, longest: usize) -> String {
    let mut written = 0;
    for (position, character) in text.char_indices() {
        written += match character {
            '"' | '\\' => 2,
            ' '..='~' => 1,
            // `\uXXXX` for each UTF-16 unit; a few control characters have shorter names.
            _ => 6 * character.len_utf16(),
        };
        if written > longest {
            return format!("{}{CUT}", text.get(..position).unwrap_or_default());
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::convention::{Kind, Lookup};

    fn access<'a>(lookup: Lookup<'a>, claims: &'a Claims) -> Access<'a> {
        let (age, took) = (Some(Duration::from_millis(12_345)), Duration::from_micros(1_234));
        Access { lookup, store: "memory", member: None, outcome: "value", age, took, claims }
    }

    fn shown(access: &Access<'_>) -> String {
        let line = String::from_utf8(write_at(access, Duration::from_millis(1_772_323_199_999), usize::MAX));
        line.unwrap()
            .replace(&format!("\"pid\": {},", std::process::id()), "\"pid\": PID,")
            .replace(&format!("\"uid\": {},", effective_user()), "\"uid\": UID,")
    }

    #[test]
    fn a_line_of_a_task_and_one_without_claims() {
        let claims = Claims {
            dag: Some("sales".to_owned()),
            task: Some("load".to_owned()),
            run: Some("manual__2026-02-28T00:00:00+00:00".to_owned()),
            attempt: Some("2".to_owned()),
        };
        let lookup = Lookup { kind: Kind::Connection, id: "db\n\"é\u{7f}", team: Some("alpha") };
        insta::assert_snapshot!(shown(&access(lookup, &claims)), @r#"{"time": "2026-02-28T23:59:59.999Z", "pid": PID, "uid": UID, "dag": "sales", "task": "load", "run": "manual__2026-02-28T00:00:00+00:00", "try": "2", "kind": "connection", "id": "db\n\"\u00e9\u007f", "team": "alpha", "store": "memory", "outcome": "value", "age_seconds": 12.345, "took_ms": 1.234}"#);
        let no_claims = Claims::default();
        let lookup = Lookup { kind: Kind::Config, id: "dsn", team: None };
        let access = Access {
            outcome: "timeout",
            age: None,
            took: Duration::from_secs(2),
            ..access(lookup, &no_claims)
        };
        insta::assert_snapshot!(shown(&access), @r#"{"time": "2026-02-28T23:59:59.999Z", "pid": PID, "uid": UID, "dag": null, "task": null, "run": null, "try": null, "kind": "config", "id": "dsn", "team": null, "store": "memory", "outcome": "timeout", "age_seconds": null, "took_ms": 2000.0}"#);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_stays_json() {
        for long in ["x".repeat(9_000), "\u{1F512}".repeat(2_000), "\"".repeat(9_000), "\n".repeat(9_000)] {
            let claims = Claims {
                dag: Some(long.clone()),
                task: Some(long.clone()),
                run: Some(long.clone()),
                attempt: Some(long.clone()),
            };
            let line = write(&access(Lookup { kind: Kind::Variable, id: &long, team: Some(&long) }, &claims));
            assert!(line.len() <= LONGEST, "{}", line.len());
            let parsed: serde_json::Value = serde_json::from_slice(&line).unwrap();
            for key in ["dag", "task", "run", "try", "id", "team"] {
                let text = parsed[key].as_str().unwrap();
                assert!(long.starts_with(text.strip_suffix(CUT).unwrap()), "{text}");
            }
        }
    }

    #[test]
    fn a_long_id_alone_is_kept_whole() {
        let id = "x".repeat(7_000);
        let claims = Claims::default();
        let line = write(&access(Lookup { kind: Kind::Variable, id: &id, team: None }, &claims));
        let parsed: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(parsed["id"], id);
    }

    proptest! {
        #[test]
        fn whatever_the_texts_are_it_is_one_line_of_json(id in ".*", dag in proptest::option::of("\\PC*")) {
            let claims = Claims { dag: dag.clone(), ..Claims::default() };
            let line = write(&access(Lookup { kind: Kind::Variable, id: &id, team: None }, &claims));
            prop_assert_eq!(line.iter().filter(|byte| !matches!(byte, b' '..=b'~')).count(), 1);
            let parsed: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(parsed["id"].as_str(), Some(id.as_str()));
            prop_assert_eq!(parsed["dag"].as_str(), dag.as_deref());
        }
    }
}
