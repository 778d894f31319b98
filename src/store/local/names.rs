//! Names in a file that Airflow will probably not look up: for `strongroom lint`.

use crate::store::convention::Kind;
use crate::value::Value;
use crate::value::json::Object;

use super::unread::{Note, Reason};

/// What is odd about the names of a file, and names without a value.
pub(super) fn odd(kind: Kind, object: &Object) -> Vec<Note> {
    object.iter().filter_map(|(name, value)| judged(kind, name.to_str()?, value)).collect()
}

fn judged(kind: Kind, name: &str, value: &Value) -> Option<Note> {
    let (reason, what, advice) = variable(kind, name)
        .or_else(|| shell(name))
        .or_else(|| space(name))
        .or_else(|| nothing(kind, name, value))?;
    Some(Note { id: Some(name.to_owned()), line: None, reason, what, advice })
}

type Remark = (Reason, String, String);

/// The name of an Airflow environment variable in place of an id.
fn variable(kind: Kind, name: &str) -> Option<Remark> {
    let id = name.strip_prefix(kind.variable_prefix()?)?.to_lowercase();
    let what = format!(
        "{name:?} is the name of an environment variable, and the {kind} {id:?} is not found under it"
    );
    Some((Reason::Name, what, format!("Call it {id:?}")))
}

fn shell(name: &str) -> Option<Remark> {
    let plain = name.strip_prefix("export ")?.trim();
    let what = format!("{name:?} is the whole name: `export` means nothing in the file");
    Some((Reason::Name, what, format!("Call it {plain:?}")))
}

fn space(name: &str) -> Option<Remark> {
    let plain = name.trim();
    let what = format!("{name:?} begins or ends with white space");
    (plain != name).then(|| (Reason::Name, what, format!("Call it {plain:?}")))
}

fn nothing(kind: Kind, name: &str, value: &Value) -> Option<Remark> {
    let (is_list, what) = match value {
        Value::Null if kind == Kind::Connection => return None,
        Value::Null => (false, "null"),
        Value::Array(items) if items.is_empty() => (true, "an empty list"),
        _ => return None,
    };
    // A variable may be an empty list; a file of config values is refused as a whole.
    if is_list && kind != Kind::Connection {
        return None;
    }
    let advice = "Write a value, or take it out".to_owned();
    Some((Reason::Dropped, format!("{name:?} is {what}, so nothing is found under it"), advice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json::parse;

    fn reported(kind: Kind, json: &str) -> Vec<String> {
        let object = parse(&Text::from(json)).unwrap().into_object().unwrap();
        let line = |note: Note| format!("{} -> {}", note.what, note.advice);
        odd(kind, &object).into_iter().map(line).collect()
    }

    #[test]
    fn names_of_variables_and_of_shells_are_reported() {
        insta::assert_snapshot!(
            reported(Kind::Connection, r#"{"AIRFLOW_CONN_DB": "x://h", "export a": "x://h", " b": "x://h", "c": []}"#).join("\n"),
            @r#"
        "AIRFLOW_CONN_DB" is the name of an environment variable, and the connection "db" is not found under it -> Call it "db"
        "export a" is the whole name: `export` means nothing in the file -> Call it "a"
        " b" begins or ends with white space -> Call it "b"
        "c" is an empty list, so nothing is found under it -> Write a value, or take it out
        "#
        );
        assert_eq!(reported(Kind::Variable, r#"{"a": null, "b": [], "AIRFLOW_CONN_X": "1"}"#).len(), 1);
        assert_eq!(reported(Kind::Connection, r#"{"a": "x://h", "é-b": "x://h"}"#), [""; 0]);
    }
}
