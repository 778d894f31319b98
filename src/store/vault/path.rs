//! Paths as hvac sends them, so that a name means the same secret as before.
//!
//! Source: hvac 2.4.0, `utils.format_url` (percent-encoding) and `adapters.Adapter` (`//` collapsed, outer
//! slashes dropped).

use std::fmt::Write;

/// `path` with `//` collapsed and without slashes at its ends.
pub(super) fn collapse(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    segments.join("/")
}

/// `path` percent-encoded as Python's `urllib.parse.quote` does it.
pub(super) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Why `path` is never sent. A URL drops `.` and `..`, so another path than the intended one would be
/// requested, maybe outside the mount; control characters forge lines in the server's logs and in ours.
pub(super) fn fault(path: &str) -> Option<&'static str> {
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        Some("a path segment is `.` or `..`")
    } else if path.chars().any(char::is_control) {
        Some("it holds a control character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_hvac() {
        for (written, sent) in [("/a//b/", "a/b"), ("x//y/", "x/y"), ("", ""), ("///", ""), (" a", " a")] {
            assert_eq!(collapse(written), sent);
        }
        assert_eq!(encode("a b#é%/c"), "a%20b%23%C3%A9%25/c");
        assert_eq!(encode("A-z_0.9~?&+:@=!"), "A-z_0.9~%3F%26%2B%3A%40%3D%21");
    }

    #[test]
    fn a_path_that_would_become_another_is_never_sent() {
        assert!(fault("secret/../sys").is_some() && fault("a/./b").is_some() && fault("..").is_some());
        assert!(fault("a\nb").is_some() && fault("a\u{7f}").is_some());
        assert!(fault("a/...").is_none() && fault(".a/b..").is_none() && fault("%2e%2e").is_none());
    }
}
