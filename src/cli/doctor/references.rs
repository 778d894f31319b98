//! Whether references are followed as they are meant: what is configured, and what the values hold.

use std::sync::Arc;

use crate::backend::Settings;
use crate::backend::chain::Member;
use crate::cli::doctor::failed;
use crate::cli::output::counted;
use crate::cli::references::{FOUND, MISSING, in_store};
use crate::cli::setup::Setup;
use crate::config::airflow::AirflowConfig;
use crate::redact::Shown;
use crate::store::tools::{Finding, Severity};

/// The most ids that are looked up to see where their references lead.
const LOOKED_UP: usize = 50;

/// The most of them that are shown.
const SHOWN: usize = 5;

/// What the rules themselves say. Makes no call.
pub(super) fn rules(setup: &Setup) -> Vec<Finding> {
    let Some(chain) = &setup.settings.chain else { return of_store(&setup.settings, &[]) };
    let settings = chain.members.iter().filter_map(|member| Some((member, member.settings.as_ref().ok()?)));
    let mut findings = Vec::new();
    for (member, settings) in settings {
        let before = findings.len();
        findings.extend(of_store(settings, &chain.members));
        for finding in findings.iter_mut().skip(before) {
            finding.evidence = format!("`{}`: {}", Shown(&member.name), finding.evidence);
        }
    }
    findings
}

fn of_store(settings: &Settings, members: &[Member]) -> Vec<Finding> {
    let references = &settings.references;
    let mut findings = Vec::new();
    if references.is_empty() && references.are_required() {
        findings.push(Finding::new(
            Severity::Problem,
            "references",
            "`references_only` refuses secrets that are written out, and `references` allows none: no value \
             with a secret can be read",
            "Allow what values refer to in `references`, or leave `references_only` out",
        ));
    } else if references.is_empty() && settings.options.json("references").is_some() {
        findings.push(Finding::new(
            Severity::Warning,
            "references",
            "`references` is an empty list, which allows nothing: a value with a reference is an error",
            "Write a member and a pattern of names, or leave `references` out",
        ));
    }
    for (named, names) in references.rules() {
        if let Some(Err(error)) = names.map(|names| names.matches("")) {
            findings.push(failed("references", &error));
        }
        // Without a name it is the default member, as in a reference.
        let default = || members.iter().find(|member| member.is_default).or_else(|| members.first());
        let target = named.map_or_else(default, |name| members.iter().find(|member| member.name == name));
        findings.extend(target.and_then(|target| never(settings, target)));
    }
    findings
}

/// Why no reference of a store can lead to a member.
fn never(from: &Settings, to: &Member) -> Option<Finding> {
    let name = Shown(&to.name);
    let (what, remedy) = if to.is_foreign() {
        (
            "it is a class of another package, which has no names to refer to",
            "Refer to a member that is a store",
        )
    } else if !from.routing.shares_a_team(&to.routing) {
        (
            "the `teams` of both have none in common, and a reference is followed for the team that asks",
            "Give both members a team in common, or move the secret",
        )
    } else {
        return None;
    };
    let text = format!("`references` allows what is never followed: references to `{name}`, since {what}");
    Some(Finding::new(Severity::Warning, "references", text, remedy))
}

/// Where the references in the first values lead. Makes a listing and a lookup for each of them.
pub(super) fn values(airflow: &AirflowConfig, setup: &Setup) -> Vec<Finding> {
    if !concern(setup) {
        return Vec::new();
    }
    let checked =
        setup.open().and_then(|client| in_store(setup, &client, airflow, &mut Vec::new(), LOOKED_UP));
    // A store that lists nothing has said so before.
    let Ok(checked) = checked else { return Vec::new() };
    let is_about = |text: &str| text.contains("reference");
    let (mut missing, mut wrong) = (Vec::new(), Vec::new());
    for checked in &checked {
        let text = checked.text.as_deref().unwrap_or_default();
        match checked.outcome {
            FOUND => {}
            MISSING => missing.push(format!("{}: {text}", checked.holder)),
            _ if is_about(text) => wrong.push(format!("{}: {text}", checked.holder)),
            _ => {}
        }
    }
    if missing.is_empty() && wrong.is_empty() {
        let found = checked.iter().filter(|checked| checked.outcome == FOUND).count();
        let text = format!("{} lead to secrets", counted(found, "reference", "references"));
        return vec![Finding::fine("references", text)];
    }
    let shown = |texts: Vec<String>, severity| {
        texts.into_iter().take(SHOWN).map(move |text| {
            Finding::new(severity, "references", text, "`strongroom ref check` follows every reference")
        })
    };
    shown(wrong, Severity::Problem).chain(shown(missing, Severity::Warning)).collect()
}

/// Whether any value may hold a reference, or has to.
fn concern(setup: &Setup) -> bool {
    let members = setup.settings.chain.iter().flat_map(|chain| &chain.members);
    let own = members.filter_map(|member| member.settings.as_ref().ok()).map(Arc::as_ref);
    let mut all = own.chain([setup.settings.as_ref()]);
    all.any(|settings| !settings.references.is_empty() || settings.references.are_required())
}
