//! What a reference takes out of the secret that it names.

use crate::backend::references::parse::Reference;
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::convention::{Convention, Kind};
use crate::value::json::{self, Value};
use crate::value::{SecretValue, Text};

/// The value under the key, or what the store's own rules take for the value of a secret. `kind` is that of
/// the lookup where the reference stands for the whole value, and otherwise that of a plain text.
pub(super) fn select(
    convention: &dyn Convention,
    reference: &Reference,
    kind: Kind,
    secret: SecretValue,
) -> Result<SecretValue> {
    let selected = match reference.key() {
        Some(key) => under_key(&key, &secret)?,
        None => convention.read(kind, secret).map_err(|_| without_key(reference))?,
    };
    let value = selected.ok_or_else(|| without_key(reference))?;
    let keeps_type = kind == Kind::Variable || !value.is_structured();
    Ok(if keeps_type { value } else { SecretValue::text(value.expose()) })
}

/// A text, or JSON where something else is there; nothing for null.
fn under_key(key: &str, secret: &SecretValue) -> Result<Option<SecretValue>> {
    let malformed = |what: String, hint| Error::new(ErrorKind::Malformed, what).with_hint(hint);
    let parsed = json::parse(&Text::from(secret.expose())).ok();
    let Some(members) = parsed.as_ref().and_then(Value::as_object) else {
        let what = format!("the secret is no JSON object, so it has no key `{}`", Shown(key));
        return Err(malformed(what, "Leave the # and the key out, or store an object"));
    };
    let value = members.get(key).filter(|value| !value.is_null()).ok_or_else(|| {
        malformed(
            format!("the secret has no key `{}`", Shown(key)),
            "Correct the key, or add it to the secret",
        )
    })?;
    match (value, value.as_str()) {
        (_, Some(text)) => Ok(Some(SecretValue::text(text))),
        (Value::String(_), None) => Err(malformed(
            format!("what is under `{}` is no valid text", Shown(key)),
            "Store it as UTF-8 text",
        )),
        _ => Ok(json::write(value).to_str().map(SecretValue::structured)),
    }
}

fn without_key(reference: &Reference) -> Error {
    let hint =
        if reference.key().is_some() { "Correct the secret" } else { "Name one of its keys: NAME#KEY" };
    Error::new(ErrorKind::Malformed, "the secret has no value of its own").with_hint(hint)
}
