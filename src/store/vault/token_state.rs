//! What a token reports about itself: how long it lives, whether that can be prolonged, what it may do.

use std::time::Duration;

use crate::redact::Shown;
use crate::store::tools::{Finding, Severity};
use crate::value::json::{Object, Value};

/// The policy that allows everything.
const ROOT: &str = "root";

/// `data` is the answer of `auth/token/lookup-self`; `is_fixed` means that there is never another token,
/// `is_counted` that the login limits its requests. Neither the token nor its accessor is shown.
pub(super) fn state(data: &Object, is_fixed: bool, is_counted: bool) -> Vec<Finding> {
    let policies = ["policies", "identity_policies"].into_iter().filter_map(|key| data.get(key)?.as_array());
    let policies: Vec<&str> = policies.flatten().filter_map(Value::as_str).collect();
    let number =
        |key: &str| data.get(key).and_then(Value::as_i64).and_then(|number| u64::try_from(number).ok());
    let life = Life {
        // Zero means that the token never ends.
        left: number("ttl").filter(|seconds| *seconds > 0).map(Duration::from_secs),
        renewable: data.get("renewable").and_then(Value::as_bool).unwrap_or(false),
    };
    let listed: Vec<String> = policies.iter().map(|policy| Shown(policy).to_string()).collect();
    let text = format!("policies {}; {}", listed.join(", "), life.words());
    let found = [
        Some(Finding::fine("token", text)),
        policies.contains(&ROOT).then(almighty),
        is_fixed.then(|| life.of_written()),
        (is_counted || number("num_uses").is_some_and(|uses| uses > 0)).then(counted),
    ];
    found.into_iter().flatten().collect()
}

struct Life {
    /// `None` for a token that never expires.
    left: Option<Duration>,
    renewable: bool,
}

impl Life {
    fn words(&self) -> String {
        let renewable = if self.renewable { "renewable" } else { "not renewable" };
        match self.left {
            Some(left) => format!("{} s left, {renewable}", left.as_secs()),
            None => "never ends".to_owned(),
        }
    }

    /// Strongroom renews tokens of logins, but not those that were written down. (One in a file may be
    /// renewed by Vault Agent.)
    fn of_written(&self) -> Finding {
        let remedy = "Use a login that gets tokens by itself, such as approle or kubernetes (`strongroom \
        vault approle`), or a `token_path` that Vault Agent keeps";
        let text = match self.left {
            Some(left) => {
                format!("the token was written down: it is not renewed, and it ends in {} s", left.as_secs())
            }
            None => "the token was written down and never ends: it works for its finder until it is revoked"
                .to_owned(),
        };
        Finding::new(Severity::Warning, "token", text, remedy)
    }
}

fn almighty() -> Finding {
    Finding::new(
        Severity::Warning,
        "token",
        "the token has the policy `root`: it may do everything",
        "Give Airflow a token with the policy that `strongroom policy vault` prints, and revoke this one",
    )
}

fn counted() -> Finding {
    Finding::new(
        Severity::Note,
        "token",
        "the token is good for a limited number of requests",
        "Set `token_num_uses` of the role to 0: each new token costs a login",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json::parse;

    fn described(json: &str, is_fixed: bool) -> Vec<String> {
        let json = parse(&Text::from(json)).unwrap();
        let findings = state(json.as_object().unwrap(), is_fixed, false);
        assert!(!format!("{findings:?}").contains("canary"));
        findings.iter().map(|found| format!("{} {}", found.severity.as_str(), found.evidence)).collect()
    }

    #[test]
    fn a_token_of_a_login_is_described_by_policies_and_life() {
        let token = r#"{"id": "canary", "accessor": "canary", "policies": ["default", "p"], "identity_policies": ["q"],
                        "ttl": 3599, "renewable": true, "num_uses": 0}"#;
        assert_eq!(described(token, false), ["ok policies default, p, q; 3599 s left, renewable"]);
        assert_eq!(described(&token.replace(r#""num_uses": 0"#, r#""num_uses": 2"#), false).len(), 2);
    }

    #[test]
    fn tokens_that_are_written_down_and_root_are_warnings() {
        let root = described(r#"{"policies": ["root"], "ttl": 0, "renewable": false}"#, true);
        assert_eq!(
            root,
            [
                "ok policies root; never ends",
                "warning the token has the policy `root`: it may do everything",
                "warning the token was written down and never ends: it works for its finder until it is \
                revoked"
            ]
        );
        let short = described(r#"{"policies": ["p"], "ttl": 60}"#, true);
        assert_eq!(short[1], "warning the token was written down: it is not renewed, and it ends in 60 s");
    }
}
