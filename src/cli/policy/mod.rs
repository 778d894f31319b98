//! `strongroom policy`: the document that allows what the backend needs and nothing else.

mod elsewhere;

use serde_json::json;

use crate::cli::output::Report;
use crate::cli::setup::{Setup, Source};
use crate::error::{Error, Result};
use crate::store::convention::{Kind, Lookup};
use crate::store::options::Options;
use crate::store::registry::{StoreEntry, find};
use crate::store::tools::PolicyRequest;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The store that the document is for.
    store: StoreWord,
    /// What is to be allowed: what lookups and this command line read, or writing too.
    #[arg(long, default_value = "read")]
    mode: Mode,
    /// The beginning of names, in place of the configured prefixes. May be given several times.
    #[arg(long, value_name = "PREFIX")]
    prefix: Vec<String>,
    /// A tag that each secret must have, as KEY=VALUE. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    tag: Vec<String>,
    /// The id or ARN of a key that secrets are encrypted with. May be given several times.
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// The account id (AWS), project (Google), resource id of the vault (Azure) or mount (Vault).
    #[arg(long)]
    account: Option<String>,
    /// The region; the configured one, or every one.
    #[arg(long)]
    region: Option<String>,
}

/// The stores by the words that people use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StoreWord {
    /// AWS Secrets Manager: an IAM policy.
    Aws,
    /// AWS SSM Parameter Store: an IAM policy.
    Ssm,
    /// Google Secret Manager: roles with conditions.
    Gcp,
    /// Azure Key Vault: role assignments.
    Azure,
    /// Vault or OpenBao: HCL.
    Vault,
}

/// What a document allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// Lookups, listing and describing.
    Read,
    /// Creating, changing and deleting too.
    Manage,
}

impl StoreWord {
    /// The name in the registry.
    const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws_secrets_manager",
            Self::Ssm => "aws_systems_manager",
            Self::Gcp => "google_secret_manager",
            Self::Azure => "azure_key_vault",
            Self::Vault => "hashicorp_vault",
        }
    }
}

/// Prints the document. Makes no call.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let entry = find(arguments.store.name());
    let configured = configured(source, entry)?;
    let request = PolicyRequest {
        manages: arguments.mode == Mode::Manage,
        prefixes: prefixes(arguments, entry, configured.as_ref())?,
        names: configured.iter().flat_map(bundles).collect(),
        tags: arguments.tag.iter().map(|tag| split_tag(tag)).collect::<Result<_>>()?,
        keys: arguments.key.clone(),
        account: arguments.account.clone(),
        region: region(arguments, configured.as_ref()),
    };
    let document = match (entry.and_then(|entry| entry.tools.policy), arguments.store) {
        (Some(policy), _) => policy(&request),
        (None, StoreWord::Gcp) => elsewhere::google(&request),
        (None, StoreWord::Azure) => elsewhere::azure(&request),
        (None, StoreWord::Vault) => elsewhere::vault(&request),
        (None, StoreWord::Aws | StoreWord::Ssm) => {
            return Err(Error::config(format!("this build has no store `{}`", arguments.store.name())));
        }
    };
    let json = serde_json::from_str(&document).unwrap_or_else(|_| json!({"document": document}));
    Ok(Report::done(document, json))
}

/// The backend that is configured, if it reads this store. A document can be printed without any.
fn configured(source: &Source, entry: Option<&'static StoreEntry>) -> Result<Option<Setup>> {
    let airflow = source.airflow()?;
    let Some(chosen) = airflow.chosen(source.component())? else { return Ok(None) };
    let setup = Setup::from_chosen(chosen).ok();
    Ok(setup.filter(|setup| entry.is_some_and(|entry| entry.info.name == setup.entry.info.name)))
}

/// Those asked for, else those configured, else those that apply where nothing is written.
fn prefixes(
    arguments: &Arguments,
    entry: Option<&'static StoreEntry>,
    configured: Option<&Setup>,
) -> Result<Vec<(Kind, String)>> {
    if !arguments.prefix.is_empty() {
        return Ok(arguments.prefix.iter().map(|prefix| (Kind::Connection, prefix.clone())).collect());
    }
    if let Some(setup) = configured {
        return Ok(Kind::ALL.into_iter().filter_map(|kind| Some((kind, setup.prefix(kind)?))).collect());
    }
    let Some(entry) = entry else { return Ok(elsewhere::usual_prefixes(arguments.store)) };
    let convention = (entry.convention)(&Options::default())?;
    let prefix = |kind| {
        let names = convention.names(Lookup { kind, id: "", team: None }).into_names();
        Some((kind, names.first()?.as_str().to_owned()))
    };
    Ok(Kind::ALL.into_iter().filter_map(prefix).collect())
}

/// Secrets that hold many stand outside the prefixes.
fn bundles(setup: &Setup) -> Vec<String> {
    let names = Kind::ALL.into_iter().filter_map(|kind| setup.settings.bundles.of(kind));
    names.map(|name| name.as_str().to_owned()).collect()
}

fn region(arguments: &Arguments, configured: Option<&Setup>) -> Option<String> {
    let written = configured.and_then(|setup| {
        let settings = &setup.settings;
        let region = settings.options.non_empty("region_name");
        region.or_else(|| settings.environment.non_empty("AWS_DEFAULT_REGION"))
    });
    arguments.region.clone().or_else(|| written.map(str::to_owned))
}

fn split_tag(tag: &str) -> Result<(String, String)> {
    let (key, value) = tag.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        Error::config("a tag is written as KEY=VALUE").with_hint("Such as --tag AirbyteManaged=true")
    })?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_a_key_and_a_value() {
        assert_eq!(split_tag("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        assert!(split_tag("a").is_err() && split_tag("=b").is_err());
    }
}
