//! The policy that lets a role read, as Conjur loads it.

use std::fmt::Write;

use crate::error::{Error, Result};
use crate::redact::is_harmful;
use crate::store::tools::{PolicyRequest, PolicyTool};

use super::config::LOGIN;

/// Privileges in Conjur are on single variables: there is no rule for all that begin alike.
pub(super) const POLICY: PolicyTool = PolicyTool { check, ..PolicyTool::new(policy) };

/// The role where none is configured.
const ROLE: &str = "airflow";

fn policy(request: &PolicyRequest) -> String {
    let account = request.account.as_deref().or_else(|| request.options.non_empty("account"));
    let of_account = account.map(|account| format!(" of the account {account}")).unwrap_or_default();
    let mut text = format!(
        "# Conjur has privileges on single variables: write a line for each secret in place of ID.\n\
        # Load it into the policy root{of_account}: conjur policy load -b root -f FILE\n"
    );
    let role = role(request);
    if request.options.non_empty(LOGIN.key).is_none() {
        let _ = writeln!(text, "- !host {}", quoted(ROLE));
    }
    let mut branches: Vec<(String, String)> = Vec::new();
    let below = request.prefixes.iter().map(|(_, prefix)| split(prefix, "ID"));
    for branch in below.chain(request.names.iter().map(|name| split(name, ""))) {
        // Kinds may share a prefix.
        if !branches.contains(&branch) {
            branches.push(branch);
        }
    }
    for (number, (branch, variable)) in branches.iter().enumerate() {
        text.push_str(&rule(branch, variable, number + 1, &role, request.manages));
    }
    text
}

/// The policy that a variable is in, and the rest of its id.
fn split(beginning: &str, end: &str) -> (String, String) {
    let (branch, rest) = beginning.rsplit_once('/').unwrap_or(("", beginning));
    (branch.to_owned(), format!("{rest}{end}"))
}

/// Who is permitted: the configured role, a host or a user.
fn role(request: &PolicyRequest) -> String {
    match request.options.non_empty(LOGIN.key) {
        None => format!("!host {}", quoted(&format!("/{ROLE}"))),
        Some(login) => match login.strip_prefix("host/") {
            Some(host) => format!("!host {}", quoted(&format!("/{host}"))),
            None => format!("!user {}", quoted(&format!("/{login}"))),
        },
    }
}

/// The variables of one policy, and the permission to read them.
fn rule(branch: &str, variable: &str, number: usize, role: &str, manages: bool) -> String {
    let privileges = if manages { "[ read, execute, update ]" } else { "[ read, execute ]" };
    let (begin, indent) = match branch {
        "" => (String::new(), ""),
        branch => (format!("- !policy\n  id: {}\n  body:\n", quoted(branch)), "    "),
    };
    let mut text = format!(
        "{begin}{indent}- &secrets-{number}\n{indent}  - !variable {}\n{indent}- !permit\n\
        {indent}  role: {role}\n{indent}  privileges: {privileges}\n{indent}  resources: *secrets-{number}\n",
        quoted(variable)
    );
    // Variables are made and deleted by whoever may load the policy that they are in.
    if manages && !branch.is_empty() {
        let _ = write!(
            text,
            "- !permit\n  role: {role}\n  privileges: [ read, create, update ]\n  resources: !policy {}\n",
            quoted(&format!("/{branch}"))
        );
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What would end a line is no part of a document.
fn check(request: &PolicyRequest) -> Result<()> {
    let written = [
        request.account.as_deref(),
        request.options.non_empty("account"),
        request.options.non_empty(LOGIN.key),
    ];
    let prefixes = request.prefixes.iter().map(|(_, prefix)| prefix.as_str());
    let mut texts =
        written.into_iter().flatten().chain(prefixes).chain(request.names.iter().map(String::as_str));
    if texts.any(|text| text.chars().any(is_harmful)) {
        return Err(Error::config("a name in the policy holds a control character")
            .with_hint("Correct `account`, `login` and the prefixes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::Kind;
    use crate::store::options::Options;

    fn request(prefixes: &[&str], written: &[(&'static str, &str)]) -> PolicyRequest {
        let prefixes = prefixes.iter().map(|prefix| (Kind::Variable, (*prefix).to_owned())).collect();
        PolicyRequest { prefixes, options: Options::of_texts(written), ..PolicyRequest::default() }
    }

    #[test]
    fn reading_is_two_privileges_on_the_variables_of_a_policy() {
        let written = [("account", "acct"), ("login", "host/apps/airflow")];
        insta::assert_snapshot!(policy(&request(&["airflow/variables/", "airflow/variables/"], &written)), @r#"
        # Conjur has privileges on single variables: write a line for each secret in place of ID.
        # Load it into the policy root of the account acct: conjur policy load -b root -f FILE
        - !policy
          id: "airflow/variables"
          body:
            - &secrets-1
              - !variable "ID"
            - !permit
              role: !host "/apps/airflow"
              privileges: [ read, execute ]
              resources: *secrets-1
        "#);
    }

    #[test]
    fn managing_loads_the_policy_and_a_prefix_need_not_end_with_a_slash() {
        let mut asked = request(&["a/v-", ""], &[]);
        (asked.manages, asked.names) = (true, vec!["all/of\"it".to_owned()]);
        insta::assert_snapshot!(policy(&asked), @r#"
        # Conjur has privileges on single variables: write a line for each secret in place of ID.
        # Load it into the policy root: conjur policy load -b root -f FILE
        - !host "airflow"
        - !policy
          id: "a"
          body:
            - &secrets-1
              - !variable "v-ID"
            - !permit
              role: !host "/airflow"
              privileges: [ read, execute, update ]
              resources: *secrets-1
        - !permit
          role: !host "/airflow"
          privileges: [ read, create, update ]
          resources: !policy "/a"
        - &secrets-2
          - !variable "ID"
        - !permit
          role: !host "/airflow"
          privileges: [ read, execute, update ]
          resources: *secrets-2
        - !policy
          id: "all"
          body:
            - &secrets-3
              - !variable "of\"it"
            - !permit
              role: !host "/airflow"
              privileges: [ read, execute, update ]
              resources: *secrets-3
        - !permit
          role: !host "/airflow"
          privileges: [ read, create, update ]
          resources: !policy "/all"
        "#);
    }

    #[test]
    fn a_name_that_would_end_a_line_is_refused() {
        assert!(check(&request(&["a/"], &[("login", "alice")])).is_ok());
        assert!(policy(&request(&["a/"], &[("login", "alice")])).contains("role: !user \"/alice\""));
        assert!(
            check(&request(&["a\n"], &[])).is_err() && check(&request(&[], &[("login", "a\nb")])).is_err()
        );
    }
}
