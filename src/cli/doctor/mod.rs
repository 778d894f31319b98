//! `strongroom doctor`: present and likely problems of a configuration and the store behind it.

mod configuration;
mod listed;
mod on_server;
mod options;
mod references;
mod store;
mod tags;

use std::fmt::Write;

use serde_json::json;

use crate::cli::output::{DONE, NO, Report, counted, has_colour, painted};
use crate::cli::policy::{Tag, split_tag};
use crate::cli::setup::Source;
use crate::error::Error;
use crate::redact::Shown;
use crate::store::tools::{Finding, Severity};

pub(super) use self::store::PROBE;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look at the configuration alone and make no call.
    #[arg(long)]
    offline: bool,
    /// Let warnings count too: exit with 1 if there are any.
    #[arg(long)]
    strict: bool,
    /// A tag that each secret should have, as KEY=VALUE. May be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = split_tag)]
    tag: Vec<Tag>,
}

/// Checks the configuration, then makes a few calls: a lookup of a name that does not exist and a listing for
/// each kind, and one description.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Report {
    let mut findings = Vec::new();
    let checked = configuration::check(source, &mut findings);
    findings.extend(checked.iter().flat_map(|(_, setup)| crate::cli::agent::check(setup)));
    findings.extend(checked.iter().flat_map(|(_, setup)| references::rules(setup)));
    if let (Some((airflow, setup)), false) = (checked, arguments.offline) {
        if setup.settings.chain.is_none() {
            store::check(&airflow, &setup, &arguments.tag, &mut findings);
        }
        for (name, member) in setup.members() {
            let before = findings.len();
            store::check(&airflow, &member, &arguments.tag, &mut findings);
            for finding in findings.iter_mut().skip(before) {
                finding.evidence = format!("`{}`: {}", Shown(&name), finding.evidence);
            }
        }
        findings.extend(references::values(&airflow, &setup));
    }
    report(&findings, arguments.strict, has_colour())
}

/// An error as a finding: its hint is the remedy.
fn failed(check: &'static str, error: &Error) -> Finding {
    let whole = error.to_string();
    let hint = error.hint().unwrap_or_default();
    let evidence = whole.strip_suffix(hint).map_or(whole.as_str(), |text| text.trim_end_matches(". "));
    Finding::new(Severity::Problem, check, evidence, hint)
}

fn report(findings: &[Finding], strict: bool, has_colour: bool) -> Report {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&line(finding, has_colour));
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
    let (of_problems, of_warnings) =
        (counted(problems, "problem", "problems"), counted(warnings, "warning", "warnings"));
    let _ = writeln!(text, "\n{of_problems}, {of_warnings}");
    let found = findings.iter().map(|finding| {
        json!({
            "severity": finding.severity.as_str(),
            "check": finding.check,
            "evidence": finding.evidence,
            "remedy": finding.remedy,
        })
    });
    let json = json!({"findings": found.collect::<Vec<_>>(), "problems": problems, "warnings": warnings});
    let bad = problems > 0 || (strict && warnings > 0);
    Report::done(text, json).with_code(if bad { NO } else { DONE })
}

fn line(finding: &Finding, has_colour: bool) -> String {
    let severity = painted(finding.severity, has_colour);
    let mut text = format!("{severity}  {:<16}  {}\n", finding.check, Shown(&finding.evidence));
    if !finding.remedy.is_empty() {
        let _ = writeln!(text, "{:27}{}", "", Shown(&finding.remedy));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_report_has_evidence_and_remedy_and_an_exit_code() {
        let findings = [
            Finding::fine("backend", "a.B"),
            Finding::new(Severity::Warning, "static_keys", "there is a key", "Use a role"),
        ];
        let calm = report(&findings, false, false);
        insta::assert_snapshot!(calm.text, @r"
        ok       backend           a.B
        warning  static_keys       there is a key
                                   Use a role

        0 problems, 1 warning
        ");
        assert_eq!((calm.code, report(&findings, true, false).code), (DONE, NO));
        let problem =
            failed("reach", &Error::new(ErrorKind::Unreachable, "no way").with_hint("Open the port"));
        assert_eq!((problem.evidence.as_str(), problem.remedy.as_str()), ("no way", "Open the port"));
        assert_eq!(report(&[problem], false, false).code, NO);
    }
}
