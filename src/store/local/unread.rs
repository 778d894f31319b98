//! The contents of a file that have no effect, so that a typing error does not go unnoticed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::tools::{Finding, Severity, Unread};

/// The most findings of one file that a log record names.
const MAX_REPORTED: usize = 5;

/// The longest name of a field that is shown.
const LONGEST_NAME: usize = 40;

/// Why something has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A name that has no meaning there.
    Unknown,
    /// An entry with contents that cannot be used.
    Skipped,
    /// Something else takes precedence over it.
    Dropped,
    /// A name that is probably not the one that Airflow asks for.
    Name,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_field",
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
            Self::Name => "name",
        }
    }

    /// Whether a lookup logs a warning; the rest is left to `strongroom lint`.
    const fn is_warned_of(self) -> bool {
        matches!(self, Self::Unknown | Self::Skipped)
    }
}

/// One thing that is not read, and what to do about it. Holds names, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Airflow's id for what it concerns, if it has one.
    pub(super) id: Option<String>,
    /// The line where it starts, if the format has lines.
    pub(super) line: Option<usize>,
    /// Why it is not read.
    pub(super) reason: Reason,
    /// What is not read.
    pub(super) what: String,
    /// What to do.
    pub(super) advice: String,
}

impl Note {
    /// One line that begins with the file.
    pub(super) fn evidence(&self, path: &Path) -> String {
        let line = self.line.map(|line| format!(" line {line}")).unwrap_or_default();
        format!("{:?}{line}: {}", path.to_string_lossy(), self.what)
    }

    /// For the command line.
    pub(super) fn finding(&self, path: &Path) -> Unread {
        let finding =
            Finding::new(Severity::Warning, self.reason.as_str(), self.evidence(path), self.advice.as_str());
        Unread { id: self.id.clone(), place: path.display().to_string(), finding }
    }
}

/// The warning in the log about a file; `None` if all of it is read, or if the rest is left to `strongroom
/// lint`.
pub(super) fn warning(path: &Path, notes: &[Note]) -> Option<String> {
    let mut reported: Vec<String> = notes
        .iter()
        .filter(|note| note.reason.is_warned_of())
        .map(|note| format!("{}. {}", note.evidence(path), note.advice))
        .collect();
    let more = reported.len().saturating_sub(MAX_REPORTED);
    reported.truncate(MAX_REPORTED);
    if more > 0 {
        reported.push(format!("{more} more: see `strongroom lint`"));
    }
    (!reported.is_empty()).then(|| format!("Part of a local file is not read: {}", reported.join("; ")))
}

/// How long a warning about the same file is not repeated.
const QUIET: Duration = Duration::from_secs(60);

/// Findings from reading files, until a lookup logs them: files are read on threads without a logger.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<Noticed>);

#[derive(Debug, Default)]
struct Noticed {
    waiting: Vec<String>,
    /// The last warning about each file, and its time.
    said: HashMap<PathBuf, (Instant, String)>,
}

impl Warnings {
    /// Notes the parts of a file that are not read. The same text is noted once a minute at most.
    pub(super) fn note(&self, path: &Path, notes: &[Note]) {
        let Some(text) = warning(path, notes) else { return };
        let mut noticed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = noticed.said.get(path).is_some_and(|(at, said)| *said == text && at.elapsed() < QUIET);
        if !is_known {
            noticed.said.insert(path.to_owned(), (Instant::now(), text.clone()));
            noticed.waiting.push(text);
        }
    }

    /// The warnings to log now.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }
}

/// The name of a field in a message. A text that does not look like a name may be a value without a space
/// before it.
pub(super) fn shown_name(name: &str) -> String {
    let is_name = |text: &str| {
        (1..=LONGEST_NAME).contains(&text.chars().count())
            && text.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter))
    };
    match name.split_once(':') {
        _ if is_name(name) => format!("`{name}`"),
        Some((field, _)) if is_name(field) => format!("`{field}:` without a space behind the colon"),
        _ => "(not shown: it may be a value)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(reason: Reason) -> Note {
        let (what, advice) = ("the field `x`".to_owned(), "Write `y`".to_owned());
        Note { id: None, line: Some(3), reason, what, advice }
    }

    #[test]
    fn the_log_names_lost_fields_and_lint_names_the_rest() {
        let path = Path::new("s.yaml");
        assert_eq!(warning(path, &[]), None);
        assert_eq!(warning(path, &[note(Reason::Dropped), note(Reason::Name)]), None);
        let reported = warning(path, &[note(Reason::Unknown), note(Reason::Dropped)]).unwrap();
        assert_eq!(
            reported,
            r#"Part of a local file is not read: "s.yaml" line 3: the field `x`. Write `y`"#
        );
        let reported = warning(path, &vec![note(Reason::Skipped); 7]).unwrap();
        assert!(reported.ends_with("; 2 more: see `strongroom lint`"), "{reported}");
    }

    #[test]
    fn the_same_warning_is_logged_once_a_minute() {
        let (warnings, path) = (Warnings::default(), Path::new("s.yaml"));
        warnings.note(path, &[note(Reason::Skipped)]);
        warnings.note(path, &[note(Reason::Skipped)]);
        assert_eq!(warnings.take().len(), 1);
        warnings.note(path, &[note(Reason::Skipped), note(Reason::Unknown)]);
        assert_eq!((warnings.take().len(), warnings.take().len()), (1, 0));
    }

    #[test]
    fn a_value_in_the_place_of_a_name_is_not_shown() {
        assert_eq!(shown_name("conn_hots"), "`conn_hots`");
        assert_eq!(shown_name("conn_password:canary"), "`conn_password:` without a space behind the colon");
        for name in ["canary canary", "", "p@canary", &"c".repeat(41)] {
            assert!(!shown_name(name).contains("can"), "{name}");
        }
    }
}
