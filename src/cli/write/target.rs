//! The store that is changed, and what is asked before that.

use std::io::{self, BufRead, IsTerminal, Write};

use serde_json::json;

use crate::backend::{Changed, Route};
use crate::cli::output::{NO, Report, USAGE, error_as_json};
use crate::cli::setup::{Client, Setup, Source};
use crate::cli::subject::route;
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::convention::Lookup;

/// The options of every command that changes secrets.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct WriteOptions {
    /// The member of a chain that is changed; may be left out where one member has `"default": true`.
    #[arg(long, value_name = "MEMBER")]
    store: Option<String>,
    /// Show what would be done, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask: replace or delete what is there.
    #[arg(long)]
    pub(super) yes: bool,
}

/// A secret in a store that can be changed.
pub(super) struct Target {
    /// The member, in a chain.
    pub(super) member: Option<String>,
    pub(super) setup: Setup,
    pub(super) client: Client,
    pub(super) route: Route,
    /// Lines for the standard error.
    pub(super) warnings: Vec<String>,
}

impl Target {
    /// The place of `lookup` in the store that the options name. Makes no call.
    pub(super) fn of(source: &Source, options: &WriteOptions, lookup: Lookup<'_>) -> Result<Self> {
        let airflow = source.airflow()?;
        let whole = Setup::of(&airflow, source.component())?;
        let warnings = whole.warned();
        let (member, setup) = chosen(whole, options.store.as_deref())?;
        if let Some(skipped) = setup.settings.routing.passes_over(lookup)? {
            let text = format!("no lookup of it reaches this member: {}", skipped.reason(lookup.kind));
            return Err(Error::config(text).with_hint("Name another member with --store"));
        }
        let route = route(&setup, &airflow, lookup).map_err(|unasked| unasked.into_error(&setup))?;
        let client = setup.open()?;
        client.backend.check_writable()?;
        Ok(Self { member, setup, client, route, warnings })
    }

    /// Runs `future`; its warnings become lines for the standard error.
    pub(super) fn run<T>(&mut self, change: impl AsyncFnOnce(&Client, &Route) -> Result<T>) -> Result<T> {
        let (outcome, heard) = self.client.run(change(&self.client, &self.route))?;
        self.warnings.extend(heard.iter().map(|heard| format!("warning: {heard}")));
        outcome
    }

    /// Makes the agent forget what was changed, if one answers for this configuration.
    pub(super) fn tell_agent(&mut self, lookup: Lookup<'_>) {
        if self.member.is_none()
            && let Err(error) = crate::cli::agent::forget(&self.setup, lookup)
        {
            let text =
                format!("warning: the agent may answer the old value for a while: {}", error.message());
            self.warnings.push(text);
        }
    }
}

/// The member that is changed, or the only store.
fn chosen(whole: Setup, asked: Option<&str>) -> Result<(Option<String>, Setup)> {
    let Some(chain) = whole.settings.chain.clone() else {
        return match asked {
            Some(word) if !whole.settings.is_called(word) => {
                let text = format!("the backend is no chain, and its store is not `{}`", Shown(word));
                Err(Error::config(text).with_hint("Leave --store out"))
            }
            _ => Ok((None, whole)),
        };
    };
    let name = match asked {
        Some(name) => name.to_owned(),
        None => match chain.members.iter().find(|member| member.is_default) {
            Some(member) => member.name.clone(),
            None => {
                return Err(unnamed(&chain.members.iter().map(|member| &*member.name).collect::<Vec<_>>()));
            }
        },
    };
    let member = chain.members.iter().find(|member| member.name == name);
    let member = member.ok_or_else(|| {
        let known: Vec<_> = chain.members.iter().map(|member| format!("`{}`", Shown(&member.name))).collect();
        Error::config(format!("the chain has no member `{}`", Shown(&name)))
            .with_hint(format!("Its members are {}", known.join(", ")))
    })?;
    if let Err(error) = &member.settings {
        return Err(error.clone().in_member(Shown(&name)));
    }
    let setup = whole.members().into_iter().find(|(known, _)| *known == name);
    let (name, setup) = setup.ok_or_else(|| Error::internal("a member without its settings"))?;
    if setup.settings.is_foreign() {
        let text = format!("member `{}` is a class of another package, which only reads", Shown(&name));
        return Err(Error::new(crate::error::ErrorKind::Unsupported, text)
            .with_hint("Write with the tools of that package"));
    }
    Ok((Some(name), setup))
}

fn unnamed(members: &[&str]) -> Error {
    let members: Vec<_> = members.iter().map(|name| format!("--store {}", Shown(name))).collect();
    Error::config("the backend is a chain, and nothing says which of its stores is changed")
        .with_hint(format!("Add {}, or write \"default\": true in one of them", members.join(" or ")))
}

/// What the user says to a change.
pub(super) enum Consent {
    Given,
    /// The report of a command that changes nothing.
    Refused(Report),
}

/// Asks before something is lost. Without a terminal `--yes` has to be given.
pub(super) fn consent(options: &WriteOptions, planned: &Changed, verb: &str) -> Result<Consent> {
    if options.yes {
        return Ok(Consent::Given);
    }
    if !io::stdin().is_terminal() {
        let error = Error::config(format!("`{}` exists, and there is no terminal to ask at", planned.name))
            .with_hint(format!("Add --yes to {verb} it, or --dry-run to see what would be done"));
        let report = Report::done(String::new(), json!({"error": error_as_json(&error)})).with_code(USAGE);
        return Ok(Consent::Refused(Report { warnings: vec![format!("strongroom: {error}")], ..report }));
    }
    // If the question cannot be shown, there is no consent.
    let mut output = io::stderr().lock();
    let unasked = |error| Error::config("the question could not be asked").with_source(error);
    write!(output, "{} `{}`? [y/N] ", capital(verb), planned.name).map_err(unasked)?;
    output.flush().map_err(unasked)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(unasked)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(Consent::Given);
    }
    let report =
        Report::done("Nothing was changed.\n", json!({"change": "none", "name": planned.name.as_str()}));
    Ok(Consent::Refused(report.with_code(NO)))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
