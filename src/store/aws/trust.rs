//! Which certificates the service and STS are verified with.
//!
//! Sources: botocore/session.py (`ca_bundle`: `AWS_CA_BUNDLE`, then the profile's), botocore/endpoint.py
//! (`REQUESTS_CA_BUNDLE` after those), and the Amazon provider, which passes `verify` to the service but not
//! to STS.

use crate::http::Roots;
use crate::store::aws::config::AwsSettings;
use crate::store::aws::profile::Profiles;
use crate::store::environment::Environment;
use crate::store::kit::trust::{Named, Trust, Verify, variables};

/// What the service's certificate is verified with.
pub(super) fn service_roots(settings: &AwsSettings, profiles: &Profiles, environment: &Environment) -> Roots {
    // In boto3 `true` means the built-in list, whatever environment and profile contain.
    let is_built_in = settings.verify == Verify::Flag(true);
    let others = if is_built_in { Vec::new() } else { others(profiles, environment) };
    Trust { ca_bundle: settings.ca_bundle.as_deref(), verify: (&settings.verify, "verify"), others }
        .roots(environment)
}

/// What the certificates of STS and SSO are verified with.
pub(super) fn identity_roots(
    settings: &AwsSettings,
    profiles: &Profiles,
    environment: &Environment,
) -> Roots {
    let others = others(profiles, environment);
    Trust { ca_bundle: settings.ca_bundle.as_deref(), verify: (&Verify::Unset, "verify"), others }
        .roots(environment)
}

fn others<'text>(profiles: &'text Profiles, environment: &'text Environment) -> Vec<Named<'text>> {
    let [own, of_requests] = variables(environment, ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"]);
    vec![own, (profiles.get("ca_bundle"), "ca_bundle of the AWS profile"), of_requests]
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::store::aws::profile::tests::profiles;
    use crate::store::options::{OptionValue, Options};

    fn roots(
        options: &[(&'static str, OptionValue)],
        variables: &[(&str, &str)],
        config: &str,
    ) -> (Roots, Roots) {
        let mut all = Options::default();
        for (key, value) in options {
            all.set(key, value.clone());
        }
        let environment = Environment::of(variables);
        let settings = AwsSettings::read(&all, &environment, "s").unwrap();
        let profiles = profiles("default", config, "");
        (
            service_roots(&settings, &profiles, &environment),
            identity_roots(&settings, &profiles, &environment),
        )
    }

    fn file(path: &str, named_by: &'static str) -> Roots {
        Roots::Bundle { path: PathBuf::from(path), named_by }
    }

    #[test]
    fn the_first_that_is_set_is_used() {
        let config = "[default]\nca_bundle = /p\n";
        let all = [("AWS_CA_BUNDLE", "/a"), ("REQUESTS_CA_BUNDLE", "/r"), ("SSL_CERT_FILE", "/s")];
        let option = [("ca_bundle", OptionValue::Text("/o".to_owned()))];
        let both = |roots: Roots| (roots.clone(), roots);
        assert_eq!(roots(&option, &all, config), both(file("/o", "ca_bundle")));
        assert_eq!(roots(&[], &all, config), both(file("/a", "AWS_CA_BUNDLE")));
        assert_eq!(roots(&[], &all[1..], config), both(file("/p", "ca_bundle of the AWS profile")));
        assert_eq!(roots(&[], &all[1..], ""), both(file("/r", "REQUESTS_CA_BUNDLE")));
        assert_eq!(roots(&[], &all[2..], ""), both(Roots::MozillaAnd { path: PathBuf::from("/s") }));
        assert_eq!(roots(&[], &[], ""), both(Roots::Mozilla));
        assert_eq!(
            roots(&[("ca_bundle", OptionValue::Text("system".to_owned()))], &all, ""),
            both(Roots::System)
        );
    }

    #[test]
    fn verify_is_for_the_service_alone() {
        let environment = [("AWS_CA_BUNDLE", "/a")];
        let sts = file("/a", "AWS_CA_BUNDLE");
        let flag = |flag| [("verify", OptionValue::Boolean(flag))];
        assert_eq!(roots(&flag(false), &environment, ""), (Roots::Unverified, sts.clone()));
        assert_eq!(roots(&flag(true), &environment, ""), (Roots::Mozilla, sts.clone()));
        assert_eq!(
            roots(&[("verify", OptionValue::Text("/v".to_owned()))], &environment, ""),
            (file("/v", "verify"), sts)
        );
    }
}
