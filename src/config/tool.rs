//! `config` of a member: its store as another tool has it configured.

use crate::config::chain::store_of;
use crate::config::import::{Asked, Imported, import, import_value};
use crate::config::member::raw;
use crate::config::raw::{RawOptions, RawValue};
use crate::config::spelling::option_of;
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::StoreEntry;
use crate::value::json::Value;

/// The key; Doppler has an option of the same name, which is a text.
const CONFIG: &str = "config";

/// What `config` of a member stands for.
#[derive(Default)]
pub(super) struct OfTool {
    /// The name that the tool has for the store.
    pub(super) name: Option<String>,
    /// The registry name of the store.
    pub(super) store: String,
    /// The options of the member, with those of the tool where it has none of its own.
    pub(super) options: Option<RawOptions>,
    pub(super) unknown: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl OfTool {
    /// Reads the `config` among `options`; `None` if there is none, or if it is an option of the store.
    pub(super) fn read(options: &RawOptions, store: &str, class: &str) -> Result<Option<Self>> {
        let Some((_, value)) = options.iter().find(|(key, _)| *key == CONFIG) else { return Ok(None) };
        if !class.is_empty() {
            return Ok(None);
        }
        let entry = if store.is_empty() { None } else { Some(store_of(store)?) };
        let kind = entry.map(|entry| entry.info.name);
        let asked = Asked { kind, ..Asked::default() };
        let imported = match value {
            RawValue::Json(value @ Value::Object(_)) => import_value(value, asked),
            RawValue::Text(_) if entry.is_some_and(has_option) => return Ok(None),
            RawValue::Text(text) => import(text, asked),
            RawValue::Json(_) => return Ok(None),
        };
        let imported = imported.map_err(|error| placed("its `config`", &error))?;
        if let Some(entry) = entry.filter(|entry| entry.info.name != imported.entry.info.name) {
            let (store, other) = (entry.info.name, imported.entry.info.name);
            let message = format!("its `store` is {store}, but its `config` is one of {other}");
            return Err(Error::config(message).with_hint("Leave `store` out: `config` says which it is"));
        }
        Ok(Some(Self::of(options, imported)))
    }

    fn of(options: &RawOptions, imported: Imported) -> Self {
        let mut all: RawOptions = options
            .iter()
            .filter(|(key, _)| *key != CONFIG)
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect();
        let is_written = |key: &str| {
            let is_it = |own: &str| option_of(imported.entry, own).is_some_and(|spec| spec.key == key);
            options.iter().any(|(own, _)| own != CONFIG && is_it(own))
        };
        for (key, value) in &imported.options {
            if let Some(key) = key.to_str().filter(|key| !is_written(key)) {
                all.insert(key, raw(value));
            }
        }
        Self {
            name: imported.name.map(|name| name.replace(':', "-")),
            store: imported.entry.info.name.to_owned(),
            options: Some(all),
            unknown: imported.unknown,
            notes: imported.notes,
        }
    }
}

fn has_option(entry: &StoreEntry) -> bool {
    entry.options.iter().any(|spec| spec.key == CONFIG)
}

/// The same error, with where it is.
pub(super) fn placed(place: &str, error: &Error) -> Error {
    let found = Error::new(error.kind(), format!("{place}: {}", Shown(error.message())));
    match error.hint() {
        Some(hint) => found.with_hint(hint.to_owned()),
        None => found,
    }
}

#[cfg(test)]
#[cfg(feature = "stores")]
mod tests {
    use super::*;
    use crate::backend::chain::CHAIN;
    use crate::config::{Configured, configure};
    use crate::store::environment::Environment;
    use crate::value::Text;
    use crate::value::json;

    static CHAINS: StoreEntry = CHAIN;

    fn chain(stores: &str) -> Result<Configured> {
        let stores = json::parse(&Text::from(stores)).unwrap();
        let raw = [("stores".to_owned(), RawValue::Json(stores))].into_iter().collect();
        configure(&CHAINS, &raw, Environment::default())
    }

    fn member(stores: &str) -> (String, String, Vec<String>) {
        let configured = chain(stores).unwrap();
        let member = &configured.settings.chain.as_ref().unwrap().members[0];
        let options = member.settings.as_ref().map(|settings| format!("{:?}", settings.options));
        (member.name.clone(), options.unwrap(), configured.warnings)
    }

    #[test]
    fn a_member_may_be_what_another_tool_has_configured() {
        let text = r#"[{"config": {"type": "HASHICORP_VAULT", "name": "a:b", "config":
            {"vault_address": "https://v", "role_id": "r", "secret_id": "canary"}}, "ids": "x", "mountPoint": "m"}]"#;
        let (name, options, warnings) = member(text);
        assert_eq!((name.as_str(), warnings), ("a-b", vec![]));
        assert_eq!(options, r#"{"auth_type", "mount_point", "role_id", "secret_id", "url"}"#);
    }

    #[test]
    fn what_the_member_says_itself_takes_precedence() {
        let text = r#"[{"store": "vault", "rootEngine": "x", "config": "secret: {type: vault, vault: {address: 'http://a', token: {token: t}, root-engine: b, tags: {a: b}}}", "mountPoint": "own", "url": "http://own"}]"#;
        let stores = json::parse(&Text::from(text)).unwrap();
        let object = stores.as_array().unwrap()[0].as_object().unwrap();
        let own = object.iter().map(|(key, value)| (key.to_str().unwrap().to_owned(), raw(value))).collect();
        let read = OfTool::read(&own, "vault", "").unwrap().unwrap();
        let options = read.options.unwrap();
        let of = |key| options.iter().find(|(known, _)| *known == key).and_then(|(_, value)| value.as_text());
        assert_eq!((of("url"), of("mount_point"), of("mountPoint")), (Some("http://own"), None, Some("own")));
        assert!(read.notes[0].starts_with("`tags` in `secret.vault` has no effect"));
    }

    #[test]
    fn the_option_of_doppler_stays_one() {
        let (name, options, _) =
            member(r#"[{"store": "doppler", "config": "prd", "project": "p", "token": "t"}]"#);
        assert_eq!((name.as_str(), options.as_str()), ("doppler", r#"{"config", "project", "token"}"#));
        let text = r#"[{"store": "doppler", "config": {"secret": {"type": "doppler", "doppler": {"token": "t", "config": "c"}}}}]"#;
        assert_eq!(member(text).1, r#"{"config", "token"}"#);
    }

    #[test]
    fn what_is_wrong_with_it_is_a_fault_of_the_member() {
        for (text, expected) in [
            (
                r#"[{"config": {"awsRegion": "r", "awsAccessKey": "canary"}}]"#,
                "store 1 of the chain: its `config`: ",
            ),
            (
                r#"[{"name": "a", "config": {"awsRegion": "r", "awsAccessKey": "canary"}}]"#,
                "`awsSecretAccessKey` in",
            ),
            (
                r#"[{"store": "local", "config": {"awsRegion": "r", "awsAccessKey": "canary"}}]"#,
                "has no secret storage of type `local`",
            ),
            (
                r#"[{"store": "azure", "config": {"type": "vault", "vault": {"address": "canary"}}}]"#,
                "its `store` is azure_key_vault, but its `config` is one of hashicorp_vault",
            ),
            (r#"[{"name": "a", "config": "{canary"}]"#, "the configuration is no valid JSON"),
        ] {
            let error = chain(text).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("canary"), "{error}");
        }
    }
}
