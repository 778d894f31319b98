//! What CyberArk reports of an account without its password.

use std::time::{Duration, SystemTime};

use crate::redact::Shown;
use crate::store::Description;
use crate::value::json::{Object, Value};

/// An account, as searches answer with it.
#[derive(Debug)]
pub(super) struct Account(Object);

impl Account {
    /// One of an answer; `None` for something else.
    pub(super) fn of(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }

    /// Its id, such as `12_3`; `None` for a text that could lead elsewhere in an address.
    pub(super) fn id(&self) -> Option<&str> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        self.text("id").filter(|id| !id.is_empty() && id.bytes().all(is_letter))
    }

    /// Its name in the safe.
    pub(super) fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// Whether it is in this safe, or in any. Names of safes are the same in capitals.
    pub(super) fn is_in(&self, safe: Option<&str>) -> bool {
        let is = |safe: &str| self.text("safeName").is_some_and(|name| name.eq_ignore_ascii_case(safe));
        safe.is_none_or(is)
    }

    /// Where its secret is read, below the address of all accounts: a key is not a password.
    pub(super) fn secret(&self) -> Option<String> {
        let kind = if self.text("secretType") == Some("key") { "Secret" } else { "Password" };
        Some(format!("{}/{kind}", self.id()?))
    }

    /// Which one this is among others of its name.
    pub(super) fn place(&self) -> String {
        let (id, safe) = (self.id().unwrap_or("without an id"), self.text("safeName").unwrap_or_default());
        format!("{id} in the safe `{}`", Shown(safe))
    }

    /// What the account says of itself.
    pub(super) fn description(&self) -> Description {
        let management = self.0.get("secretManagement").and_then(Value::as_object);
        Description {
            id: self.id().map(str::to_owned),
            form: self.text("platformId").map(str::to_owned),
            created: moment(self.0.get("createdTime")),
            changed: moment(management.and_then(|management| management.get("lastModifiedTime"))),
            ..Description::of(self.name().unwrap_or_default())
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }
}

/// A moment in seconds since 1970.
fn moment(value: Option<&Value>) -> Option<SystemTime> {
    let seconds = u64::try_from(value?.as_i64()?).ok().filter(|seconds| *seconds > 0)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Text, json};

    fn account(text: &str) -> Account {
        Account::of(&json::parse(&Text::from(text)).unwrap()).unwrap()
    }

    #[test]
    fn an_account_is_described() {
        let account = account(
            r#"{"id": "12_3", "name": "n", "safeName": "Air", "platformId": "P", "createdTime": 7,
            "secretManagement": {"lastModifiedTime": 0}}"#,
        );
        let described = account.description();
        assert_eq!((described.id.as_deref(), described.form.as_deref()), (Some("12_3"), Some("P")));
        assert!(described.created.is_some() && described.changed.is_none());
        assert!(account.is_in(Some("AIR")) && account.is_in(None) && !account.is_in(Some("Ai")));
        assert_eq!(account.secret().as_deref(), Some("12_3/Password"));
        assert_eq!(account.place(), "12_3 in the safe `Air`");
    }

    #[test]
    fn an_id_leads_nowhere_else() {
        for id in ["", "../12_3", "12/3", "12?a"] {
            assert_eq!(account(&format!(r#"{{"id": "{id}", "secretType": "key"}}"#)).id(), None, "{id}");
        }
        let key = account(r#"{"id": "1_2", "secretType": "key"}"#);
        assert_eq!(key.secret().as_deref(), Some("1_2/Secret"));
    }
}
