//! The secrets in an answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::moment;
use crate::redact::Shown;
use crate::store::{Description, Page, SecretName};
use crate::value::SecretValue;
use crate::value::json::{Object, Value};

use super::error::{KUBERNETES, binary};

/// Secrets in the order of the answer, which is that of their names.
pub(super) struct Secrets(Vec<Object>);

impl Secrets {
    /// The items of a list. Anything else is not understood, and never a list without secrets.
    pub(super) fn of(answer: &Object, subject: &str) -> Result<Self> {
        let is_list = answer.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
        let items = answer.get("items").filter(|_| is_list);
        let items = items.and_then(|items| if items.is_null() { Some(&[][..]) } else { items.as_array() });
        let objects = items.and_then(|items| items.iter().map(|item| item.as_object().cloned()).collect());
        objects.map(Self).ok_or_else(|| KUBERNETES.not_understood(subject))
    }

    /// Those whose label has this value.
    pub(super) fn labelled(&self, label: &str, value: &str) -> Self {
        let chosen = self.0.iter().filter(|item| label_of(item, label) == Some(value));
        Self(chosen.cloned().collect())
    }

    /// The value of the first one. More than one, or one without the key, is worth a warning, as in the
    /// official class.
    pub(super) fn value(&self, key: &str, selector: &str) -> Result<Option<SecretValue>> {
        let Some(first) = self.0.first() else { return Ok(None) };
        let name = name_of(first);
        if self.0.len() > 1 {
            let (count, selector) = (self.0.len(), Shown(selector));
            tracing::warn!(
                "{count} secrets of Kubernetes have the labels `{selector}`: `{}` answers, the first by name",
                Shown(name)
            );
        }
        let Some(encoded) = first.get("data").and_then(Value::as_object).and_then(|data| data.get(key))
        else {
            let (name, key) = (Shown(name), Shown(key));
            tracing::warn!(
                "the secret `{name}` of Kubernetes has no key `{key}` in its data, so it has no answer"
            );
            return Ok(None);
        };
        let text = encoded.as_str().and_then(decoded).ok_or_else(|| binary(name, key))?;
        Ok(Some(SecretValue::text(text)))
    }

    /// Each one as the name that finds it: `beginning`, and the value of the label.
    pub(super) fn described(&self, beginning: &str, label: &str) -> Vec<Description> {
        let described = self.0.iter().filter_map(|item| {
            let id = label_of(item, label)?;
            Some(description(format!("{beginning}{id}").into(), item))
        });
        described.collect()
    }

    /// The first one, which answers to `name`.
    pub(super) fn first_described(&self, name: &SecretName) -> Option<Description> {
        self.0.first().map(|item| description(name.clone(), item))
    }
}

/// Where a listing continues.
pub(super) fn next_page(answer: &Object) -> Option<Page> {
    let token = answer.get("metadata")?.as_object()?.get("continue")?.as_str()?;
    (!token.is_empty()).then(|| Page::new(token))
}

fn decoded(text: &str) -> Option<String> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    std::str::from_utf8(&bytes).ok().map(str::to_owned)
}

fn metadata(item: &Object) -> Option<&Object> {
    item.get("metadata")?.as_object()
}

fn text<'item>(item: &'item Object, key: &str) -> Option<&'item str> {
    metadata(item)?.get(key)?.as_str()
}

fn name_of(item: &Object) -> &str {
    text(item, "name").unwrap_or_default()
}

fn label_of<'item>(item: &'item Object, label: &str) -> Option<&'item str> {
    metadata(item)?.get("labels")?.as_object()?.get(label)?.as_str()
}

/// What the metadata of a secret say.
fn description(name: SecretName, item: &Object) -> Description {
    let labels = metadata(item).and_then(|metadata| metadata.get("labels")).and_then(Value::as_object);
    let tags = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.to_str()?.to_owned(), value.as_str()?.to_owned())));
    Description {
        id: Some(format!("{}/{}", text(item, "namespace").unwrap_or_default(), name_of(item))),
        version: text(item, "resourceVersion").map(str::to_owned),
        created: text(item, "creationTimestamp").and_then(moment::read),
        tags: tags.collect(),
        ..Description::of(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::value::{Text, json};

    fn list(items: &str) -> Object {
        let text =
            format!(r#"{{"kind": "SecretList", "metadata": {{"continue": "next"}}, "items": {items}}}"#);
        json::parse(&Text::from(text.as_str())).unwrap().into_object().unwrap()
    }

    fn secret(name: &str, id: &str, data: &str) -> String {
        format!(
            r#"{{"metadata": {{"name": "{name}", "namespace": "n", "labels": {{"l": "{id}"}}, "resourceVersion": "7",
            "creationTimestamp": "2026-11-29T10:00:00Z"}}, "data": {data}}}"#
        )
    }

    fn value(items: &str) -> Result<Option<String>> {
        let value = Secrets::of(&list(items), "reading")?.value("value", "l=a")?;
        Ok(value.map(|value| value.expose().to_owned()))
    }

    #[test]
    fn the_first_secret_answers_with_its_key() {
        let of = |data: &str| value(&format!("[{}]", secret("s", "a", data)));
        assert_eq!(of(r#"{"value": "Y2FuYXJ5"}"#).unwrap().as_deref(), Some("canary"));
        assert_eq!(of(r#"{"value": ""}"#).unwrap().as_deref(), Some(""));
        for nothing in [r#"{"other": "Y2FuYXJ5"}"#, "{}", "null"] {
            assert_eq!(of(nothing).unwrap(), None);
        }
        for wrong in [r#"{"value": "/w=="}"#, r#"{"value": "canary!"}"#, r#"{"value": 1}"#] {
            let error = of(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let two =
            [secret("s", "a", r#"{"value": "MQ=="}"#), secret("t", "a", r#"{"value": "Mg=="}"#)].join(",");
        assert_eq!(value(&format!("[{two}]")).unwrap().as_deref(), Some("1"));
        assert_eq!((value("[]").unwrap(), value("null").unwrap()), (None, None));
        for other in ["{}", "[1]", "\"canary\"", "[null]"] {
            let error = value(other).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        assert!(Secrets::of(&Object::new(), "reading").is_err());
    }

    #[test]
    fn two_secrets_of_one_label_are_both_described() {
        let two = format!("[{}, {}]", secret("s", "a", "{}"), secret("t", "a", "{}"));
        let found = Secrets::of(&list(&two), "listing").unwrap().described("l=", "l");
        let ids: Vec<_> = found.iter().map(|found| (found.name.as_str(), found.id.as_deref())).collect();
        assert_eq!(ids, [("l=a", Some("n/s")), ("l=a", Some("n/t"))]);
    }

    #[test]
    fn a_description_has_labels_and_no_value() {
        let answer = list(&format!("[{}]", secret("s", "a", r#"{"value": "Y2FuYXJ5"}"#)));
        let secrets = Secrets::of(&answer, "listing").unwrap();
        let found = secrets.described("!t,l=", "l");
        assert_eq!((found.len(), found[0].name.as_str(), found[0].id.as_deref()), (1, "!t,l=a", Some("n/s")));
        assert_eq!((found[0].version.as_deref(), found[0].tags.len()), (Some("7"), 1));
        assert!(found[0].created.is_some() && !format!("{found:?}").contains("Y2Fu"));
        assert_eq!(next_page(&answer).unwrap().token(), "next");
        assert!(secrets.labelled("l", "b").value("value", "l=b").unwrap().is_none());
    }
}
