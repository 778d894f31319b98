//! What Secret Server reports of a secret without its fields (`SecretSummary`).

use crate::moment;
use crate::store::Description;
use crate::value::json::{Object, Value};

/// A summary, as searches and `/summary` answer with it.
#[derive(Debug)]
pub(super) struct Record(Object);

impl Record {
    /// One of an answer; `None` for something else.
    pub(super) fn of(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }

    /// Whether a flag is set.
    pub(super) fn is(&self, flag: &str) -> bool {
        self.0.get(flag).and_then(Value::as_bool) == Some(true)
    }

    /// Whether the secret was deactivated.
    pub(super) fn is_inactive(&self) -> bool {
        self.0.get("active").and_then(Value::as_bool) == Some(false)
    }

    /// The number of the secret, as text.
    pub(super) fn id(&self) -> Option<String> {
        self.number("id").map(|id| id.to_string())
    }

    /// The name within its folder.
    pub(super) fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// The number of its folder; `None` for a secret in none.
    pub(super) fn folder_id(&self) -> Option<u64> {
        self.number("folderId")
    }

    /// The folders that it is in, separated by slashes; empty for a secret in none, and `None` where the
    /// server does not say.
    pub(super) fn folder(&self) -> Option<String> {
        match self.text("folderPath") {
            Some(path) => Some(path.trim_matches('\\').replace('\\', "/")),
            None => self.folder_id().is_none().then(String::new),
        }
    }

    /// The path of folders and name; `None` for one that no path leads to, since a name in it has a
    /// separator.
    pub(super) fn path(&self) -> Option<String> {
        let name = self.name().filter(|name| !name.contains(['/', '\\']))?;
        let folder = self.folder()?;
        Some(if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") })
    }

    /// What the summary says, under the name that lookups use.
    pub(super) fn description(&self, name: &str) -> Description {
        let moment = |key| self.text(key).and_then(moment::read_utc);
        Description {
            id: self.id(),
            form: self.text("secretTemplateName").map(str::to_owned),
            created: moment("createDate"),
            accessed: moment("lastAccessed"),
            ..Description::of(name)
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    fn number(&self, key: &str) -> Option<u64> {
        u64::try_from(self.0.get(key)?.as_i64()?).ok()
    }

    /// A summary for a test.
    #[cfg(test)]
    pub(super) fn of_json(json: &str) -> Self {
        use crate::value::{Text, json};
        Self(json::parse(&Text::from(json)).unwrap().into_object().unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_folders_and_the_name() {
        for (json, path) in [
            (r#"{"name": "n", "folderId": 3, "folderPath": "\\a\\b"}"#, Some("a/b/n")),
            (r#"{"name": "n", "folderId": -1}"#, Some("n")),
            (r#"{"name": "n", "folderId": null, "folderPath": null}"#, Some("n")),
            (r#"{"name": "n", "folderId": 3}"#, None),
            (r#"{"name": "n/m", "folderId": 3, "folderPath": "\\a"}"#, None),
        ] {
            assert_eq!(Record::of_json(json).path().as_deref(), path, "{json}");
        }
    }

    #[test]
    fn a_summary_is_described() {
        let json = r#"{"id": 7, "secretTemplateName": "Password", "createDate": "2024-01-15T10:30:00.12"}"#;
        let described = Record::of_json(json).description("a/b");
        assert_eq!((described.id.as_deref(), described.form.as_deref()), (Some("7"), Some("Password")));
        assert!(described.created.is_some() && described.accessed.is_none());
    }
}
