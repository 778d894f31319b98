//! `strongroom delete` and `strongroom restore`.

use crate::backend::{Change, Changed};
use crate::cli::output::Report;
use crate::cli::setup::Source;
use crate::cli::subject::Subject;
use crate::error::Result;
use crate::store::Removal;
use crate::store::convention::Lookup;

use super::shown::report;
use super::target::{Consent, Target, WriteOptions, consent};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DeleteArguments {
    #[command(flatten)]
    subject: Subject,
    /// Delete it for good, also one that is deleted and could be restored.
    #[arg(long, conflicts_with = "recovery_days")]
    purge: bool,
    /// How many days it can be restored, where the store takes that.
    #[arg(long, value_name = "DAYS")]
    recovery_days: Option<u32>,
    #[command(flatten)]
    write: WriteOptions,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RestoreArguments {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    write: WriteOptions,
}

/// Deletes the secret under the first name of the lookup.
pub(in crate::cli) fn delete(source: &Source, arguments: &DeleteArguments) -> Result<Report> {
    let lookup = arguments.subject.lookup();
    let how = Removal { purge: arguments.purge, recovery_days: arguments.recovery_days };
    let mut target = Target::of(source, &arguments.write, lookup)?;
    let planned = target.run(async |client, route| client.backend.delete(route, how, false).await)?;
    if arguments.write.dry_run || planned.change == Change::Nothing {
        return Ok(report(&target, lookup, &planned, arguments.write.dry_run));
    }
    let verb = if planned.change == Change::Purged { "delete for good" } else { "delete" };
    if let Consent::Refused(report) = consent(&arguments.write, &planned, verb)? {
        return Ok(report);
    }
    let done = target.run(async |client, route| client.backend.delete(route, how, true).await)?;
    Ok(finished(&mut target, lookup, &done))
}

/// Brings the secret under the first name of the lookup back.
pub(in crate::cli) fn restore(source: &Source, arguments: &RestoreArguments) -> Result<Report> {
    let lookup = arguments.subject.lookup();
    let is_real = !arguments.write.dry_run;
    let mut target = Target::of(source, &arguments.write, lookup)?;
    let done = target.run(async |client, route| client.backend.restore(route, is_real).await)?;
    if !is_real {
        return Ok(report(&target, lookup, &done, true));
    }
    Ok(finished(&mut target, lookup, &done))
}

fn finished(target: &mut Target, lookup: Lookup<'_>, done: &Changed) -> Report {
    target.tell_agent(lookup);
    report(target, lookup, done, false)
}
