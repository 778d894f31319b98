//! A secret as Secrets Safe answers with it.

use std::fmt;

use crate::moment;
use crate::store::Description;
use crate::value::json::{Object, Value};

/// What a secret is: it decides where its value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A user name and a password.
    Credential,
    /// Text of up to 4096 characters.
    Text,
    /// A file.
    File,
}

/// One of a list, or the answer for an id.
pub(super) struct Record(Object);

impl Record {
    /// One of an answer; `None` for something else.
    pub(super) fn of(value: Value) -> Option<Self> {
        value.into_object().map(Self)
    }

    /// The id.
    pub(super) fn id(&self) -> Option<&str> {
        self.text("Id").filter(|id| is_id(id))
    }

    /// The title within its folder.
    pub(super) fn title(&self) -> Option<&str> {
        self.text("Title")
    }

    /// The id of its folder.
    pub(super) fn folder_id(&self) -> Option<&str> {
        self.text("FolderId")
    }

    /// The folders that it is in, separated by slashes; `None` where the answer does not say.
    pub(super) fn folder(&self) -> Option<&str> {
        self.text("FolderPath").map(|path| path.trim_matches('/'))
    }

    /// The path of folders and title; `None` for one that no path leads to, since its title has a slash.
    pub(super) fn path(&self) -> Option<String> {
        let title = self.title().filter(|title| !title.contains('/'))?;
        let folder = self.folder()?;
        Some(if folder.is_empty() { title.to_owned() } else { format!("{folder}/{title}") })
    }

    /// What it is. Answers for an id do not always say so.
    pub(super) fn form(&self) -> Form {
        match self.text("SecretType").map(str::to_ascii_lowercase).as_deref() {
            Some("file") => Form::File,
            Some("text") => Form::Text,
            Some(_) => Form::Credential,
            None if self.filled("FileName").is_some() => Form::File,
            None if self.password().is_some() => Form::Credential,
            None => Form::Text,
        }
    }

    /// The password of a credential.
    pub(super) fn password(&self) -> Option<&str> {
        self.text("Password")
    }

    /// The text of a text, as far as the answer has it: in one field or the other, as the version of the API
    /// may be.
    pub(super) fn content(&self) -> Option<&str> {
        self.filled("Text").or_else(|| self.filled("Password"))
    }

    /// The text of a text, which is empty if no field has any.
    pub(super) fn whole_content(&self) -> Option<&str> {
        self.content().or_else(|| self.text("Text")).or_else(|| self.password())
    }

    /// What the answer says besides the value, under the name that lookups use.
    pub(super) fn description(&self, name: &str) -> Description {
        let moment = |key| self.text(key).and_then(moment::read_utc);
        Description {
            id: self.id().map(str::to_owned),
            form: self.text("SecretType").map(str::to_owned),
            created: moment("CreatedOn"),
            changed: moment("ModifiedOn"),
            ..Description::of(name)
        }
    }

    fn filled(&self, key: &str) -> Option<&str> {
        self.text(key).filter(|text| !text.is_empty())
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// A secret for a test.
    #[cfg(test)]
    pub(super) fn of_json(json: &str) -> Self {
        use crate::value::{Text, json};
        Self::of(json::parse(&Text::from(json)).unwrap()).unwrap()
    }
}

/// Leaves out all but the id.
impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Record").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Whether a text is an id: a GUID with its dashes.
pub(super) fn is_id(text: &str) -> bool {
    let is_at = |(index, byte): (usize, u8)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_folders_and_the_title() {
        for (json, path) in [
            (r#"{"Title": "n", "FolderPath": "a/b"}"#, Some("a/b/n")),
            (r#"{"Title": "n", "FolderPath": "/a/"}"#, Some("a/n")),
            (r#"{"Title": "n", "FolderPath": ""}"#, Some("n")),
            (r#"{"Title": "n", "FolderPath": null}"#, None),
            (r#"{"Title": "n/m", "FolderPath": "a"}"#, None),
        ] {
            assert_eq!(Record::of_json(json).path().as_deref(), path, "{json}");
        }
    }

    #[test]
    fn the_type_decides_and_else_the_fields() {
        for (json, form) in [
            (r#"{"SecretType": "Credential"}"#, Form::Credential),
            (r#"{"SecretType": "TEXT", "Password": "p"}"#, Form::Text),
            (r#"{"SecretType": "File"}"#, Form::File),
            (r#"{"SecretType": "Later", "Password": "p"}"#, Form::Credential),
            (r#"{"Password": "", "FileName": null}"#, Form::Credential),
            (r#"{"Password": null, "FileName": "f"}"#, Form::File),
            (r#"{"Id": "x"}"#, Form::Text),
        ] {
            assert_eq!(Record::of_json(json).form(), form, "{json}");
        }
    }

    #[test]
    fn a_text_is_in_either_field() {
        for (json, content, whole) in [
            (r#"{"Text": "t", "Password": "p"}"#, Some("t"), Some("t")),
            (r#"{"Text": null, "Password": "p"}"#, Some("p"), Some("p")),
            (r#"{"Text": "", "Password": "p"}"#, Some("p"), Some("p")),
            (r#"{"Text": "", "Password": null}"#, None, Some("")),
            ("{}", None, None),
        ] {
            let record = Record::of_json(json);
            assert_eq!((record.content(), record.whole_content()), (content, whole), "{json}");
        }
    }

    #[test]
    fn an_id_is_a_guid_and_a_record_shows_nothing_else() {
        let id = "9b7d1c6e-0000-4000-8000-00000000000F";
        assert!(is_id(id));
        for text in
            ["", "9b7d1c6e", "9b7d1c6e-0000-4000-8000-00000000000g", "9b7d1c6e00000-4000-8000-000000000001"]
        {
            assert!(!is_id(text), "{text}");
        }
        let json = format!(
            r#"{{"Id": "{id}", "Password": "canary", "SecretType": "TEXT", "CreatedOn": "2026-01-15T10:30:00.12",
                "ModifiedOn": "2026-01-16T10:30:00Z"}}"#
        );
        let record = Record::of_json(&json);
        assert!(!format!("{record:?}").contains("canary"));
        let described = record.description("a");
        assert_eq!((described.id.as_deref(), described.form.as_deref()), (Some(id), Some("TEXT")));
        assert!(described.created.is_some() && described.created < described.changed);
    }
}
