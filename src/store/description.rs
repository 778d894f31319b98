//! What a store reports about a secret without revealing it.

use std::time::SystemTime;

use crate::store::{Names, Page, SecretName};

/// What is known about one secret besides its value. A store leaves out what it does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name in the store.
    pub name: SecretName,
    /// The store's full identifier, such as an ARN.
    pub id: Option<String>,
    /// The version that a read gets.
    pub version: Option<String>,
    /// The store's word for what it is, such as `SecureString`.
    pub form: Option<String>,
    /// The key that it is encrypted with.
    pub key: Option<String>,
    /// The store's word for whether it can be read, such as `enabled` or `disabled`.
    pub state: Option<&'static str>,
    /// When it was created.
    pub created: Option<SystemTime>,
    /// When it was last changed.
    pub changed: Option<SystemTime>,
    /// The day on which it was last read.
    pub accessed: Option<SystemTime>,
    /// When it expires, as its author has set it; stores still return it afterwards.
    pub expires: Option<SystemTime>,
    /// When it will be deleted.
    pub deleted: Option<SystemTime>,
    /// Tags, in the order of the store.
    pub tags: Vec<(String, String)>,
}

impl Description {
    /// Nothing but the name is known.
    pub fn of(name: impl Into<SecretName>) -> Self {
        Self {
            name: name.into(),
            id: None,
            version: None,
            form: None,
            key: None,
            state: None,
            created: None,
            changed: None,
            accessed: None,
            expires: None,
            deleted: None,
            tags: Vec::new(),
        }
    }
}

/// One page of descriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptions {
    /// Those of this page; there may be none although more pages follow.
    pub secrets: Vec<Description>,
    /// What to ask for next; `None` after the last page.
    pub next: Option<Page>,
}

impl From<Descriptions> for Names {
    fn from(descriptions: Descriptions) -> Self {
        let names = descriptions.secrets.into_iter().map(|secret| secret.name);
        Self { names: names.collect(), next: descriptions.next }
    }
}

impl From<Names> for Descriptions {
    fn from(names: Names) -> Self {
        Self { secrets: names.names.into_iter().map(Description::of).collect(), next: names.next }
    }
}
