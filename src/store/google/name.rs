//! Valid names of secrets and projects.
//!
//! Source: `CreateSecretRequest.secret_id` in the discovery document `secretmanager.v1`, and "Creating and
//! managing projects" of Resource Manager. Names are checked before they become part of an address.

use crate::error::{Error, ErrorKind, Result};
use crate::store::SecretName;

const LONGEST: usize = 255;

/// What a valid name looks like.
pub(super) const GRAMMAR: &str = "a name in Secret Manager has 1 to 255 letters, digits, - and _";

/// Whether a name in Secret Manager may hold the character.
pub(super) fn is_letter(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

/// Refuses a name that no secret can have, as the service refuses it for the official class.
pub(super) fn check_name(name: &SecretName) -> Result<()> {
    let text = name.as_str();
    if !text.is_empty() && text.len() <= LONGEST && text.chars().all(is_letter) {
        return Ok(());
    }
    let error = Error::new(ErrorKind::InvalidName, format!("`{name}` can be no name in Secret Manager"));
    Err(error.as_upstream_miss().with_hint(format!("Change the id: {GRAMMAR}")))
}

/// A project's id or number. The id of a project of a domain is `example.com:name`.
pub(super) fn checked_project(project: &str, named_by: &str) -> Result<String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':');
    checked(project, named_by, "a project's id", is_letter)
}

/// A region, such as `europe-west1`.
pub(super) fn checked_location(location: &str) -> Result<String> {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    checked(location, "location", "a region such as europe-west1", is_letter)
}

/// The domain of Google's hosts, such as `googleapis.com`.
pub(super) fn checked_domain(domain: &str) -> Result<String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    checked(domain, "universe_domain", "a domain such as googleapis.com", is_letter)
}

/// The e-mail address or the number of a service account.
pub(super) fn checked_principal(principal: &str) -> Result<String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-._@:+".contains(letter);
    checked(principal, "impersonation_chain", "the e-mail address of a service account", is_letter)
}

fn checked(text: &str, named_by: &str, what: &str, is_letter: impl Fn(char) -> bool) -> Result<String> {
    // The segments `.` and `..` would change the path of the request.
    if !text.is_empty() && text != "." && text != ".." && text.chars().all(is_letter) {
        return Ok(text.to_owned());
    }
    // The text is not shown: it may be a value that belongs into another option, such as a key.
    Err(Error::config(format!("`{named_by}` is not {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_googles() {
        for name in ["a", "A-b_9", &"x".repeat(255)] {
            assert!(check_name(&name.into()).is_ok(), "{name}");
        }
        for name in ["", "a.b", "a/b", "..", "é", "a b", "a\n", "a%2F", &"x".repeat(256)] {
            let error = check_name(&name.into()).unwrap_err();
            assert_eq!((error.kind(), error.is_upstream_miss()), (ErrorKind::InvalidName, true), "{name}");
        }
    }

    #[test]
    fn what_becomes_part_of_an_address_is_checked() {
        assert!(
            checked_project("example.com:my-project", "p").is_ok() && checked_project("123", "p").is_ok()
        );
        assert!(checked_project("../a", "p").is_err() && checked_project("", "p").is_err());
        assert!(checked_project("..", "p").is_err() && checked_location("evil.example/").is_err());
        assert!(checked_location("europe-west1").is_ok() && checked_domain("a/b").is_err());
        assert!(checked_principal("a@p.iam.gserviceaccount.com").is_ok());
        assert!(checked_principal("a/b").is_err());
    }
}
