//! `strongroom policy`: the document that allows what the backend needs and nothing else.

use std::sync::Arc;

use serde_json::json;

use crate::cli::output::Report;
use crate::cli::setup::{Setup, Source, entry_of};
use crate::cli::words::StoreWord;
use crate::error::{Error, Result};
use crate::store::StoreEntry;
use crate::store::convention::{Kind, Lookup};
use crate::store::options::Options;
use crate::store::registry::find;
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
    /// A tag that each secret must have, as KEY=VALUE (AWS). May be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = split_tag)]
    tag: Vec<Tag>,
    /// The id or ARN of a KMS key that secrets are encrypted with (AWS). May be given several times.
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// The account id (AWS), number of the project (Google), resource id of the vault (Azure) or mount (Vault).
    #[arg(long)]
    account: Option<String>,
    /// The region; the configured one, or every one.
    #[arg(long)]
    region: Option<String>,
}

/// What a document allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mode {
    /// Lookups, listing and describing.
    Read,
    /// Creating, changing and deleting too.
    Manage,
}

/// Prints the document. Makes no call.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    arguments.check()?;
    let (document, configured) = document(source, arguments)?;
    let json = serde_json::from_str(&document).unwrap_or_else(|_| json!({"document": document}));
    let warnings = configured.iter().flat_map(Setup::warned).chain(left_out(&document)).collect();
    Ok(Report { warnings, ..Report::done(document, json).exact() })
}

/// What a document could not say stands in it as a comment, which nobody may read.
pub(super) fn left_out(document: &str) -> Option<String> {
    let count = document.lines().filter(|line| line.starts_with("# Left out")).count();
    (count > 0).then(|| format!("warning: {count} rules were left out: the comments in the document say why"))
}

/// What Vault is to allow, for the other commands that print it.
pub(super) fn of_vault(
    source: &Source,
    mode: Mode,
    prefix: &[String],
    mount: Option<&str>,
) -> Result<(String, Option<Setup>)> {
    let arguments = Arguments {
        store: StoreWord::Vault,
        mode,
        prefix: prefix.to_vec(),
        tag: Vec::new(),
        key: Vec::new(),
        account: mount.map(str::to_owned),
        region: None,
    };
    document(source, &arguments)
}

/// The document, and the configuration that it is for.
fn document(source: &Source, arguments: &Arguments) -> Result<(String, Option<Setup>)> {
    let entry = find(arguments.store.name());
    if let Some(entry) = entry.filter(|entry| entry.tools.policy.is_none()) {
        return Err(Error::config(format!(
            "{} has no policy: no service decides who reads it",
            entry.info.title
        ))
        .with_hint("Of files the mode decides: chmod 600, for the user that Airflow runs as"));
    }
    let configured = configured(source, entry, arguments.prefix.is_empty())?;
    let request = PolicyRequest {
        manages: arguments.mode == Mode::Manage,
        prefixes: prefixes(arguments, entry, configured.as_ref())?,
        names: configured.iter().flat_map(bundles).collect(),
        tags: arguments.tag.clone(),
        keys: arguments.key.clone(),
        account: arguments.account.clone(),
        region: arguments.region.clone().or_else(|| region(arguments.store, configured.as_ref()?)),
        options: configured.as_ref().map(|setup| setup.settings.options.clone()).unwrap_or_default(),
    };
    if request.prefixes.is_empty() && request.names.is_empty() && arguments.store != StoreWord::Azure {
        return Err(Error::config("nothing says what the names of the secrets begin with").with_hint(
            "Give --prefix, and for Vault the mount: --account, or --mount of `strongroom vault approle`",
        ));
    }
    if arguments.is_of_aws() {
        refuse_patterns(&request)?;
    }
    let document = match (entry.and_then(|entry| entry.tools.policy), arguments.store) {
        (Some(policy), _) => policy(&request),
        (None, _) => {
            return Err(Error::config(format!("this build has no store `{}`", arguments.store.name())));
        }
    };
    Ok((document, configured))
}

/// The backend that is configured, if it reads this store. A document can be printed without any, but not with the usual
/// prefixes where others are written that cannot be read.
fn configured(source: &Source, entry: Option<&'static StoreEntry>, is_needed: bool) -> Result<Option<Setup>> {
    let Some(chosen) = source.airflow()?.chosen(source.component())? else { return Ok(None) };
    let is_this = |known: &StoreEntry| entry.is_some_and(|entry| entry.info.name == known.info.name);
    if !entry_of(&chosen.class).is_ok_and(is_this) {
        return Ok(None);
    }
    match Setup::from_chosen(chosen) {
        Ok(setup) => Ok(Some(setup)),
        Err(error) if is_needed => Err(error),
        Err(_) => Ok(None),
    }
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
    let convention = match (configured, entry) {
        (Some(setup), _) => Arc::clone(&setup.settings.convention),
        (None, Some(entry)) => (entry.convention)(&Options::default())?,
        (None, None) => return Ok(Vec::new()),
    };
    // Where each id names its mount, the one that is given stands for all.
    let place = arguments.account.as_deref().filter(|_| convention.place_in_id());
    let id = place.map_or_else(String::new, |place| format!("{}/", place.trim_matches('/')));
    let of_kind = |kind| {
        let names = convention.names(Lookup { kind, id: &id, team: None }).into_names();
        names.into_iter().map(move |name| (kind, name.as_str().to_owned()))
    };
    Ok(Kind::ALL.into_iter().flat_map(of_kind).collect())
}

/// Secrets that hold many stand outside the prefixes.
fn bundles(setup: &Setup) -> Vec<String> {
    let names = Kind::ALL.into_iter().filter_map(|kind| setup.settings.bundles.of(kind));
    names.map(|name| name.as_str().to_owned()).collect()
}

fn region(store: StoreWord, setup: &Setup) -> Option<String> {
    let settings = &setup.settings;
    let region = match store {
        StoreWord::Aws | StoreWord::Ssm => {
            let written = settings.options.non_empty("region_name");
            written.or_else(|| settings.environment.non_empty("AWS_DEFAULT_REGION"))
        }
        StoreWord::Gcp => settings.options.non_empty("location"),
        StoreWord::Azure | StoreWord::Vault | StoreWord::Local | StoreWord::Memory => None,
    };
    region.map(str::to_owned)
}

/// IAM takes these letters for patterns and variables. No name of a secret or of a parameter has them ("Quotas" of Secrets
/// Manager and the reference of `PutParameter`), so that a document with them would allow more than what was meant, or nothing.
fn refuse_patterns(request: &PolicyRequest) -> Result<()> {
    let mut names = request.prefixes.iter().map(|(_, prefix)| prefix).chain(&request.names);
    if !names.any(|name| name.contains(['*', '?', '$'])) {
        return Ok(());
    }
    Err(Error::config("the beginning of a name holds `*`, `?` or `$`, which a policy takes for a pattern")
        .with_hint("Names there have letters, digits and /_+=.@- only; a beginning needs no `*` at its end"))
}

impl Arguments {
    /// Whether the document is one of IAM.
    fn is_of_aws(&self) -> bool {
        matches!(self.store, StoreWord::Aws | StoreWord::Ssm)
    }

    /// What a document would leave out without a word, or could not say.
    fn check(&self) -> Result<()> {
        let is_narrowed = !self.tag.is_empty() || !self.key.is_empty();
        if is_narrowed && !self.is_of_aws() {
            return Err(Error::config("`--tag` and `--key` are for the stores of AWS alone")
                .with_hint("Elsewhere the document would allow more than what they say; use `--prefix`"));
        }
        let is_number = |account: &String| account.bytes().all(|byte| byte.is_ascii_digit());
        if self.store == StoreWord::Gcp && !self.account.as_ref().is_none_or(is_number) {
            return Err(Error::config(
                "`--account` is not the number of a project, by which conditions name it",
            )
            .with_hint("`gcloud projects describe PROJECT_ID --format 'value(projectNumber)'` tells it"));
        }
        if self.store == StoreWord::Azure && !self.prefix.is_empty() {
            return Err(Error::config("Key Vault has no condition on names, so `--prefix` cannot be kept")
                .with_hint("A role is for a whole vault: keep Airflow's secrets in a vault of their own"));
        }
        if self.key.iter().any(|key| key.starts_with("alias/") || key.contains(":alias/")) {
            return Err(Error::config("a policy names keys by their id or ARN, and not by an alias")
                .with_hint("`aws kms describe-key --key-id alias/...` tells the id"));
        }
        Ok(())
    }
}

/// Key and value of a tag.
pub(super) type Tag = (String, String);

/// A tag as it is typed.
pub(super) fn split_tag(tag: &str) -> Result<Tag> {
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
