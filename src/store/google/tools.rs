//! What the command line needs to know about Secret Manager.

use crate::redact::Shown;
use crate::store::convention::Convention;
use crate::store::environment::Environment;
use crate::store::kit::checks::{impossible_names, plain_http, unverified};
use crate::store::kit::probe::Probe;
use crate::store::kit::trust::Verify;
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity, Tools};

use super::config::{GoogleSettings, Written};
use super::convention::GoogleConvention;
use super::identity::{Key, Project, Who};
use super::place::ServiceAddress;
use super::policy::POLICY;

/// The part of the entry that lookups do not need.
pub(super) const TOOLS: Tools = Tools {
    official_class: Some("airflow.providers.google.cloud.secrets.secret_manager.CloudSecretManagerBackend"),
    words: &["gcp", "google", "google_secret_manager"],
    about: "Google Secret Manager: roles with conditions",
    lists_tags: true,
    check,
    policy: Some(POLICY),
    ..Tools::NONE
};

/// The only scope that Secret Manager accepts ("OAuth 2.0 scopes" of each method in its reference).
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The option for a key file.
const KEY_PATH: &str = "gcp_key_path";

/// What an open store reports beyond its calls.
pub(super) struct Diagnosis {
    /// The identity that asks.
    pub(super) who: Who,
    /// Asks the service for the time.
    pub(super) probe: Probe,
    /// The project that the user set.
    pub(super) project: Option<String>,
}

impl Diagnosis {
    /// Makes one request, which carries no token. The contents of a key file are known only now; [`check`]
    /// has already reported what the options contain.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let of_file = self.who.key.as_ref().filter(|key| !key.is_inline);
        let of_key = of_file.filter(|key| key.named_by != KEY_PATH).map(static_key);
        let of_project = of_file.and_then(|key| other_project(key, self.project.as_deref()));
        of_key.into_iter().chain(of_project).chain(self.probe.findings().await).collect()
    }

    /// The identity and the place, in words that hold no secret.
    pub(super) fn identity(&self, project: &Project, place: &ServiceAddress) -> String {
        let region = place.region().map(|region| format!(" and region {region}")).unwrap_or_default();
        format!("{} in {}{region} at {}", self.who.words, project.words(), Shown(&self.probe.address))
    }
}

/// Checks options and environment only.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let Ok(settings) = GoogleSettings::read(options) else { return Vec::new() };
    let names = GoogleConvention::new(options).ok();
    let found = [
        keys(&settings),
        anonymous(&settings),
        scopes(&settings),
        environment_project(&settings, environment),
        Verify::read(options, "verify").is_off().then(|| unverified("verify")),
        names.and_then(|convention| impossible_names(&convention as &dyn Convention)),
    ];
    found.into_iter().flatten().chain(inline_project(&settings)).chain(addresses(&settings)).collect()
}

fn keys(settings: &GoogleSettings) -> Option<Finding> {
    match &settings.credentials {
        Written::Content(json, named_by) => Key::of(json, named_by, true).map(|key| static_key(&key)),
        Written::Path(_, KEY_PATH) => {
            Some(static_key(&Key { named_by: KEY_PATH, is_inline: false, id: None, project: None }))
        }
        _ => None,
    }
}

/// The age is unknown, since a key file contains no date.
fn static_key(key: &Key) -> Finding {
    let id = key.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let filter = key
        .id
        .as_ref()
        .map(|id| format!("; `gcloud iam service-accounts keys list` shows when {id} was made"));
    Finding::new(
        Severity::Warning,
        "static_keys",
        format!("a key of a service account{id} comes from {}; its age is not in it", key.named_by),
        format!(
            "Use an attached service account or workload identity federation, or rotate the key{}",
            filter.unwrap_or_default()
        ),
    )
}

fn anonymous(settings: &GoogleSettings) -> Option<Finding> {
    (settings.credentials == Written::Anonymous).then(|| {
        Finding::new(
            Severity::Warning,
            "anonymous",
            "`anonymous` is true: no credentials are sent",
            "Remove it, but for an emulator: Google refuses anonymous requests",
        )
    })
}

fn scopes(settings: &GoogleSettings) -> Option<Finding> {
    let is_enough = settings.scopes.is_empty() || settings.scopes.iter().any(|scope| scope == SCOPE);
    (!is_enough).then(|| {
        Finding::new(
            Severity::Problem,
            "scopes",
            format!("`gcp_scopes` does not hold {SCOPE}, the one that Secret Manager takes"),
            "Add it, or leave `gcp_scopes` out",
        )
    })
}

/// The environment names another project than the options, which take precedence.
fn environment_project(settings: &GoogleSettings, environment: &Environment) -> Option<Finding> {
    let chosen = settings.project.as_deref()?;
    let names = ["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"];
    let (name, other) =
        names.into_iter().find_map(|name| environment.non_empty(name).map(|project| (name, project)))?;
    (other != chosen).then(|| {
        Finding::new(
            Severity::Note,
            "project",
            format!("secrets are read in {chosen}, while {name} says {}", Shown(other)),
            "Check that the secrets are in the first; `project_id` decides",
        )
    })
}

fn inline_project(settings: &GoogleSettings) -> Option<Finding> {
    let Written::Content(json, named_by) = &settings.credentials else { return None };
    let key = Key::of(json, named_by, true)?;
    other_project(&key, settings.project.as_deref())
}

/// This may be intended: an account can be given roles in any project.
fn other_project(key: &Key, chosen: Option<&str>) -> Option<Finding> {
    let (own, chosen) = (key.project.as_deref()?, chosen?);
    (own != chosen).then(|| {
        Finding::new(
            Severity::Note,
            "project",
            format!("secrets are read in {chosen}, while the key from {} is of project {own}", key.named_by),
            "Check that the secrets are in the first; `project_id` decides",
        )
    })
}

fn addresses(settings: &GoogleSettings) -> impl Iterator<Item = Finding> {
    let written = [(&settings.endpoint, "endpoint_url"), (&settings.iam_endpoint, "iam_endpoint_url")];
    written.into_iter().filter_map(|(url, option)| plain_http(url.as_ref()?, option))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;
    use crate::value::Text;
    use crate::value::json::parse;

    fn found(
        options: &[(&'static str, OptionValue)],
        variables: &[(&str, &str)],
    ) -> Vec<(&'static str, Severity)> {
        let mut all = Options::default();
        for (key, value) in options {
            all.set(key, value.clone());
        }
        let environment = Environment::of(variables);
        let found = check(&all, &environment);
        assert!(!format!("{found:?}").contains("canary"), "{found:?}");
        found.iter().map(|finding| (finding.check, finding.severity)).collect()
    }

    fn text(text: &str) -> OptionValue {
        OptionValue::Text(text.to_owned())
    }

    fn json(written: &str) -> OptionValue {
        OptionValue::Json(parse(&Text::from(written)).unwrap())
    }

    #[test]
    fn each_noteworthy_option_is_reported() {
        let key = r#"{"type": "service_account", "project_id": "p", "private_key_id": "k", "private_key": "canary"}"#;
        let of_key = ("gcp_keyfile_dict", OptionValue::Object(parse(&Text::from(key)).unwrap()));
        let warned = Severity::Warning;
        assert_eq!(found(&[], &[]), []);
        assert_eq!(found(std::slice::from_ref(&of_key), &[]), [("static_keys", warned)]);
        let other = ("project_id", text("q"));
        assert_eq!(
            found(&[of_key, other.clone()], &[]),
            [("static_keys", warned), ("project", Severity::Note)]
        );
        assert_eq!(found(&[("gcp_key_path", text("/a.json"))], &[]), [("static_keys", warned)]);
        assert_eq!(found(&[other], &[("GOOGLE_CLOUD_PROJECT", "p")]), [("project", Severity::Note)]);
        assert_eq!(found(&[("verify", OptionValue::Boolean(false))], &[]), [("tls", warned)]);
        let plain = [("endpoint_url", text("http://h")), ("iam_endpoint_url", text("http://h"))];
        assert_eq!(found(&plain, &[]), [("plain_http", warned), ("plain_http", warned)]);
        assert_eq!(found(&[("endpoint_url", text("http://localhost:8080"))], &[]), []);
        let anonymous = [("anonymous", OptionValue::Boolean(true)), ("project_id", text("p"))];
        assert_eq!(found(&anonymous, &[]), [("anonymous", warned)]);
        let scope = [("gcp_scopes", json(r#""https://www.googleapis.com/auth/devstorage.read_only""#))];
        assert_eq!(found(&scope, &[]), [("scopes", Severity::Problem)]);
        assert_eq!(found(&[("variables_prefix", text("a/b"))], &[]), [("names", Severity::Problem)]);
    }
}
