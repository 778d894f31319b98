//! What the options of the backend mean, and what is wrong with them.

use std::path::Path;

use crate::cli::doctor::failed;
use crate::cli::setup::Setup;
use crate::config::airflow::AirflowConfig;
use crate::config::option_of;
use crate::store::convention::Kind;
use crate::store::tools::{Finding, Severity};

/// The meaning of the options, and the secrets among them.
pub(super) fn judged(airflow: &AirflowConfig, setup: &Setup) -> Vec<Finding> {
    let mut findings = Vec::new();
    if setup.chosen.class != setup.entry.python_class {
        findings.push(Finding::new(
            Severity::Note,
            "official_class",
            format!("{} is the official class", setup.chosen.class),
            format!(
                "With {} in its place Airflow reads the same secrets through Strongroom",
                setup.entry.python_class
            ),
        ));
    }
    let faults: Vec<_> = setup.settings.options.faults().collect();
    findings.extend(faults.iter().map(|fault| failed("options", fault)));
    // The parse of the options has already warned about each fault.
    let is_reported = |text: &str| faults.iter().any(|fault| text.starts_with(&fault.to_string()));
    let warnings =
        setup.warnings.iter().filter(|text| !text.contains("passes no kwargs") && !is_reported(text));
    findings.extend(warnings.map(|text| {
        Finding::new(
            Severity::Warning,
            "options",
            text,
            "See `strongroom stores` for the options of this store",
        )
    }));
    findings.extend((setup.entry.tools.check)(&setup.settings.options, &setup.settings.environment));
    findings.extend(readable_by_all(airflow, setup));
    findings.extend(patterns(setup));
    findings.extend(prefetched(setup));
    findings
}

/// Ids of `prefetch` that are one secret to the store.
fn prefetched(setup: &Setup) -> Vec<Finding> {
    let shared = setup.settings.prefetch.shared(&setup.settings).into_iter();
    let finding = |(kind, one, other): (Kind, &str, &str)| {
        let evidence =
            format!("`{one}` and `{other}` of `prefetch` are one secret of kind {kind} to the store");
        Finding::new(Severity::Warning, "names", evidence, "Use one of the two spellings, or rename one id")
    };
    shared.map(finding).collect()
}

/// Patterns that are not valid regular expressions: each lookup of the kind fails, as with the official
/// classes.
fn patterns(setup: &Setup) -> Vec<Finding> {
    let broken = Kind::ALL.into_iter().filter_map(|kind| setup.settings.patterns.allow(kind, "").err());
    broken.map(|error| failed("pattern", &error)).collect()
}

/// A file that contains a credential and that any user of the machine can read.
fn readable_by_all(airflow: &AirflowConfig, setup: &Setup) -> Option<Finding> {
    let file = airflow.file();
    let is_in_file = setup.chosen.kwargs_place.as_deref()?.ends_with(&format!(" of {}", file.display()));
    let is_secret = |key: &str| option_of(setup.entry, key).is_some_and(|spec| spec.kind.is_secret());
    let holds_secret = setup.chosen.options.iter().any(|(key, _)| is_secret(key));
    (is_in_file && holds_secret && is_open(file)).then(|| {
        Finding::new(
            Severity::Warning,
            "file_mode",
            format!("{} holds a credential, and everybody on this machine can read it", file.display()),
            "chmod 600, or use a role in place of the credential",
        )
    })
}

fn is_open(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}
