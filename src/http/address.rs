//! Addresses in options, variables and files.

use url::Url;

/// The valid address in `text`: http or https, a host, and no user name. A name and a password in an address
/// are usually credentials in the wrong place: they would be sent in a header of each request, to a service
/// that does not ask for them.
pub fn web_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_of_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    (is_of_web && url.username().is_empty() && url.password().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_no_user() {
        for text in ["https://h", "http://h:1/p?q", "HTTPS://[::1]:8/"] {
            assert!(web_address(text).is_some(), "{text}");
        }
        for text in [
            "https://user@h",
            "https://user:canary@h/",
            "http://:canary@h",
            "https://user%3Acanary@h",
            "ftp://h",
            "http://",
            "h:8200",
            "/p",
            "",
        ] {
            assert!(web_address(text).is_none(), "{text}");
        }
    }
}
