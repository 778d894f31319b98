//! User, password, host and port in the network location of a URL (Python 3.11.7 Lib/urllib/parse.py).

use std::net::Ipv6Addr;

use unicode_normalization::UnicodeNormalization;

use super::error::ConnectionError;
use crate::value::text::{self, Text};

/// Largest port of a URL.
const MAX_PORT: i64 = 65_535;

/// The parts of the network location, not decoded.
pub(super) struct Netloc<'a> {
    pub(super) username: Option<&'a [u8]>,
    pub(super) password: Option<&'a [u8]>,
    /// Empty when absent; IPv6 without brackets.
    pub(super) host: &'a [u8],
    /// Everything after the user information.
    pub(super) host_and_port: &'a [u8],
    port: &'a [u8],
}

/// Splits the network location: user information ends at the last `@`, the user at its first `:`.
pub(super) fn parse(netloc: &[u8]) -> Netloc<'_> {
    let (user_information, host_and_port) = text::partition_last(netloc, b'@');
    let (username, password) = match user_information.map(|information| text::partition(information, b':')) {
        Some((username, password)) => (Some(username), password),
        None => (None, None),
    };
    let (host, port) = split_host(host_and_port);
    Netloc { username, password, host, host_and_port, port }
}

/// Host and port; a bracketed host ends at its bracket, and anything between it and the port's colon is
/// ignored.
fn split_host(host_and_port: &[u8]) -> (&[u8], &[u8]) {
    let (host, rest) = match text::partition(host_and_port, b'[') {
        (_, Some(bracketed)) => {
            let (host, after) = text::partition(bracketed, b']');
            (host, text::partition(after.unwrap_or_default(), b':').1)
        }
        _ => text::partition(host_and_port, b':'),
    };
    (host, rest.unwrap_or_default())
}

impl Netloc<'_> {
    /// `hostname`: in lower case up to the first `%`, which may start the zone of an IPv6 address.
    pub(super) fn lower_host(&self) -> Option<Text> {
        let (name, zone) = text::partition(self.host, b'%');
        if !name.iter().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
            return None;
        }
        let Some(zone) = zone else { return Some(text::lowercase(name)) };
        let mut lower = text::TextBuilder::with_capacity(self.host.len() * 2);
        lower.push_bytes(text::lowercase(name).as_bytes());
        lower.push_byte(b'%');
        lower.push_bytes(zone);
        Some(lower.finish())
    }

    /// `port`: None when absent or empty.
    pub(super) fn port(&self) -> Result<Option<i64>, ConnectionError> {
        if self.port.is_empty() {
            return Ok(None);
        }
        let add = |port: i64, digit: &u8| match digit {
            // Capped, so that no number of digits overflows.
            b'0'..=b'9' => Ok((port * 10 + i64::from(digit - b'0')).min(MAX_PORT + 1)),
            _ => Err(ConnectionError::UriPort),
        };
        match self.port.iter().try_fold(0, add)? {
            port @ 0..=MAX_PORT => Ok(Some(port)),
            _ => Err(ConnectionError::UriPortRange),
        }
    }
}

/// `urlsplit` requires both brackets or neither, and an IPv6 (or future) address after the first opening
/// bracket.
pub(super) fn check_brackets(netloc: &[u8]) -> Result<(), ConnectionError> {
    match (text::find(netloc, b'['), text::find(netloc, b']')) {
        (None, None) => Ok(()),
        (Some(_), Some(_)) => {
            let bracketed = text::partition(netloc, b'[').1.unwrap_or_default();
            let (host, _) = text::partition(bracketed, b']');
            if is_bracketed_host(host) { Ok(()) } else { Err(ConnectionError::BracketedHost) }
        }
        _ => Err(ConnectionError::UnpairedBracket),
    }
}

fn is_bracketed_host(host: &[u8]) -> bool {
    match host {
        [b'v', version @ ..] => is_future_address(version),
        _ => is_ipv6(host),
    }
}

/// `v`, hexadecimal digits, a dot, and at least one character (RFC 3986).
fn is_future_address(after_v: &[u8]) -> bool {
    let (version, address) = text::partition(after_v, b'.');
    !version.is_empty()
        && version.iter().all(u8::is_ascii_hexdigit)
        && address.is_some_and(|address| !address.is_empty())
}

/// `ipaddress.IPv6Address`: an address and, after `%`, a zone that is not empty and contains no other `%`.
fn is_ipv6(host: &[u8]) -> bool {
    let (address, zone) = text::partition(host, b'%');
    let is_zone = |zone: &[u8]| !zone.is_empty() && text::find(zone, b'%').is_none();
    let address = std::str::from_utf8(address).ok().and_then(|address| address.parse::<Ipv6Addr>().ok());
    address.is_some() && zone.is_none_or(is_zone)
}

/// `_checknetloc`: a host such as `a℀b` would become another host when a client normalizes it.
pub(super) fn check_normalization(netloc: &[u8]) -> Result<(), ConnectionError> {
    if netloc.is_ascii() {
        return Ok(());
    }
    let mut plain = text::TextBuilder::with_capacity(netloc.len());
    // `_checknetloc` removes these before it normalizes.
    let is_kept = |byte: &&u8| !matches!(byte, b'@' | b':' | b'#' | b'?');
    netloc.iter().filter(is_kept).for_each(|&byte| plain.push_byte(byte));
    // Lone surrogates, which UTF-8 treats as invalid, normalize to themselves and combine with nothing.
    let is_ambiguous = plain
        .as_bytes()
        .utf8_chunks()
        .any(|chunk| chunk.valid().nfkc().any(|character| matches!(character, '/' | '?' | '#' | '@' | ':')));
    if is_ambiguous { Err(ConnectionError::AmbiguousHost) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_location_apart_as_python_does() {
        let netloc = parse(b"a@b:c:d@H%41ost:12:3");
        assert_eq!((netloc.username, netloc.password), (Some(&b"a@b"[..]), Some(&b"c:d"[..])));
        assert_eq!((netloc.host, netloc.port), (&b"H%41ost"[..], &b"12:3"[..]));
        assert_eq!(netloc.lower_host().unwrap(), Text::from("h%41ost"));
        let bracketed = parse(b"x[::1]y:5");
        assert_eq!((bracketed.host, bracketed.port().unwrap()), (&b"::1"[..], Some(5)));
        assert_eq!((parse(b":p@").username, parse(b"h").username), (Some(&b""[..]), None));
    }

    #[test]
    fn ports_are_ascii_digits_up_to_65535() {
        let port = |netloc: &str| parse(netloc.as_bytes()).port();
        assert_eq!(port("h:"), Ok(None));
        assert_eq!(port("h:00065535"), Ok(Some(65_535)));
        assert_eq!(port("h:65536"), Err(ConnectionError::UriPortRange));
        assert_eq!(port(&format!("h:{}", "9".repeat(5000))), Err(ConnectionError::UriPortRange));
        for netloc in ["h:-1", "h:+1", "h: 1", "h:1_0", "h:１", "h:a"] {
            assert_eq!(port(netloc), Err(ConnectionError::UriPort));
        }
    }

    #[test]
    fn brackets_hold_ipv6_only() {
        for good in [
            "[::1]",
            "[1:2:3:4:5:6:7::]",
            "[::ffff:1.2.3.4]:1",
            "[fe80::1%25eth0]",
            "[v1.x]",
            "u@[::]",
            "a[::1]b",
        ] {
            assert_eq!(check_brackets(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "[1.2.3.4]",
            "[h]",
            "[]",
            "[v.x]",
            "[vg.x]",
            "[v1.]",
            "[fe80::1%]",
            "[::1%a%b]",
            "[::01.2.3.4]",
            "]a[b",
        ] {
            assert_eq!(check_brackets(bad.as_bytes()), Err(ConnectionError::BracketedHost), "{bad}");
        }
        assert_eq!(check_brackets(b"[::1"), Err(ConnectionError::UnpairedBracket));
    }

    #[test]
    fn normalization_must_not_make_delimiters() {
        assert_eq!(check_normalization("a\u{2100}b".as_bytes()), Err(ConnectionError::AmbiguousHost));
        assert_eq!(check_normalization("é@ü:１".as_bytes()), Ok(()));
    }
}
