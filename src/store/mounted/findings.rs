//! What is noteworthy about the files in a folder: for `strongroom doctor`.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::store::convention::Kind;
use crate::store::tools::{Finding, Severity};
use crate::store::{PerKind, SecretName};

use super::config::{Place, path_key};
use super::error::TO_READ;
use super::folder::{Files, below, split};

/// The most files that a finding names.
const SHOWN: usize = 5;

/// What is noteworthy about the files of each kind. What a lookup or a listing reports by itself is left out.
/// Reads folders: this blocks.
pub(super) fn findings(places: &PerKind<Option<Place>>) -> Vec<Finding> {
    let of_kinds = Kind::ALL.into_iter().filter_map(|kind| Some((kind, places.of(kind).as_ref()?)));
    of_kinds.flat_map(|(kind, place)| of_kind(kind, place)).collect()
}

fn of_kind(kind: Kind, place: &Place) -> Vec<Finding> {
    let Ok(files) = below(place, &place.beginning) else { return Vec::new() };
    if files.is_empty() {
        return vec![nothing(kind, place)];
    }
    let found = [unreadable(&files), changeable(&files), open(&files)].into_iter().flatten();
    found.map(|found| Finding { evidence: format!("{kind}: {}", found.evidence), ..found }).collect()
}

fn unreadable(files: &Files) -> Option<Finding> {
    let is_refused =
        |name: &str| File::open(name).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    let names: Vec<_> = files.keys().map(String::as_str).filter(|name| is_refused(name)).collect();
    finding(Severity::Warning, "file_access", &names, "may not be read by this user", TO_READ)
}

fn changeable(files: &Files) -> Option<Finding> {
    let what = "can be changed by other users of this machine";
    finding(Severity::Warning, "file_mode", &with_mode(files, 0o022), what, "chmod go-w")
}

fn open(files: &Files) -> Option<Finding> {
    finding(
        Severity::Note,
        "file_mode",
        &with_mode(files, 0o004),
        "can be read by every user of this machine",
        "`defaultMode: 0440` with `fsGroup` in Kubernetes, else chmod 640, if Airflow is not alone",
    )
}

/// The files that have one of the `bits` of the mode.
fn with_mode(files: &Files, bits: u32) -> Vec<&str> {
    let has = |file: &Metadata| file.permissions().mode() & bits != 0;
    files.iter().filter(|(_, file)| has(file)).map(|(name, _)| name.as_str()).collect()
}

fn finding(
    severity: Severity,
    check: &'static str,
    names: &[&str],
    what: &str,
    remedy: &str,
) -> Option<Finding> {
    let shown: Vec<_> =
        names.iter().take(SHOWN).map(|name| format!("`{}`", SecretName::from(*name))).collect();
    let more = if names.len() > shown.len() { " and more" } else { "" };
    let evidence = format!("{} of the files {what}: {}{more}", names.len(), shown.join(", "));
    (!names.is_empty()).then(|| Finding::new(severity, check, evidence, remedy))
}

/// A kind without files. Only a note: not everyone has config values.
fn nothing(kind: Kind, place: &Place) -> Finding {
    let (folder, _) = split(&place.beginning);
    let what =
        if Path::new(folder).is_dir() { "holds no file for" } else { "does not exist, so there are no" };
    let beginning = SecretName::from(place.beginning.as_str());
    let evidence = format!(
        "`{}` {what} {}: their paths begin with `{beginning}`",
        SecretName::from(folder),
        kind.plural()
    );
    let remedy =
        format!("Mount them there, correct `{}` and the prefix, or set the prefix to null", path_key(kind));
    Finding::new(Severity::Note, "folder", evidence, remedy)
}
