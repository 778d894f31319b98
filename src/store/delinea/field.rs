//! Which of a secret's fields holds the value.

use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::value::json::{Object, Value};

use super::error::SECRET_SERVER;

/// The slug of the field that holds a value where none is configured.
const USUAL: &str = "password";

/// A field, as `items` of a secret has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'secret>(&'secret Object);

impl<'secret> Field<'secret> {
    /// The field that is configured, else `password`, else the only one that is a password.
    pub(super) fn of(secret: &'secret Object, slug: Option<&str>, subject: &str) -> Result<Self> {
        let items = secret.get("items").and_then(Value::as_array);
        let items = items.ok_or_else(|| SECRET_SERVER.not_understood(subject))?;
        let fields: Vec<_> = items.iter().filter_map(Value::as_object).map(Field).collect();
        let is = |field: &Field<'_>, name: &str| field.names().any(|known| known.eq_ignore_ascii_case(name));
        let named = |name: &str| fields.iter().find(|field| is(field, name)).copied();
        let found = match slug {
            Some(slug) => named(slug),
            None => named(USUAL).or_else(|| only_password(&fields)),
        };
        found.ok_or_else(|| lacking(slug.unwrap_or(USUAL), &fields, subject))
    }

    /// Its name in addresses.
    pub(super) fn slug(self) -> &'secret str {
        self.0.get("slug").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its slug, and its name as people see it.
    fn names(self) -> impl Iterator<Item = &'secret str> {
        ["slug", "fieldName"].into_iter().filter_map(move |key| self.0.get(key)?.as_str())
    }

    /// Whether it holds a file, which takes a request of its own.
    pub(super) fn is_file(self) -> bool {
        self.is("isFile")
    }

    /// What it holds.
    pub(super) fn value(self) -> Option<&'secret Value> {
        self.0.get("itemValue")
    }

    fn is(self, flag: &str) -> bool {
        self.0.get(flag).and_then(Value::as_bool) == Some(true)
    }
}

fn only_password<'secret>(fields: &[Field<'secret>]) -> Option<Field<'secret>> {
    let mut passwords = fields.iter().filter(|field| field.is("isPassword") && !field.is_file());
    passwords.next().filter(|_| passwords.next().is_none()).copied()
}

fn lacking(slug: &str, fields: &[Field<'_>], subject: &str) -> Error {
    let slugs =
        fields.iter().map(|field| format!("`{}`", Shown(field.slug()))).collect::<Vec<_>>().join(", ");
    let what = format!("{subject}: the secret has no field `{}`", Shown(slug));
    let hint = format!("Write the slug of the right one as `field`: the secret has {slugs}");
    Error::new(ErrorKind::Malformed, what).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Text, json};

    fn chosen(items: &str, slug: Option<&str>) -> Result<String> {
        let secret = json::parse(&Text::from(format!(r#"{{"items": {items}}}"#).as_str())).unwrap();
        Field::of(secret.as_object().unwrap(), slug, "reading `a`").map(|field| field.slug().to_owned())
    }

    #[test]
    fn the_field_is_the_configured_one_or_the_password() {
        let usual = r#"[{"slug": "username"}, {"slug": "password", "isPassword": true}, {"slug": "notes"}]"#;
        let keys = r#"[{"slug": "key", "fieldName": "API Key", "isPassword": true}, {"slug": "file", "isPassword": true, "isFile": true}]"#;
        assert_eq!(chosen(usual, None).unwrap(), "password");
        assert_eq!(chosen(usual, Some("Notes")).unwrap(), "notes");
        assert_eq!(
            (chosen(keys, None).unwrap(), chosen(keys, Some("api key")).unwrap()),
            ("key".into(), "key".into())
        );
    }

    #[test]
    fn a_field_that_is_lacking_is_named_with_those_that_are_there() {
        let two = r#"[{"slug": "one", "isPassword": true}, {"slug": "two", "isPassword": true, "itemValue": "canary"}]"#;
        for (slug, text) in [(None, "no field `password`"), (Some("x"), "no field `x`")] {
            let error = chosen(two, slug).unwrap_err();
            assert!(
                error.to_string().contains(text) && error.to_string().contains("has `one`, `two`"),
                "{error}"
            );
            assert!(!error.to_string().contains("canary"));
        }
        assert_eq!(chosen("null", None).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
