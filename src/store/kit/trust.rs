//! Which certificates a store trusts: one rule for every store.
//!
//! 1. `verify: false` accepts every certificate, whatever else is set.
//! 2. `ca_bundle`, an option of our own, applies to every service that the store asks, including its login.
//! 3. `verify` with a path. In the official classes it applies only to the service that holds the secrets.
//! 4. The variables and files that clients of this store read, in their order.
//! 5. Mozilla's list, which is built in, and to which `SSL_CERT_FILE` adds.
//!
//! A path may begin with `~`; the word `system` stands for the platform's own list.

use std::path::PathBuf;

use crate::error::Result;
use crate::http::{ClientSettings, Roots, build_client, client_config, with_client_certificate};
use crate::store::environment::Environment;
use crate::store::kit::files::{WatchedFiles, expand};
use crate::store::options::{OptionKind, OptionSpec, OptionValue, Options};

/// Whether certificates are verified.
pub const VERIFY: OptionSpec = OptionSpec::new(
    "verify",
    OptionKind::BooleanOrPath,
    "Whether the server's certificate is verified, or the CA bundle to verify it with.",
);

/// The CAs to trust.
pub const CA_BUNDLE: OptionSpec = OptionSpec::new(
    "ca_bundle",
    OptionKind::Text,
    "A PEM file of trusted CAs, or `system`; takes precedence over `verify` and REQUESTS_CA_BUNDLE.",
);

/// The variables of Python's requests, which most clients read.
pub const OF_REQUESTS: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// The word that asks for the platform's own list.
const SYSTEM: &str = "system";

/// OpenSSL's variable. The official classes do not read it; see [`Roots::MozillaAnd`].
const ADDITION: &str = "SSL_CERT_FILE";

/// The meaning of an option such as `verify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verify {
    /// The option is not set.
    Unset,
    /// Whether certificates are verified at all.
    Flag(bool),
    /// The CA bundle to verify them with.
    Bundle(String),
}

impl Verify {
    /// Reads the option `key`. An empty text, which an empty environment variable produces, counts as unset.
    pub fn read(options: &Options, key: &str) -> Self {
        match options.get(key) {
            Some(OptionValue::Boolean(flag)) => Self::Flag(*flag),
            Some(OptionValue::Text(path)) if !path.is_empty() => Self::Bundle(path.clone()),
            _ => Self::Unset,
        }
    }

    /// Whether every certificate is accepted.
    pub fn is_off(&self) -> bool {
        *self == Self::Flag(false)
    }

    fn path(&self) -> Option<&str> {
        match self {
            Self::Bundle(path) => Some(path),
            Self::Unset | Self::Flag(_) => None,
        }
    }
}

/// A path, if it is set, and the option, variable or file that would name it.
pub type Named<'text> = (Option<&'text str>, &'static str);

/// What may name the certificates that one of the services of a store is verified with.
#[derive(Debug)]
pub struct Trust<'text> {
    /// The option `ca_bundle`.
    pub ca_bundle: Option<&'text str>,
    /// `verify`, and what this store calls it; [`Verify::Unset`] for a service to which it does not apply.
    pub verify: (&'text Verify, &'static str),
    /// What is considered after the options, in order.
    pub others: Vec<Named<'text>>,
}

impl Trust<'_> {
    /// What certificates are verified with.
    pub fn roots(&self, environment: &Environment) -> Roots {
        let (verify, option) = self.verify;
        if verify.is_off() {
            return Roots::Unverified;
        }
        let options = [(self.ca_bundle, "ca_bundle"), (verify.path(), option)];
        let mut named = options.iter().chain(&self.others);
        // The first that is set decides; it need not be usable.
        match named.find_map(|(path, named_by)| Some(((*path)?, *named_by))) {
            Some((SYSTEM, _)) => Roots::System,
            Some((path, named_by)) => Roots::Bundle { path: expand(path, environment), named_by },
            None => match environment.non_empty(ADDITION) {
                Some(path) => Roots::MozillaAnd { path: expand(path, environment) },
                None => Roots::Mozilla,
            },
        }
    }
}

/// What certificates are verified with, in a store whose `verify` applies to every service: the options take
/// precedence over the variables of `names`, which count in their order.
pub fn roots<const COUNT: usize>(
    options: &Options,
    environment: &Environment,
    names: [&'static str; COUNT],
) -> Roots {
    let verify = Verify::read(options, VERIFY.key);
    let others = variables(environment, names).to_vec();
    Trust { ca_bundle: options.non_empty(CA_BUNDLE.key), verify: (&verify, VERIFY.key), others }
        .roots(environment)
}

/// The variables of `names`, in their order.
pub fn variables<'text, const COUNT: usize>(
    environment: &'text Environment,
    names: [&'static str; COUNT],
) -> [Named<'text>; COUNT] {
    names.map(|name| (environment.non_empty(name), name))
}

/// A client that trusts `roots`. The file behind them is noted in `files`, so that a changed file leads to a
/// new client.
pub fn client(settings: &ClientSettings, roots: &Roots, files: &mut WatchedFiles) -> Result<reqwest::Client> {
    if let Some(path) = roots.path() {
        files.watch(path);
    }
    build_client(settings, &client_config(roots)?)
}

/// The same, with the certificate in one file and its key in another, or in the same.
pub fn client_as(
    [certificate, key]: [PathBuf; 2],
    settings: &ClientSettings,
    roots: &Roots,
    files: &mut WatchedFiles,
) -> Result<reqwest::Client> {
    for path in [roots.path(), Some(&*certificate), Some(&*key)].into_iter().flatten() {
        files.watch(path);
    }
    let config = client_config(roots)?;
    build_client(settings, &with_client_certificate(&config, &certificate, &key)?)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const VARIABLES: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

    fn roots(ca_bundle: Option<&str>, verify: &Verify, set: &[(&str, &str)]) -> Roots {
        let environment = Environment::of(set);
        let others = variables(&environment, VARIABLES).to_vec();
        Trust { ca_bundle, verify: (verify, "verify"), others }.roots(&environment)
    }

    fn file(path: &str, named_by: &'static str) -> Roots {
        Roots::Bundle { path: PathBuf::from(path), named_by }
    }

    #[test]
    fn the_first_that_is_set_is_used() {
        let all = [("REQUESTS_CA_BUNDLE", "/r"), ("CURL_CA_BUNDLE", "/c"), ("SSL_CERT_FILE", "/s")];
        let verify = Verify::Bundle("/v".to_owned());
        assert_eq!(roots(Some("/o"), &verify, &all), file("/o", "ca_bundle"));
        assert_eq!(roots(None, &verify, &all), file("/v", "verify"));
        for nothing in [Verify::Unset, Verify::Flag(true)] {
            assert_eq!(roots(Some("/o"), &nothing, &all), file("/o", "ca_bundle"));
            assert_eq!(roots(None, &nothing, &all), file("/r", "REQUESTS_CA_BUNDLE"));
            assert_eq!(roots(None, &nothing, &all[1..]), file("/c", "CURL_CA_BUNDLE"));
            assert_eq!(roots(None, &nothing, &all[2..]), Roots::MozillaAnd { path: PathBuf::from("/s") });
            assert_eq!(roots(None, &nothing, &[]), Roots::Mozilla);
        }
    }

    #[test]
    fn false_verifies_nothing_whatever_else_is_set() {
        let set = [("REQUESTS_CA_BUNDLE", "/r")];
        assert_eq!(roots(Some("/o"), &Verify::Flag(false), &set), Roots::Unverified);
    }

    #[test]
    fn home_and_the_platforms_list_can_be_written_wherever_a_path_can() {
        let home = ("HOME", "/home/a");
        let verify = |text: &str| Verify::Bundle(text.to_owned());
        let unset = Verify::Unset;
        assert_eq!(roots(Some("~/ca.pem"), &unset, &[home]), file("/home/a/ca.pem", "ca_bundle"));
        assert_eq!(roots(None, &verify("~/v.pem"), &[home]), file("/home/a/v.pem", "verify"));
        let set = [home, ("CURL_CA_BUNDLE", "~/c.pem")];
        assert_eq!(roots(None, &unset, &set), file("/home/a/c.pem", "CURL_CA_BUNDLE"));
        let set = [home, ("SSL_CERT_FILE", "~/s.pem")];
        assert_eq!(roots(None, &unset, &set), Roots::MozillaAnd { path: PathBuf::from("/home/a/s.pem") });
        assert_eq!(roots(Some("system"), &verify("/v"), &[]), Roots::System);
        assert_eq!(roots(None, &verify("system"), &[]), Roots::System);
        assert_eq!(roots(None, &unset, &[("REQUESTS_CA_BUNDLE", "system")]), Roots::System);
    }

    #[test]
    fn an_option_is_a_switch_or_a_path() {
        let read = |value: Option<OptionValue>| {
            let mut options = Options::default();
            if let Some(value) = value {
                options.set("verify", value);
            }
            Verify::read(&options, "verify")
        };
        let text = |text: &str| Some(OptionValue::Text(text.to_owned()));
        assert_eq!(read(None), Verify::Unset);
        assert_eq!(read(text("")), Verify::Unset);
        assert_eq!(read(text("/ca.pem")), Verify::Bundle("/ca.pem".to_owned()));
        assert!(read(Some(OptionValue::Boolean(false))).is_off());
        assert!(!read(Some(OptionValue::Boolean(true))).is_off());
    }
}
