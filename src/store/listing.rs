//! What a store answers when it is asked for names.

use std::fmt;
use std::sync::Arc;

use crate::store::SecretName;

/// Where a listing continues. Only the store that issued it can read it, and it is valid for the same prefix
/// only.
#[derive(Clone, PartialEq, Eq)]
pub struct Page(Arc<str>);

impl Page {
    /// A page in the store's own words.
    pub fn new(token: impl Into<Arc<str>>) -> Self {
        Self(token.into())
    }

    /// The store's own words.
    pub fn token(&self) -> &str {
        &self.0
    }
}

/// Omits the token, which is long and meaningless to readers.
impl fmt::Debug for Page {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Page(..)")
    }
}

/// One page of the names in a store; never values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The names of this page; there may be none although more pages follow.
    pub names: Vec<SecretName>,
    /// What to ask for next; `None` after the last page.
    pub next: Option<Page>,
}

impl Names {
    /// The names among `names` that begin with `prefix`, sorted and without duplicates, as the only page.
    pub fn only_page<N: Into<SecretName>>(names: impl IntoIterator<Item = N>, prefix: &str) -> Self {
        let names = names.into_iter().map(Into::into);
        let mut names: Vec<SecretName> = names.filter(|name| name.as_str().starts_with(prefix)).collect();
        names.sort_unstable();
        names.dedup();
        Self { names, next: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_chosen_by_their_beginning_and_listed_once() {
        let names = Names::only_page(["b/2", "a/1", "b/1", "b/2", "B/3"], "b/");
        assert_eq!(names, Names { names: vec!["b/1".into(), "b/2".into()], next: None });
        assert_eq!(Names::only_page(["x", ""], "").names.len(), 2);
    }

    #[test]
    fn a_token_is_not_shown() {
        let page = Page::new("canary-token");
        assert_eq!((page.token(), format!("{page:?}").as_str()), ("canary-token", "Page(..)"));
    }
}
