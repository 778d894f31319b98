//! The cookies of a session, as far as a service needs them to know a client again.

use std::fmt;

use http::HeaderValue;
use http::header::SET_COOKIE;
use zeroize::Zeroizing;

use crate::store::kit::answer::Answer;
use crate::store::kit::rest::secret_header;

/// Names and values of cookies. All go to the one address that set them, so paths and domains play no part.
#[derive(Clone, Default)]
pub struct Cookies(Vec<(String, Zeroizing<String>)>);

impl Cookies {
    /// Keeps what an answer sets. A cookie without a value is one that the service takes back.
    pub fn keep(&mut self, answer: &Answer) {
        for (name, value) in answer.headers.get_all(SET_COOKIE).iter().filter_map(pair) {
            self.0.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.0.push((name.to_owned(), Zeroizing::new(value.to_owned())));
            }
        }
    }

    /// The header that sends them; `None` if there are none.
    pub fn header(&self) -> Option<HeaderValue> {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={}", **value)).collect();
        let joined = Zeroizing::new(pairs.join("; "));
        secret_header(&joined).filter(|_| !pairs.is_empty())
    }
}

/// Name and value at the beginning of a `Set-Cookie` (RFC 6265, section 5.2).
fn pair(header: &HeaderValue) -> Option<(&str, &str)> {
    let (name, value) = header.to_str().ok()?.split(';').next()?.split_once('=')?;
    Some((name.trim(), value.trim())).filter(|(name, _)| !name.is_empty())
}

/// Leaves out the values.
impl fmt::Debug for Cookies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(cookies: &mut Cookies, header: &str) -> Option<String> {
        cookies.keep(&Answer::of(200, &[("set-cookie", header)], ""));
        cookies.header().map(|header| header.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_last_value_of_each_name_is_sent() {
        let mut cookies = Cookies::default();
        assert!(cookies.header().is_none());
        assert_eq!(kept(&mut cookies, "a=1; path=/; secure; HttpOnly").as_deref(), Some("a=1"));
        assert_eq!(kept(&mut cookies, " b = x=y ;Max-Age=9").as_deref(), Some("a=1; b=x=y"));
        assert_eq!(kept(&mut cookies, "a=2").as_deref(), Some("b=x=y; a=2"));
        for odd in ["canary", "=canary", ""] {
            assert_eq!(kept(&mut cookies, odd).as_deref(), Some("b=x=y; a=2"), "{odd}");
        }
        assert_eq!(kept(&mut cookies, "b=; expires=Thu, 01 Jan 1970 00:00:00 GMT").as_deref(), Some("a=2"));
    }

    #[test]
    fn no_value_is_shown() {
        let mut cookies = Cookies::default();
        kept(&mut cookies, "session=canary");
        assert_eq!(format!("{cookies:?} {:?}", cookies.header()), r#"["session"] Some(Sensitive)"#);
    }
}
