//! What was done, in words and as JSON.

use serde_json::{Value, json};

use crate::backend::{Change, Changed};
use crate::cli::output::{NO, Report};
use crate::redact::Shown;
use crate::store::convention::Lookup;

use super::target::Target;

/// The report about one secret. `is_planned` means that nothing was changed yet.
pub(super) fn report(target: &Target, lookup: Lookup<'_>, changed: &Changed, is_planned: bool) -> Report {
    let words = words(changed.change, is_planned);
    let version = changed.version.as_ref().filter(|_| !is_planned && is_there(changed.change));
    let version = version.map(|version| format!(", version {}", Shown(version))).unwrap_or_default();
    let store = match &target.member {
        Some(member) => format!(" in `{}`", Shown(member)),
        None => String::new(),
    };
    let text = format!(
        "{} `{}`: {words} as `{}`{store}{version}\n",
        lookup.kind.title(),
        Shown(lookup.id),
        changed.name
    );
    let mut warnings = target.warnings.clone();
    if let Some(error) = &changed.unread {
        warnings.push(format!("warning: it was written and could not be read back: {error}"));
    }
    let report = Report { warnings, ..Report::done(text, as_json(target, lookup, changed, is_planned)) };
    if changed.change == Change::Nothing { report.with_code(NO) } else { report }
}

fn as_json(target: &Target, lookup: Lookup<'_>, changed: &Changed, is_planned: bool) -> Value {
    json!({
        "kind": lookup.kind.as_str(),
        "id": lookup.id,
        "store": target.setup.entry.info.name,
        "member": target.member,
        "name": changed.name.as_str(),
        "change": word(changed.change),
        "dry_run": is_planned,
        "version": changed.version.as_ref().filter(|_| !is_planned && is_there(changed.change)),
        "version_before": changed.before.version,
        "read_back": changed.unread.is_none() && !is_planned,
    })
}

fn is_there(change: Change) -> bool {
    matches!(change, Change::Created | Change::Updated | Change::Unchanged | Change::Restored)
}

/// The stable word.
fn word(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Updated => "updated",
        Change::Unchanged => "unchanged",
        Change::Deleted => "deleted",
        Change::Purged => "purged",
        Change::Restored => "restored",
        Change::Nothing => "nothing",
    }
}

fn words(change: Change, is_planned: bool) -> &'static str {
    match (change, is_planned) {
        (Change::Created, false) => "created",
        (Change::Created, true) => "would be created",
        (Change::Updated, false) => "updated",
        (Change::Updated, true) => "would be updated",
        (Change::Unchanged, _) => "unchanged",
        (Change::Deleted, false) => "deleted, and can be restored,",
        (Change::Deleted, true) => "would be deleted, and could be restored,",
        (Change::Purged, false) => "deleted for good",
        (Change::Purged, true) => "would be deleted for good",
        (Change::Restored, false) => "restored",
        (Change::Restored, true) => "would be restored",
        (Change::Nothing, _) => "not there",
    }
}
