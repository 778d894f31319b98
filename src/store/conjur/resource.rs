//! What Conjur reports of a variable without its value (`Resource`).

use crate::moment;
use crate::store::Description;
use crate::value::json::{Object, Value};

/// The state of a variable that was declared and never set.
const WITHOUT_VALUE: &str = "without a value";

/// The id of a variable among all resources.
pub(super) fn full_id(account: &str, name: &str) -> String {
    format!("{account}:variable:{name}")
}

/// What a resource says of a variable; `None` for something else.
pub(super) fn described(resource: &Object, account: &str) -> Option<Description> {
    let id = resource.get("id")?.as_str()?;
    let name = id.strip_prefix(full_id(account, "").as_str())?;
    let last = versions(resource).and_then(<[Value]>::last).and_then(Value::as_object);
    let moment = |object: &Object, key: &str| object.get(key)?.as_str().and_then(moment::read);
    Some(Description {
        id: Some(id.to_owned()),
        version: last.and_then(|last| last.get("version")?.as_i64()).map(|version| version.to_string()),
        state: is_empty(resource).then_some(WITHOUT_VALUE),
        created: moment(resource, "created_at"),
        expires: last.and_then(|last| moment(last, "expires_at")),
        tags: annotations(resource),
        ..Description::of(name)
    })
}

/// Whether the variable was declared and never set.
pub(super) fn is_empty(resource: &Object) -> bool {
    versions(resource).is_some_and(<[Value]>::is_empty)
}

fn versions(resource: &Object) -> Option<&[Value]> {
    resource.get("secrets")?.as_array()
}

/// The annotations, which are what tags are elsewhere.
fn annotations(resource: &Object) -> Vec<(String, String)> {
    let pair = |annotation: &Object| {
        let text = |key| annotation.get(key)?.as_str().map(str::to_owned);
        Some((text("name")?, text("value")?))
    };
    let annotations = resource.get("annotations").and_then(Value::as_array).unwrap_or_default();
    annotations.iter().filter_map(Value::as_object).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Text, json};

    fn of(text: &str) -> Option<Description> {
        let resource = json::parse(&Text::from(text)).unwrap().into_object().unwrap();
        described(&resource, "acct")
    }

    #[test]
    fn a_variable_is_described() {
        let found = of(r#"{"id": "acct:variable:a/b:c", "created_at": "2021-03-23T16:37:14.455+00:00",
            "annotations": [{"name": "team", "value": "data", "policy": "acct:policy:root"}, {"name": "x"}],
            "secrets": [{"version": 1}, {"version": 2, "expires_at": null}]}"#)
        .unwrap();
        assert_eq!((found.name.as_str(), found.version.as_deref()), ("a/b:c", Some("2")));
        assert_eq!(found.tags, [("team".to_owned(), "data".to_owned())]);
        assert!(found.created.is_some() && found.is_readable());
    }

    #[test]
    fn a_variable_without_a_value_is_not_readable_and_others_are_none() {
        assert!(!of(r#"{"id": "acct:variable:a", "secrets": []}"#).unwrap().is_readable());
        assert!(of(r#"{"id": "acct:variable:a"}"#).unwrap().is_readable());
        assert!(of(r#"{"id": "acct:host:a"}"#).is_none() && of(r#"{"id": "other:variable:a"}"#).is_none());
    }
}
