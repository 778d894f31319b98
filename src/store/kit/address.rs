//! The address of a service, as the user wrote it.

use url::Url;

use crate::error::{Error, Result};
use crate::http::web_address;
use crate::store::options::{OptionKind, OptionSpec};

/// Where the service is, if not at its usual address.
pub const ENDPOINT: OptionSpec = OptionSpec::new(
    "endpoint_url",
    OptionKind::Text,
    "The address of the service itself, such as that of a private endpoint or an emulator.",
);

/// An address that can be used. The error does not show it: it may hold a password.
pub fn checked(text: &str, named_by: &str) -> Result<Url> {
    web_address(text).ok_or_else(|| {
        Error::config(format!("`{named_by}` is not an address that can be used"))
            .with_hint("Write it as https://host or http://host:port, without a user name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_without_showing_it() {
        assert_eq!(checked("https://h:1/x", "url").unwrap().as_str(), "https://h:1/x");
        for text in ["localhost:4566", "ftp://h", "http://user:canary@h", "canary", ""] {
            let error = checked(text, "url").unwrap_err();
            assert!(error.to_string().starts_with("`url` is not") && !error.to_string().contains("canary"));
        }
    }
}
