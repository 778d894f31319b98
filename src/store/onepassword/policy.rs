//! The command that makes a token which may do what a backend needs.
//!
//! Source: the README of `1Password/connect`. A token is for whole vaults and has no condition on titles.

use crate::error::{Error, Result};
use crate::redact::shell_word;
use crate::store::tools::{PolicyRequest, PolicyTool};

use super::config::vault_of;

/// A token is for whole vaults, so names are not needed.
pub(super) const POLICY: PolicyTool =
    PolicyTool { check_asked, without_names: None, ..PolicyTool::new(command) };

fn check_asked(request: &PolicyRequest) -> Result<()> {
    request.refuse_tags_and_keys()?;
    if request.prefixes.is_empty() {
        return Ok(());
    }
    Err(Error::config("a token of a Connect server has no condition on titles, so `--prefix` cannot be kept")
        .with_hint("A token is for whole vaults: keep Airflow's items in a vault of their own"))
}

/// The command, with placeholders for what is not known.
fn command(request: &PolicyRequest) -> String {
    let vault = request.account.as_deref().or_else(|| vault_of(&request.options)).unwrap_or("VAULT");
    let rights = if request.manages { "rw" } else { "r" };
    let scope = shell_word(&format!("{vault},{rights}"));
    format!("op connect token create airflow --server SERVER --vault {scope}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::Options;

    #[test]
    fn a_token_is_for_one_vault() {
        let written = |manages, account: Option<&str>, vault: &str| {
            let options = Options::of_texts(&[("vault", vault)]);
            command(&PolicyRequest {
                manages,
                account: account.map(str::to_owned),
                options,
                ..Default::default()
            })
        };
        let begin = "op connect token create airflow --server SERVER --vault";
        assert_eq!(written(false, None, ""), format!("{begin} 'VAULT,r'\n"));
        assert_eq!(written(true, None, "Air flow"), format!("{begin} 'Air flow,rw'\n"));
        assert_eq!(written(false, Some("Other"), "Airflow"), format!("{begin} 'Other,r'\n"));
    }

    #[test]
    fn what_a_token_cannot_be_limited_to_is_refused() {
        assert!(check_asked(&PolicyRequest::default()).is_ok());
        let prefixes = vec![(crate::store::convention::Kind::Variable, "a".to_owned())];
        let error = check_asked(&PolicyRequest { prefixes, ..Default::default() }).unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("a vault of their own")), "{error}");
    }
}
