//! Whether the store answers, to which identity, and what it allows.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::backend::Route;
use crate::cli::doctor::{Tag, failed, listed, tags};
use crate::cli::list::names;
use crate::cli::output::counted;
use crate::cli::setup::{Client, Setup};
use crate::cli::subject::{LookedUp, look_up};
use crate::cli::words::word_of;
use crate::config::airflow::AirflowConfig;
use crate::error::{Error, ErrorKind};
use crate::store::convention::{Kind, Lookup};
use crate::store::tools::{Finding, Severity};

/// An id that no secret has: a store that allows reading answers that it is absent.
pub(in crate::cli) const PROBE: &str = "strongroom_doctor_probe";

/// If there are more names, they are not compared with the environment.
const COMPARED: usize = 10_000;

/// Adds the findings. Makes one lookup and one listing for each kind, and one description.
pub(super) fn check(airflow: &AirflowConfig, setup: &Setup, wanted: &[Tag], findings: &mut Vec<Finding>) {
    let client = match setup.open() {
        Ok(client) => client,
        Err(error) => return findings.push(failed("client", &error)),
    };
    if let Some(identity) = client.backend.identity() {
        findings.push(Finding::fine("identity", format!("the store is asked as {identity}")));
    }
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| setup.settings.prefix(*kind).is_some()).collect();
    let Some(first) = kinds.first().copied() else {
        if Kind::ALL.into_iter().any(|kind| setup.settings.needs_place(kind)) {
            findings.push(without_place());
            return diagnose_alone(&client, findings);
        }
        findings.push(Finding::new(
            Severity::Problem,
            "kinds",
            "connections, variables and config are all switched off, so that nothing is ever asked",
            "Give at least one prefix or file",
        ));
        return;
    };
    if read(airflow, setup, &client, &kinds, findings) {
        list(airflow, setup, &client, wanted, findings);
        describe(setup, &client, first, findings);
    }
    diagnose(&client, findings);
}

/// What the store reports about itself. A known problem is not reported twice.
fn diagnose(client: &Client, findings: &mut Vec<Finding>) {
    let Ok((found, _)) = client.run(client.backend.diagnose()) else { return };
    let is_known = |finding: &Finding| {
        let same = |known: &Finding| known.severity == Severity::Problem && known.check == finding.check;
        finding.severity == Severity::Problem && findings.iter().any(same)
    };
    let news: Vec<Finding> = found.into_iter().filter(|finding| !is_known(finding)).collect();
    // The warning of the lookup says the same in fewer words.
    findings.retain(|known| {
        let is_said = |news: &Finding| known.evidence.contains(&news.evidence);
        known.check != "read" || known.severity != Severity::Warning || !news.iter().any(is_said)
    });
    findings.extend(news);
}

/// The same without a preceding lookup: a store that reports nothing in time is unreachable.
fn diagnose_alone(client: &Client, findings: &mut Vec<Finding>) {
    let before = findings.len();
    diagnose(client, findings);
    if findings.len() == before {
        findings.push(Finding::new(
            Severity::Problem,
            "reach",
            "the store gave no answer in time",
            "Check the network path to the store, or raise `timeout`",
        ));
    }
}

/// Each id names the place to ask, so there is nothing to try.
fn without_place() -> Finding {
    Finding::new(
        Severity::Note,
        "read",
        "each id names the mount that it is in, so without an id nothing is read, listed or described",
        "Try `strongroom explain connection MOUNT/ID`",
    )
}

/// Looks up a name that does not exist, for each kind, since a policy may allow only some of them. Returns
/// whether further calls make sense.
fn read(
    airflow: &AirflowConfig,
    setup: &Setup,
    client: &Client,
    kinds: &[Kind],
    findings: &mut Vec<Finding>,
) -> bool {
    let start = Instant::now();
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    for kind in kinds {
        match probe(airflow, setup, client, *kind, findings) {
            Probed::Allowed => allowed.push(kind.plural()),
            Probed::Kept => {}
            Probed::Denied(error) => denied.push((*kind, error)),
            Probed::Over { is_of_use } => return is_of_use,
        }
    }
    if !allowed.is_empty() {
        let (store, took) = (setup.entry.info.title, start.elapsed().as_millis());
        let text = format!("{store} answered in {took} ms: reading is allowed for {}", allowed.join(", "));
        findings.push(Finding::fine("read", text));
    }
    findings.extend(refused(setup, &denied));
    true
}

/// The outcome of a lookup.
enum Probed {
    Allowed,
    /// A pattern excludes it.
    Kept,
    Denied(Error),
    /// Other kinds would fail in the same way; whether further calls make sense is a separate question.
    Over {
        is_of_use: bool,
    },
}

fn probe(
    airflow: &AirflowConfig,
    setup: &Setup,
    client: &Client,
    kind: Kind,
    findings: &mut Vec<Finding>,
) -> Probed {
    let (answer, heard) = match look_up(setup, client, airflow, Lookup { kind, id: PROBE, team: None }) {
        Ok(looked) => looked,
        Err(error) => {
            findings.push(failed("read", &error));
            return Probed::Over { is_of_use: false };
        }
    };
    // The log of an error repeats the error itself.
    if answer.error().is_none() {
        findings.extend(heard.into_iter().map(|text| Finding::new(Severity::Warning, "read", text, "")));
    }
    match (&answer, answer.error()) {
        (LookedUp::NotAsked(reason), _) => {
            let remedy = "The pattern keeps the probe out; try `strongroom explain`";
            let evidence = format!("{}: {reason}", kind.plural());
            findings.push(Finding::new(Severity::Note, "read", evidence, remedy));
            Probed::Kept
        }
        (_, Some(error)) if check_of(error) == "read" && error.kind() == ErrorKind::Denied => {
            Probed::Denied(error.clone())
        }
        (_, Some(error)) => {
            findings.push(failed(check_of(error), error));
            Probed::Over { is_of_use: error.kind() == ErrorKind::Denied }
        }
        _ => Probed::Allowed,
    }
}

/// The remedy is to allow the names of the kinds, not the name that was tried. If access is not controlled by
/// a policy, each kind has its own reason.
fn refused(setup: &Setup, denied: &[(Kind, Error)]) -> Vec<Finding> {
    let Some(((_, first), word)) = denied.first().zip(policy_word(setup)) else {
        let each = |(kind, error): &(Kind, Error)| {
            let found = failed("read", error);
            Finding { evidence: format!("{}: {}", kind.plural(), found.evidence), ..found }
        };
        return denied.iter().map(each).collect();
    };
    let kinds: Vec<_> = denied.iter().map(|(kind, _)| kind.plural()).collect();
    let prefixes = denied.iter().filter_map(|(kind, _)| setup.settings.prefix(*kind));
    let names: Vec<_> =
        prefixes.filter(|prefix| !prefix.is_empty()).map(|prefix| format!("`{prefix}`")).collect();
    let names = if names.len() < denied.len() {
        "all names".to_owned()
    } else {
        format!("names that begin with {}", names.join(", "))
    };
    // The store's hint names the probe.
    let found = failed("read", first);
    let of_store = found.remedy.replace(PROBE, "*").replace(&PROBE.replace('_', "-"), "*");
    let remedy =
        format!("Allow reading of {names}: `strongroom policy {word}` prints what to allow. {of_store}");
    let evidence = format!("{}: {}", kinds.join(", "), found.evidence);
    vec![Finding { evidence, remedy: remedy.trim_end().to_owned(), ..found }]
}

/// The store's word for `strongroom policy`, if it has one.
fn policy_word(setup: &Setup) -> Option<&'static str> {
    setup.entry.tools.policy?;
    word_of(setup.entry)
}

/// The name of the check that a failed read belongs to.
fn check_of(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Unauthenticated => "identity",
        _ if error.is_login_failure() => "identity",
        ErrorKind::Unreachable | ErrorKind::Timeout => "reach",
        ErrorKind::Throttled => "quota",
        _ => "read",
    }
}

fn list(
    airflow: &AirflowConfig,
    setup: &Setup,
    client: &Client,
    wanted: &[Tag],
    findings: &mut Vec<Finding>,
) {
    let (mut count, mut untagged) = (0, Vec::new());
    for kind in Kind::ALL {
        match names(setup, client, kind, COMPARED) {
            Ok((listed, _)) => {
                count += listed.len();
                untagged.extend(tags::without(&listed, wanted));
                findings.extend(listed::judged(setup, kind, &listed));
                let ids = listed.iter().flat_map(|(id, _)| listed::ids(setup, kind, id));
                findings.extend(collisions(airflow, kind, ids));
            }
            Err(error) => return findings.push(not_needed("list", &error)),
        }
    }
    findings.extend(tags::judged(setup.entry, wanted, count, &untagged));
    if count > 0 {
        findings.push(Finding::fine(
            "list",
            format!("listing is allowed: {} below the prefixes", counted(count, "name", "names")),
        ));
    } else {
        let place = client.backend.identity().unwrap_or_else(|| setup.entry.info.title.to_owned());
        findings.push(Finding::new(
            Severity::Warning,
            "list",
            format!("there is no secret below the prefixes ({place})"),
            "Check the prefixes, and that the secrets are in this region, account, mount or file",
        ));
    }
}

fn describe(setup: &Setup, client: &Client, kind: Kind, findings: &mut Vec<Finding>) {
    let lookup = Lookup { kind, id: PROBE, team: None };
    let Some(route) = Route::first_of(&setup.settings, lookup) else { return };
    match client.run(client.backend.describe(&route)).and_then(|(described, _)| described) {
        Ok(_) => findings.push(Finding::fine("describe", "describing is allowed")),
        Err(error) => findings.push(not_needed("describe", &error)),
    }
}

/// What lookups do not need is not a problem.
fn not_needed(check: &'static str, error: &Error) -> Finding {
    let severity = match error.kind() {
        ErrorKind::Denied | ErrorKind::Unsupported => Severity::Note,
        _ => Severity::Problem,
    };
    let finding = failed(check, error);
    let evidence = match severity {
        Severity::Note => format!("{}; lookups do not need it", finding.evidence),
        _ => finding.evidence,
    };
    Finding { severity, evidence, ..finding }
}

/// Keys that both the store and an environment variable contain. The store answers, while values that Airflow
/// writes go to the metastore.
fn collisions(airflow: &AirflowConfig, kind: Kind, ids: impl Iterator<Item = String>) -> Option<Finding> {
    let prefix = kind.variable_prefix()?;
    let both: BTreeSet<_> =
        ids.filter(|id| airflow.variable(&format!("{prefix}{}", id.to_uppercase())).is_some()).collect();
    if both.is_empty() {
        return None;
    }
    let shown: Vec<_> = both.iter().take(10).map(|id| format!("`{id}`")).collect();
    let more = if both.len() > shown.len() { " and more" } else { "" };
    Some(Finding::new(
        Severity::Warning,
        "two_places",
        format!(
            "{} {}{more}: in the store and in the environment; the store answers",
            if both.len() == 1 { kind.as_str() } else { kind.plural() },
            shown.join(", ")
        ),
        "Keep each key in one place; what Airflow itself writes goes to its database, where the store hides \
        it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_two_places_are_reported_by_name() {
        let set = [("AIRFLOW_CONN_DB", "canary"), ("AIRFLOW_HOME", "/nonexistent")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let airflow = AirflowConfig::read(set, None).unwrap();
        let ids = || ["db", "other"].map(str::to_owned).into_iter();
        let finding = collisions(&airflow, Kind::Connection, ids()).unwrap();
        insta::assert_snapshot!(finding.evidence, @"connection `db`: in the store and in the environment; \
        the store answers");
        assert!(collisions(&airflow, Kind::Variable, ids()).is_none());
    }

    #[test]
    fn what_lookups_do_not_need_is_a_note() {
        let denied = not_needed("list", &Error::new(ErrorKind::Denied, "no").with_hint("Allow it"));
        assert_eq!(
            (denied.severity, denied.evidence.as_str()),
            (Severity::Note, "no; lookups do not need it")
        );
        let down = not_needed("list", &Error::new(ErrorKind::Unreachable, "no"));
        assert_eq!(down.severity, Severity::Problem);
        assert_eq!(check_of(&Error::new(ErrorKind::Denied, "x").as_login_failure()), "identity");
    }
}
