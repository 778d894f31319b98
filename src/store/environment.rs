//! The part of the environment that decides which identity is used and where secrets are read.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// What every store on the network reads, and where the user's files are. The variables that only one store
/// reads are declared in its entry.
pub const SHARED_VARIABLES: &[&str] = &[
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// A copy of the identity-bearing environment, taken when a backend is constructed. Two backends share a
/// client and a cache only when these agree.
///
/// Read through Python's `os.environ` with the GIL held, since `getenv` races with `setenv` of other threads.
/// It may hold credentials, so Debug lists the names only.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<&'static str, String>,
    /// The variables that could have been set; empty in a default environment.
    declared: &'static [&'static str],
}

impl Environment {
    /// Builds the copy from `lookup`, which is called once for each of `declared`.
    pub fn copied(
        declared: &'static [&'static str],
        mut lookup: impl FnMut(&'static str) -> Option<String>,
    ) -> Self {
        let values = declared.iter().filter_map(|name| lookup(name).map(|value| (*name, value)));
        Self { values: values.collect(), declared }
    }

    /// The value of `name`, which is one of the variables that the stores of this build declare.
    pub fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(
            self.declared.is_empty() || self.declared.contains(&name),
            "{name} is not declared by a store of this build"
        );
        self.values.get(name).map(String::as_str)
    }

    /// The variables that are set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Like [`Self::get`], but an empty value counts as unset (as in most AWS tools).
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

/// `declared` is the same throughout one build, so only the values are compared.
impl PartialEq for Environment {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Eq for Environment {}

impl Hash for Environment {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.values.hash(state);
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
impl Environment {
    /// Variables for a test.
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_declared_variables_are_kept_and_no_value_is_shown() {
        const DECLARED: &[&str] = &["AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
        let environment = Environment::copied(DECLARED, |name| {
            (name == "AWS_SECRET_ACCESS_KEY").then(|| "canary-1f2e".to_owned())
        });
        assert_eq!(environment.get("AWS_SECRET_ACCESS_KEY"), Some("canary-1f2e"));
        assert_eq!(environment.get("AWS_REGION"), None);
        assert_eq!(format!("{environment:?}"), r#"{"AWS_SECRET_ACCESS_KEY"}"#);
    }
}
