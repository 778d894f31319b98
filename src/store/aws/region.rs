//! The region: option, `AWS_DEFAULT_REGION`, profile, and only then `AWS_REGION`.
//!
//! boto3 does not read `AWS_REGION`. Preferring it, as the AWS SDKs do, could read another region's secret on
//! a machine that sets both; reading it last answers where boto3 raises "You must specify a region".

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::aws::config::AwsSettings;
use crate::store::aws::profile::Profiles;
use crate::store::environment::Environment;

/// The region of the service. It is a `Config` error if there is none, or if it cannot be part of a host
/// name.
pub(super) fn service_region(
    settings: &AwsSettings,
    profiles: &Profiles,
    environment: &Environment,
) -> Result<String> {
    let candidates = [
        settings.region.as_deref(),
        environment.non_empty("AWS_DEFAULT_REGION"),
        profiles.get("region"),
        settings.client.region.as_deref(),
        environment.non_empty("AWS_REGION"),
    ];
    let region = candidates.into_iter().flatten().next().ok_or_else(missing)?;
    checked(region)
}

/// The region of STS: that of `config_kwargs`, which the official class passes to this client only, else the
/// service's.
pub(super) fn sts_region(settings: &AwsSettings, service_region: &str) -> Result<String> {
    checked(settings.client.region.as_deref().unwrap_or(service_region))
}

fn missing() -> Error {
    Error::config("no AWS region is configured")
        .with_hint("Set `region_name` in backend_kwargs, AWS_DEFAULT_REGION, or `region` in the AWS profile")
}

/// The region becomes part of the host name, so it must not contain anything that could name another host.
pub(super) fn checked(region: &str) -> Result<String> {
    let valid = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && region.len() <= 63;
    if !valid {
        return Err(Error::config(format!("`{}` is not the name of an AWS region", Shown(region)))
            .with_hint("Regions look like eu-central-1"));
    }
    Ok(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aws::profile::tests::profiles;
    use crate::store::aws::words::tests::json;
    use crate::store::options::{OptionValue, Options};

    fn region(
        options: &[(&'static str, OptionValue)],
        variables: &[(&str, &str)],
        config: &str,
    ) -> Result<String> {
        let mut all = Options::default();
        for (key, value) in options {
            all.set(key, value.clone());
        }
        let environment = Environment::of(variables);
        let settings = AwsSettings::read(&all, &environment, "s").unwrap();
        service_region(&settings, &profiles("default", config, ""), &environment)
    }

    #[test]
    fn the_order_is_boto3s_with_aws_region_last() {
        let option = [("region_name", OptionValue::Text("a-1".to_owned()))];
        let words = [("config_kwargs", OptionValue::Object(json(r#"{"region_name": "d-1"}"#)))];
        let both = [("AWS_DEFAULT_REGION", "b-1"), ("AWS_REGION", "e-1")];
        let last = [("AWS_DEFAULT_REGION", ""), ("AWS_REGION", "e-1")];
        let config = "[default]\nregion = c-1\n";
        assert_eq!(region(&option, &both, config).unwrap(), "a-1");
        assert_eq!(region(&words, &both, config).unwrap(), "b-1");
        assert_eq!(region(&words, &last, config).unwrap(), "c-1");
        assert_eq!(region(&words, &last, "").unwrap(), "d-1");
        assert_eq!(region(&[], &last, "").unwrap(), "e-1");
    }

    #[test]
    fn a_missing_and_an_invalid_region_say_what_to_do() {
        insta::assert_snapshot!(region(&[], &[], "").unwrap_err(), @"no AWS region is configured. Set \
        `region_name` in backend_kwargs, AWS_DEFAULT_REGION, or `region` in the AWS profile");
        let evil = [("region_name", OptionValue::Text("x.evil.example/".to_owned()))];
        insta::assert_snapshot!(region(&evil, &[], "").unwrap_err(), @"`x.evil.example/` is not the name of \
        an AWS region. Regions look like eu-central-1");
    }
}
