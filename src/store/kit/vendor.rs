//! What a service is called in errors, and what became of a request in its words.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};

/// A service as its errors call it.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// Its name, such as `Google`.
    pub name: &'static str,
    /// Where a failure of the service is, such as `Google Cloud`.
    pub inside: &'static str,
    /// What takes too long to answer, such as `the vault`.
    pub server: &'static str,
    /// What it does to a login, such as `Google does not accept the credentials`.
    pub rejects: &'static str,
    /// The option that holds its address.
    pub address: &'static str,
}

impl Vendor {
    /// What became of a request that was answered by an error of `kind`, as the rest of a sentence. `is_own`
    /// says that something in the answer shows that the service itself gave it.
    pub fn what_happened(&self, kind: ErrorKind, is_own: bool) -> Cow<'static, str> {
        match kind {
            ErrorKind::Denied => "was denied".into(),
            ErrorKind::Unauthenticated => format!("was refused, since {}", self.rejects).into(),
            ErrorKind::Throttled => "was throttled".into(),
            ErrorKind::Unreachable => format!("failed inside {}", self.inside).into(),
            ErrorKind::Timeout => format!("took {} too long", self.server).into(),
            ErrorKind::InvalidName => "was refused as invalid".into(),
            _ if is_own => "was refused".into(),
            _ => "failed with an answer that is not understood".into(),
        }
    }

    /// What to do about an answer that the service would not give.
    pub fn check_address(&self) -> String {
        check_address(self.address, self.name)
    }

    /// An answer to `subject` that has another shape than those of the service.
    pub fn not_understood(&self, subject: &str) -> Error {
        not_understood(subject, self.address, self.name)
    }
}

/// What to do about an answer that `name`, whose address is in `option`, would not give.
pub fn check_address(option: &str, name: &str) -> String {
    format!("Check `{option}` and proxies: something else than {name} may have answered")
}

/// An answer to `subject` that has another shape than those of `name`, whose address is in `option`.
pub fn not_understood(subject: &str, option: &str, name: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("{subject}: the answer is not understood"))
        .with_hint(check_address(option, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTIC: Vendor = Vendor {
        name: "Attic",
        inside: "Attic Cloud",
        server: "the attic",
        rejects: "Attic does not accept the key",
        address: "attic_url",
    };

    #[test]
    fn a_refusal_is_described_in_the_words_of_the_service() {
        for (kind, is_own, text) in [
            (ErrorKind::Denied, true, "was denied"),
            (ErrorKind::Unauthenticated, true, "was refused, since Attic does not accept the key"),
            (ErrorKind::Unreachable, false, "failed inside Attic Cloud"),
            (ErrorKind::Timeout, true, "took the attic too long"),
            (ErrorKind::Malformed, true, "was refused"),
            (ErrorKind::Malformed, false, "failed with an answer that is not understood"),
        ] {
            assert_eq!(ATTIC.what_happened(kind, is_own), text);
        }
    }

    #[test]
    fn an_answer_of_another_shape_names_the_option_with_the_address() {
        let error = ATTIC.not_understood("reading `a`");
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(
            error.to_string(),
            "reading `a`: the answer is not understood. Check `attic_url` and proxies: something else than \
            Attic may have answered"
        );
    }
}
