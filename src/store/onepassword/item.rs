//! Items as a Connect server writes them: `Item` and `FullItem` of its API, 1.7.1.

use crate::moment;
use crate::store::Description;
use crate::value::Text;
use crate::value::json::{Object, Value};

/// The section whose fields are members of a connection's extra.
const EXTRA: &str = "extra";

/// Whether `text` is an id of a vault or an item rather than a name.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A text of an object.
pub(super) fn text<'object>(object: &'object Object, key: &str) -> Option<&'object str> {
    object.get(key).and_then(Value::as_str)
}

/// The id of a vault or an item, if it is one that may become part of a path.
pub(super) fn id(object: &Object) -> Option<&str> {
    text(object, "id").filter(|id| is_id(id))
}

/// Whether it can be read: an archived item is not there for lookups.
pub(super) fn is_active(item: &Object) -> bool {
    state(item).is_none()
}

/// The word for what keeps an item from being read.
pub(super) fn state(item: &Object) -> Option<&'static str> {
    match text(item, "state") {
        Some("ARCHIVED") => Some("archived"),
        Some("DELETED") => Some("deleted"),
        _ => None,
    }
}

/// What is known of an item besides its fields; `None` if it has no title.
pub(super) fn described(item: &Object) -> Option<Description> {
    let moment = |key| text(item, key).and_then(moment::read);
    Some(Description {
        id: text(item, "id").map(str::to_owned),
        version: item.get("version").and_then(Value::as_i64).map(|version| version.to_string()),
        form: text(item, "category").map(str::to_owned),
        state: state(item),
        created: moment("createdAt"),
        changed: moment("updatedAt"),
        tags: tags(item),
        ..Description::of(text(item, "title")?)
    })
}

/// Tags are texts; `team=data` is read as a tag with a value, as it is written for other stores.
fn tags(item: &Object) -> Vec<(String, String)> {
    let tags = item.get("tags").and_then(Value::as_array).unwrap_or_default();
    let split = |tag: &str| {
        let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
        (key.to_owned(), value.to_owned())
    };
    tags.iter().filter_map(Value::as_str).map(split).collect()
}

/// The fields of an item as one object from labels to texts: those of `section`, or all. Several fields of
/// one label become a list, and those of the section `extra` an object of its own.
pub(super) fn fields(item: &Object, section: Option<&str>) -> Object {
    let (mut own, mut extra) = (Object::new(), Object::new());
    for field in objects(item, "fields").filter(|field| !is_one_time(field)) {
        let within = section_of(item, field);
        if section.is_some_and(|wanted| !within.is(wanted)) {
            continue;
        }
        let is_extra = section.is_none() && within.is(EXTRA);
        let into = if is_extra { &mut extra } else { &mut own };
        if let Some((name, value)) = named(field) {
            add(into, name, value);
        }
    }
    if !extra.is_empty() {
        add(&mut own, EXTRA, Value::Object(extra));
    }
    own
}

fn objects<'object>(object: &'object Object, key: &str) -> impl Iterator<Item = &'object Object> {
    object.get(key).and_then(Value::as_array).unwrap_or_default().iter().filter_map(Value::as_object)
}

/// What a field is called, and its text. A field that every item of a category has is called by its purpose,
/// since its label may be in any language, and is left out while it is empty.
fn named(field: &Object) -> Option<(&str, Value)> {
    let value = field.get("value").filter(|value| !value.is_null());
    let of_purpose = match text(field, "purpose") {
        Some("USERNAME") => Some("username"),
        Some("PASSWORD") => Some("password"),
        Some("NOTES") => Some("notes"),
        _ => None,
    };
    if let Some(name) = of_purpose {
        return value.filter(|value| value.is_truthy()).map(|value| (name, value.clone()));
    }
    let label = text(field, "label").filter(|label| !label.is_empty());
    let empty = || Value::String(Text::from(""));
    Some((label.or_else(|| text(field, "id"))?, value.cloned().unwrap_or_else(empty)))
}

/// What changes every half minute is not a secret to keep, and its field holds the seed.
fn is_one_time(field: &Object) -> bool {
    matches!(text(field, "type"), Some("OTP" | "TOTP"))
}

fn add(fields: &mut Object, name: &str, value: Value) {
    let value = match fields.get(name) {
        None => value,
        Some(Value::Array(before)) => Value::Array(before.iter().cloned().chain([value]).collect()),
        Some(before) => Value::Array(vec![before.clone(), value]),
    };
    fields.insert(Text::from(name), value);
}

/// The section of a field.
#[derive(Default)]
struct Section<'text> {
    id: Option<&'text str>,
    label: Option<&'text str>,
}

impl Section<'_> {
    fn is(&self, name: &str) -> bool {
        [self.id, self.label].iter().flatten().any(|own| own.eq_ignore_ascii_case(name))
    }
}

fn section_of<'item>(item: &'item Object, field: &'item Object) -> Section<'item> {
    let Some(own) = field.get("section").and_then(Value::as_object) else { return Section::default() };
    let id = text(own, "id");
    let listed = objects(item, "sections").find(|section| text(section, "id") == id);
    // Some versions repeat the label in the field.
    Section { id, label: listed.and_then(|section| text(section, "label")).or_else(|| text(own, "label")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn object(json: &str) -> Object {
        json::parse(&Text::from(json)).unwrap().into_object().unwrap()
    }

    fn read(fields_and_sections: &str, section: Option<&str>) -> String {
        let fields = fields(&object(fields_and_sections), section);
        json::write(&Value::Object(fields)).to_str().unwrap().to_owned()
    }

    const FIELDS: &str = r#"{"sections": [{"id": "s1", "label": "Extra"}, {"id": "s2", "label": "Prod"}], "fields": [
        {"id": "username", "type": "STRING", "purpose": "USERNAME", "label": "Benutzer", "value": "u"},
        {"id": "password", "type": "CONCEALED", "purpose": "PASSWORD", "label": "Passwort"},
        {"id": "notesPlain", "type": "STRING", "purpose": "NOTES", "label": "notesPlain", "value": ""},
        {"id": "a", "type": "STRING", "label": "host", "value": "h1"},
        {"id": "b", "type": "STRING", "label": "host", "value": "h2", "section": {"id": "s2"}},
        {"id": "c", "type": "STRING", "value": "no label"},
        {"id": "d", "type": "STRING", "label": "empty"},
        {"id": "e", "type": "STRING", "label": "sslmode", "value": "require", "section": {"id": "s1"}},
        {"id": "f", "type": "OTP", "label": "one-time password", "value": "otpauth://canary"}]}"#;

    #[test]
    fn fields_are_called_by_purpose_label_or_id() {
        assert_eq!(
            read(FIELDS, None),
            r#"{"username": "u", "host": ["h1", "h2"], "c": "no label", "empty": "", "extra": {"sslmode": "require"}}"#
        );
        for section in ["prod", "s2"] {
            assert_eq!(read(FIELDS, Some(section)), r#"{"host": "h2"}"#);
        }
        assert_eq!(read(FIELDS, Some("extra")), r#"{"sslmode": "require"}"#);
        assert_eq!((read(FIELDS, Some("none")), read("{}", None)), ("{}".to_owned(), "{}".to_owned()));
    }

    #[test]
    fn an_item_is_described_without_its_fields() {
        let item = object(
            r#"{"id": "i", "title": "t", "version": 3, "category": "LOGIN", "tags": ["team=data", "x"],
            "state": "ARCHIVED", "createdAt": "2026-03-01T12:30:00Z", "updatedAt": "?"}"#,
        );
        let described = described(&item).unwrap();
        assert_eq!((described.version.as_deref(), described.form.as_deref()), (Some("3"), Some("LOGIN")));
        assert_eq!((described.state, described.is_readable()), (Some("archived"), false));
        assert_eq!(described.tags, [("team", "data"), ("x", "")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(described.created.is_some() && described.changed.is_none());
        assert!(super::described(&object("{}")).is_none() && is_active(&object(r#"{"state": "NEW"}"#)));
    }

    #[test]
    fn ids_have_26_small_letters_and_digits() {
        assert!(is_id("ftz4pm2xxwmwrsd7rjqn7grzfz"));
        for text in
            ["", "ftz4pm2xxwmwrsd7rjqn7grzf", "Ftz4pm2xxwmwrsd7rjqn7grzfz", "ftz4pm2xxwmwrsd7rjqn7grz/z"]
        {
            assert!(!is_id(text), "{text}");
        }
    }
}
