//! What stands in a file and answers nothing, so that a slip of the pen does not pass in silence.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::tools::{Finding, Severity, Unread};

/// Most findings of one file that a log record names.
const MAX_TOLD: usize = 5;

/// Longest name of a field that is shown.
const LONGEST_NAME: usize = 40;

/// Why something answers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A name that means nothing there.
    Unknown,
    /// An entry that holds something and cannot be used.
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

    /// Whether a lookup warns of it; the rest is a matter for `strongroom lint`.
    const fn is_warned_of(self) -> bool {
        matches!(self, Self::Unknown | Self::Skipped)
    }
}

/// One thing that is not read, and what to do about it. Holds names, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Airflow's name of what it concerns, if it has one.
    pub(super) id: Option<String>,
    /// The line it starts in, where the format tells.
    pub(super) line: Option<usize>,
    /// Why it is not read.
    pub(super) reason: Reason,
    /// What is not read.
    pub(super) what: String,
    /// What to do.
    pub(super) advice: String,
}

impl Note {
    /// In one line, after the file.
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

/// What the log says of a file; nothing if all of it is read, or what is not is a matter for `strongroom
/// lint` alone.
pub(super) fn warning(path: &Path, notes: &[Note]) -> Option<String> {
    let mut told: Vec<String> = notes
        .iter()
        .filter(|note| note.reason.is_warned_of())
        .map(|note| format!("{}. {}", note.evidence(path), note.advice))
        .collect();
    let more = told.len().saturating_sub(MAX_TOLD);
    told.truncate(MAX_TOLD);
    if more > 0 {
        told.push(format!("{more} more: see `strongroom lint`"));
    }
    (!told.is_empty()).then(|| format!("Part of a local file is not read: {}", told.join("; ")))
}

/// How long the same file is not warned of again.
const QUIET: Duration = Duration::from_secs(60);

/// What was noticed when files were read, until a lookup says it: files are read on threads that nothing logs
/// on.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<Noticed>);

#[derive(Debug, Default)]
struct Noticed {
    waiting: Vec<String>,
    /// When a file was warned of last, and of what.
    said: HashMap<PathBuf, (Instant, String)>,
}

impl Warnings {
    /// Notes what is not read of a file. The same is noted once a minute at most.
    pub(super) fn note(&self, path: &Path, notes: &[Note]) {
        let Some(text) = warning(path, notes) else { return };
        let mut noticed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = noticed.said.get(path).is_some_and(|(at, said)| *said == text && at.elapsed() < QUIET);
        if !is_known {
            noticed.said.insert(path.to_owned(), (Instant::now(), text.clone()));
            noticed.waiting.push(text);
        }
    }

    /// What is to be said now.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }
}

/// The name of a field in a message. What does not look like a name may be a value that lacks a space before
/// it.
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
    fn the_log_names_what_is_lost_and_lint_the_rest() {
        let path = Path::new("s.yaml");
        assert_eq!(warning(path, &[]), None);
        assert_eq!(warning(path, &[note(Reason::Dropped), note(Reason::Name)]), None);
        let told = warning(path, &[note(Reason::Unknown), note(Reason::Dropped)]).unwrap();
        assert_eq!(told, r#"Part of a local file is not read: "s.yaml" line 3: the field `x`. Write `y`"#);
        let told = warning(path, &vec![note(Reason::Skipped); 7]).unwrap();
        assert!(told.ends_with("; 2 more: see `strongroom lint`"), "{told}");
    }

    #[test]
    fn the_same_is_said_once_a_minute() {
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
