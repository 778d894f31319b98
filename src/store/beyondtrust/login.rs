//! Signing in: with the key of an API registration or as an application user, and the session that follows.
//!
//! Sources: "Authentication" and "API usage" of the BeyondInsight and Password Safe API Guide, and
//! `authentication.py` of BeyondTrust's `beyondtrust-bips-library` 2.32.1.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::redact::Shown;
use crate::store::kit::rest::secret_header;
use crate::store::kit::token::{Expiring, Terms};

/// A session ends 20 minutes after its last request, so its end is not known beforehand: it shows by a
/// refusal.
pub(super) const TERMS: Terms = Terms {
    before: Duration::ZERO,
    again: Duration::from_secs(10),
    outlives_refusal: false,
    outage: "the session of Secrets Safe could not be renewed and is used until it is refused",
};

/// Who signs in.
pub(super) enum Login {
    /// A user, with the key of an API registration.
    Key {
        /// The header that signs in.
        header: HeaderValue,
        /// The user.
        run_as: String,
    },
    /// An application user (RFC 6749, section 4.4).
    Client {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
}

impl Login {
    /// The options with the name and the secret, for messages.
    pub(super) const fn options(&self) -> &'static str {
        match self {
            Self::Key { .. } => "`api_key` and `run_as`",
            Self::Client { .. } => "`client_id` and `client_secret`",
        }
    }

    /// Who this is, in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Key { run_as, .. } => format!("the user `{}`, with an API key", Shown(run_as)),
            Self::Client { id, .. } => format!("the client `{}`", Shown(id)),
        }
    }
}

/// Leaves out the key and the secret.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Key { .. } => "Key(..)",
            Self::Client { .. } => "Client(..)",
        })
    }
}

/// The parts of the header that signs in with a key.
pub(super) struct PsAuth<'text> {
    key: &'text str,
    /// The user, with its domain if it has one.
    pub(super) run_as: String,
    password: Option<&'text str>,
}

impl<'text> PsAuth<'text> {
    /// The parts that are written, and else those after the key: BeyondTrust's own clients are given
    /// `KEY;runas=USER;pwd=[PASSWORD];`.
    pub(super) fn read(
        written: &'text str,
        run_as: Option<&'text str>,
        password: Option<&'text str>,
    ) -> Self {
        let (key, rest) = written.split_once(';').unwrap_or((written, ""));
        let part = |name: &str| {
            rest.split(';').find_map(|part| {
                let (known, value) = part.split_once('=')?;
                known.trim().eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let bare =
            |text: &'text str| text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        // YAML without quotes keeps both backslashes of an escaped one, and no name has two.
        let run_as = run_as.or_else(|| part("runas")).unwrap_or_default().replace("\\\\", "\\");
        Self { key: key.trim(), run_as, password: password.or_else(|| part("pwd")).map(bare) }
    }

    /// The header; `None` if no header can hold a part. The brackets around the password are literal.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let password = self.password.map(|password| format!(" pwd=[{password}];")).unwrap_or_default();
        let text = Zeroizing::new(format!("PS-Auth key={}; runas={};{password}", self.key, self.run_as));
        secret_header(&text)
    }
}

/// A session: the header with its cookies.
#[derive(Clone)]
pub(super) struct SignedIn(pub(super) Arc<HeaderValue>);

/// Leaves out the cookies.
impl fmt::Debug for SignedIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SignedIn").finish_non_exhaustive()
    }
}

impl Expiring for SignedIn {
    fn lifetime(&self) -> Option<Duration> {
        None
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_have_its_user_and_password_after_it() {
        for (written, run_as, password, header) in [
            ("k", Some("d\\u"), None, "PS-Auth key=k; runas=d\\u;"),
            ("k", Some("u"), Some("p"), "PS-Auth key=k; runas=u; pwd=[p];"),
            ("k;runas=u;", None, None, "PS-Auth key=k; runas=u;"),
            ("k; RunAs = u ; pwd=[p=q];", None, None, "PS-Auth key=k; runas=u; pwd=[p=q];"),
            ("k", Some("d\\\\u"), None, "PS-Auth key=k; runas=d\\u;"),
            ("k;runas=u;pwd=[p];", Some("v"), Some("[q]"), "PS-Auth key=k; runas=v; pwd=[q];"),
        ] {
            let key = PsAuth::read(written, run_as, password);
            assert_eq!(key.header().unwrap(), header, "{written}");
        }
        assert_eq!(PsAuth::read("k;x;", None, None).run_as, "");
        assert!(PsAuth::read("a\nb", Some("u"), None).header().is_none());
    }

    #[test]
    fn a_login_is_named_without_its_secret() {
        let header = PsAuth::read("canary", Some("u"), Some("canary")).header().unwrap();
        let key = Login::Key { header, run_as: "u".to_owned() };
        let client = Login::Client { id: "c".to_owned(), secret: Zeroizing::new("canary".to_owned()) };
        for login in [key, client] {
            assert!(!format!("{login:?} {}", login.words()).contains("canary"));
            assert!(login.options().contains(" and "));
        }
    }

    #[test]
    fn two_sessions_with_one_cookie_are_two() {
        let session = || SignedIn(Arc::new(HeaderValue::from_static("a=1")));
        let (one, other) = (session(), session());
        assert!(one.is_same(&one.clone()) && !one.is_same(&other) && one.lifetime().is_none());
    }
}
