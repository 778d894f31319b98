//! What a store answers when it is asked which secrets there are.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::store::{Description, SecretName};

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

/// One page of the secrets in a store; never values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Those of this page; there may be none although more pages follow.
    pub secrets: Vec<Description>,
    /// What to ask for next; `None` after the last page.
    pub next: Option<Page>,
}

impl Listing {
    /// One page of secrets of which nothing but the names is known.
    pub fn of_names<N: Into<SecretName>>(names: impl IntoIterator<Item = N>, next: Option<Page>) -> Self {
        Self { secrets: names.into_iter().map(Description::of).collect(), next }
    }

    /// The names among `names` that begin with `prefix`, sorted and without duplicates, as the only page.
    pub fn only_page<N: Into<SecretName>>(names: impl IntoIterator<Item = N>, prefix: &str) -> Self {
        let names = names.into_iter().map(Into::into);
        let names: BTreeSet<SecretName> = names.filter(|name| name.as_str().starts_with(prefix)).collect();
        Self::of_names(names, None)
    }

    /// The names of what can be read.
    pub fn readable(&self) -> impl Iterator<Item = &SecretName> {
        self.secrets.iter().filter(|secret| secret.is_readable()).map(|secret| &secret.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ENABLED;

    #[test]
    fn names_are_chosen_by_their_beginning_and_listed_once() {
        let listed = Listing::only_page(["b/2", "a/1", "b/1", "b/2", "B/3"], "b/");
        assert_eq!(listed, Listing::of_names(["b/1", "b/2"], None));
        assert_eq!(Listing::only_page(["x", ""], "").secrets.len(), 2);
    }

    #[test]
    fn what_is_disabled_is_listed_and_cannot_be_read() {
        let secret = |name, state| Description { state, ..Description::of(name) };
        let secrets = vec![secret("a", None), secret("b", Some(ENABLED)), secret("c", Some("disabled"))];
        let listed = Listing { secrets, next: None };
        assert_eq!(listed.readable().map(SecretName::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_token_is_not_shown() {
        let page = Page::new("canary-token");
        assert_eq!((page.token(), format!("{page:?}").as_str()), ("canary-token", "Page(..)"));
    }
}
