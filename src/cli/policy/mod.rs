//! `strongroom policy`: the document that allows what the backend needs and nothing else.

use std::sync::Arc;

use serde_json::json;

use crate::backend::chain::CHAIN;
use crate::cli::output::Report;
use crate::cli::setup::{Setup, Source, entry_of};
use crate::cli::words::StoreWord;
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::StoreEntry;
use crate::store::convention::{Kind, Lookup};
use crate::store::options::Options;
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
    /// The account id (AWS), number of the project (Google), resource id of the vault (Azure), mount (Vault),
    /// namespace (Kubernetes), vault (1Password) or account (Conjur).
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
    // Not every document is JSON.
    let json = serde_json::from_str(&document).unwrap_or_else(|_| json!({"document": document}));
    let warnings = configured.iter().flat_map(Setup::warned).chain(left_out(&document)).collect();
    Ok(Report { warnings, ..Report::done(document, json).exact() })
}

/// Rules that a document cannot express appear in it as comments, which may be overlooked.
pub(super) fn left_out(document: &str) -> Option<String> {
    let count = document.lines().filter(|line| line.starts_with("# Left out")).count();
    (count > 0).then(|| format!("warning: {count} rules were left out: the comments in the document say why"))
}

/// The document of a store, for other commands that print it.
pub(super) fn of_store(
    source: &Source,
    entry: &'static StoreEntry,
    mode: Mode,
    prefix: &[String],
    account: Option<&str>,
) -> Result<(String, Option<Setup>)> {
    let arguments = Arguments {
        store: StoreWord(entry),
        mode,
        prefix: prefix.to_vec(),
        tag: Vec::new(),
        key: Vec::new(),
        account: account.map(str::to_owned),
        region: None,
    };
    document(source, &arguments)
}

/// The document, and the configuration that it is for.
fn document(source: &Source, arguments: &Arguments) -> Result<(String, Option<Setup>)> {
    let entry = arguments.store.0;
    let Some(policy) = entry.tools.policy else {
        let (why, hint) = entry.tools.without_policy;
        return Err(Error::config(format!("{} has no policy: {why}", entry.info.title)).with_hint(hint));
    };
    let configured = configured(source, entry, arguments.prefix.is_empty())?;
    let region = || {
        let settings = &configured.as_ref()?.settings;
        (policy.region)(&settings.options, &settings.environment)
    };
    let request = PolicyRequest {
        prefixes: prefixes(arguments, entry, configured.as_ref())?,
        names: configured.iter().flat_map(bundles).collect(),
        region: arguments.region.clone().or_else(region),
        options: configured.as_ref().map(|setup| setup.settings.options.clone()).unwrap_or_default(),
        ..arguments.asked()
    };
    if request.prefixes.is_empty()
        && request.names.is_empty()
        && let Some(hint) = policy.without_names
    {
        return Err(Error::config("nothing says what the names of the secrets begin with").with_hint(hint));
    }
    (policy.check)(&request)?;
    Ok(((policy.write)(&request), configured))
}

/// The backend that is configured, if it reads this store. A document can be printed without a configuration,
/// but not with default prefixes if the configured ones cannot be read.
fn configured(source: &Source, entry: &StoreEntry, is_needed: bool) -> Result<Option<Setup>> {
    let Some(chosen) = source.airflow()?.chosen(source.component())? else { return Ok(None) };
    let can_be_this = |known: &StoreEntry| [entry.info.name, CHAIN.info.name].contains(&known.info.name);
    if !entry_of(&chosen.class).is_ok_and(can_be_this) {
        return Ok(None);
    }
    match Setup::from_chosen(chosen) {
        Ok(setup) if setup.settings.chain.is_some() => member(&setup, entry, is_needed),
        Ok(setup) => Ok(Some(setup)),
        Err(error) if is_needed => Err(error),
        Err(_) => Ok(None),
    }
}

/// The member of a chain that reads this store. Which one is meant cannot be guessed if there are several.
fn member(chain: &Setup, entry: &StoreEntry, is_needed: bool) -> Result<Option<Setup>> {
    let mut members = chain.members();
    members.retain(|(_, member)| member.entry.info.name == entry.info.name);
    if members.len() > 1 && is_needed {
        let names: Vec<_> = members.iter().map(|(name, _)| format!("`{}`", Shown(name))).collect();
        let message = format!("{} of the chain read this store", names.join(", "));
        return Err(Error::config(message).with_hint(
            "Give the prefixes, or an airflow.cfg that names the class of one of them: --config FILE",
        ));
    }
    let only = members.pop().filter(|_| members.is_empty());
    Ok(only.map(|(_, member)| member))
}

/// The prefixes that were given, or else the configured ones, or else the defaults.
fn prefixes(
    arguments: &Arguments,
    entry: &StoreEntry,
    configured: Option<&Setup>,
) -> Result<Vec<(Kind, String)>> {
    let asked = arguments.asked().prefixes;
    if !asked.is_empty() {
        return Ok(asked);
    }
    let convention = match configured {
        Some(setup) => Arc::clone(&setup.settings.convention),
        None => (entry.convention)(&Options::default())?,
    };
    // If each id names its mount, the given mount is used for all.
    let place = arguments.account.as_deref().filter(|_| convention.place_in_id());
    let id = place.map_or_else(String::new, |place| format!("{}/", place.trim_matches('/')));
    let of_kind = |kind| {
        let names = convention.names(Lookup { kind, id: &id, team: None }).into_names();
        names.into_iter().map(move |name| (kind, name.as_str().to_owned()))
    };
    Ok(Kind::ALL.into_iter().flat_map(of_kind).collect())
}

/// Bundles, which are outside the prefixes.
fn bundles(setup: &Setup) -> Vec<String> {
    let names = Kind::ALL.into_iter().filter_map(|kind| setup.settings.bundles.of(kind));
    names.map(|name| name.as_str().to_owned()).collect()
}

impl Arguments {
    /// The part of the request from the command line alone.
    fn asked(&self) -> PolicyRequest {
        PolicyRequest {
            manages: self.mode == Mode::Manage,
            prefixes: self.prefix.iter().map(|prefix| (Kind::Connection, prefix.clone())).collect(),
            tags: self.tag.clone(),
            keys: self.key.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            ..PolicyRequest::default()
        }
    }

    /// Refuses what a document would silently leave out, or cannot express.
    fn check(&self) -> Result<()> {
        let policy = self.store.0.tools.policy;
        let check = policy
            .map_or(PolicyRequest::refuse_tags_and_keys as fn(&PolicyRequest) -> Result<()>, |policy| {
                policy.check_asked
            });
        check(&self.asked())
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
