//! What is noteworthy in the configuration of every AWS store.

use crate::http::{is_loopback, web_address};
use crate::store::aws::config::AwsSettings;
use crate::store::aws::role::RoleMethod;
use crate::store::environment::Environment;
use crate::store::kit::checks::unverified;
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity};

/// Checks options and environment only.
pub(super) fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let Ok(settings) = AwsSettings::read(options, environment, "") else { return Vec::new() };
    let unverified = settings.verify.is_off().then(|| unverified("verify"));
    let found = [keys(&settings, environment), region(&settings, environment), unverified];
    found.into_iter().flatten().chain(address(&settings)).collect()
}

fn keys(settings: &AwsSettings, environment: &Environment) -> Option<Finding> {
    let written = settings.keys.access_key_id.is_some();
    let place = if written { "backend_kwargs" } else { "the environment" };
    let temporary = if written {
        settings.keys.session_token.is_some()
    } else {
        environment.non_empty("AWS_SESSION_TOKEN").is_some()
    };
    // Web identity uses a token file, so these keys are not used.
    let of_web_identity =
        settings.role.as_ref().is_some_and(|role| matches!(role.method, RoleMethod::WebIdentity(_)));
    if of_web_identity || !(written || environment.non_empty("AWS_ACCESS_KEY_ID").is_some()) {
        return None;
    }
    let (what, remedy) = if temporary {
        ("a temporary key is", "It is not renewed there: use a role or a profile that renews itself")
    } else {
        (
            "a long-lived access key is",
            "Use a role (instance, pod or role_arn), or rotate the key; `aws iam list-access-keys` shows how \
            old it is",
        )
    };
    Some(Finding::new(Severity::Warning, "static_keys", format!("{what} in {place}"), remedy))
}

/// boto3 and the other SDKs read different variables for the region.
fn region(settings: &AwsSettings, environment: &Environment) -> Option<Finding> {
    let chosen = settings.region.as_deref().or(environment.non_empty("AWS_DEFAULT_REGION"))?;
    let other = environment.non_empty("AWS_REGION").filter(|other| *other != chosen)?;
    Some(Finding::new(
        Severity::Warning,
        "region",
        format!("secrets are read in {chosen}, while AWS_REGION says {other}"),
        "Check that the secrets are where they are looked for; `region_name` decides, then \
        AWS_DEFAULT_REGION",
    ))
}

fn address(settings: &AwsSettings) -> Option<Finding> {
    let is_near = |url: &str| web_address(url).is_some_and(|url| is_loopback(&url));
    let is_open = |url: &str| url.to_ascii_lowercase().starts_with("http://") && !is_near(url);
    let is_plain = settings.endpoint_url.as_deref().map_or(!settings.use_ssl, is_open);
    is_plain.then(|| {
        Finding::new(
            Severity::Warning,
            "plain_http",
            "secrets come over plain http, readable on the way",
            "Use an https address, but for a server on this very machine",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn found(pairs: &[(&'static str, OptionValue)], variables: &[(&str, &str)]) -> Vec<String> {
        let mut options = Options::default();
        for (key, value) in pairs {
            options.set(key, value.clone());
        }
        let environment = Environment::of(variables);
        check(&options, &environment)
            .iter()
            .map(|found| format!("{}: {}", found.check, found.evidence))
            .collect()
    }

    fn text(value: &str) -> OptionValue {
        OptionValue::Text(value.to_owned())
    }

    #[test]
    fn keys_that_are_not_renewed_are_reported() {
        let pair = [("aws_access_key_id", text("canary")), ("aws_secret_access_key", text("canary"))];
        assert_eq!(found(&pair, &[]), ["static_keys: a long-lived access key is in backend_kwargs"]);
        let of_environment = [("AWS_ACCESS_KEY_ID", "canary"), ("AWS_SESSION_TOKEN", "canary")];
        assert_eq!(found(&[], &of_environment), ["static_keys: a temporary key is in the environment"]);
        assert!(found(&[], &[]).is_empty());
    }

    #[test]
    fn two_regions_unverified_certificates_and_plain_http_are_reported() {
        let regions = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "us-east-1")];
        assert_eq!(
            found(&[], &regions),
            ["region: secrets are read in us-east-1, while AWS_REGION says eu-west-1"]
        );
        assert!(found(&[("region_name", text("eu-west-1"))], &regions).is_empty());
        let open = [("verify", OptionValue::Boolean(false)), ("endpoint_url", text("HTTP://h"))];
        assert_eq!(found(&open, &[]).len(), 2);
        for near in ["https://h", "http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"] {
            assert!(found(&[("endpoint_url", text(near))], &[]).is_empty(), "{near}");
        }
    }
}
