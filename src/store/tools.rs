//! What the command line needs to know about a store: what it replaces, what to check, what to allow.

use crate::error::{Error, Result};
use crate::store::convention::Kind;
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::value::json::Value;

/// The part of a [`crate::store::StoreEntry`] that lookups do not need.
#[derive(Clone, Copy, Debug)]
pub struct Tools {
    /// The class of Airflow or of a provider that the store replaces.
    pub official_class: Option<&'static str>,
    /// The words for it on the command line, the short one first. Its registry name is one more.
    pub words: &'static [&'static str],
    /// What the short word means, in one line of the help.
    pub about: &'static str,
    /// Whether a listing has the tags of each secret, without a call for each.
    pub lists_tags: bool,
    /// What is noteworthy about options and environment. No I/O.
    pub check: fn(&Options, &Environment) -> Vec<Finding>,
    /// The document that allows what a backend needs and nothing else.
    pub policy: Option<PolicyTool>,
    /// Where there is no such document: the rest of a sentence that says who decides, and what to do.
    pub without_policy: (&'static str, &'static str),
    /// Set-ups that the command line writes out as commands, each as a subcommand of the store's short word.
    pub guides: Option<Guides>,
}

impl Tools {
    /// A store without any of this; words and their meaning are to be filled in.
    pub const NONE: Self = Self {
        official_class: None,
        words: &[],
        about: "",
        lists_tags: false,
        check: |_options, _environment| Vec::new(),
        policy: None,
        without_policy: (
            "no service decides who reads it",
            "Of files the mode decides: chmod 600, for the user that Airflow runs as",
        ),
        guides: None,
    };
}

/// How `strongroom policy` writes the document of a store.
#[derive(Clone, Copy, Debug)]
pub struct PolicyTool {
    /// The document.
    pub write: fn(&PolicyRequest) -> String,
    /// Refuses what the document cannot express, among what is given on the command line alone.
    pub check_asked: fn(&PolicyRequest) -> Result<()>,
    /// Refuses what the document cannot express, of the whole request.
    pub check: fn(&PolicyRequest) -> Result<()>,
    /// The region that is configured.
    pub region: fn(&Options, &Environment) -> Option<String>,
    /// What to do where the beginnings of the names are not known; `None` where no names are needed.
    pub without_names: Option<&'static str>,
}

impl PolicyTool {
    /// A document that `write` produces and that has neither tags nor keys nor regions.
    pub const fn new(write: fn(&PolicyRequest) -> String) -> Self {
        Self {
            write,
            check_asked: PolicyRequest::refuse_tags_and_keys,
            check: |_request| Ok(()),
            region: |_options, _environment| None,
            without_names: Some(
                "Give --prefix, and for Vault the mount: --account, or --mount of `strongroom vault approle`",
            ),
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is as it should be.
    Fine,
    /// It works, and is worth knowing.
    Note,
    /// It works now, and may not tomorrow, or is less safe than it could be.
    Warning,
    /// It does not work.
    Problem,
}

impl Severity {
    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One result of a check. Its texts hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A stable slug, such as `static_keys`.
    pub check: &'static str,
    /// What was found.
    pub evidence: String,
    /// What to do about it; empty if there is nothing to do.
    pub remedy: String,
}

impl Finding {
    /// A finding that needs something done.
    pub fn new(
        severity: Severity,
        check: &'static str,
        evidence: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity, check, evidence: evidence.into(), remedy: remedy.into() }
    }

    /// A problem that lookups will have, too: an error, whose hint is the remedy.
    pub fn of(check: &'static str, error: &Error) -> Self {
        Self::new(Severity::Problem, check, error.message(), error.hint().unwrap_or_default())
    }

    /// All is well.
    pub fn fine(check: &'static str, evidence: impl Into<String>) -> Self {
        Self::new(Severity::Fine, check, evidence, "")
    }
}

/// Something that a store holds although no lookup returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What Airflow calls it, if it has a name there.
    pub id: Option<String>,
    /// Where it is, such as a file.
    pub place: String,
    /// What it is, and what to do.
    pub finding: Finding,
}

/// What a policy is to allow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyRequest {
    /// Whether writing is allowed too.
    pub manages: bool,
    /// The beginning of the names of each kind that is switched on, as they are in the store.
    pub prefixes: Vec<(Kind, String)>,
    /// Names that are read as a whole, such as bundles.
    pub names: Vec<String>,
    /// Tags that a secret must have.
    pub tags: Vec<(String, String)>,
    /// The encryption keys in use.
    pub keys: Vec<String>,
    /// The account, project or vault; a wildcard where the store has one.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// What is configured; empty if nothing is, or another store is.
    pub options: Options,
}

impl PolicyRequest {
    /// Refuses tags and keys, which a document would otherwise leave out silently.
    pub fn refuse_tags_and_keys(&self) -> Result<()> {
        if self.tags.is_empty() && self.keys.is_empty() {
            return Ok(());
        }
        Err(Error::config("`--tag` and `--key` are for the stores of AWS alone")
            .with_hint("Elsewhere the document would allow more than what they say; use `--prefix`"))
    }
}

/// The set-ups of one store, such as those of its logins.
#[derive(Clone, Copy, Debug)]
pub struct Guides {
    /// What they are for, in one line of the help.
    pub about: &'static str,
    /// The same in more detail.
    pub long_about: &'static str,
    /// Examples, below the help.
    pub examples: &'static str,
    /// Each of them.
    pub all: &'static [Guide],
}

/// One set-up, which `strongroom WORD GUIDE` writes out.
#[derive(Clone, Copy, Debug)]
pub struct Guide {
    /// The word after that of the store, such as `approle`.
    pub word: &'static str,
    /// What it is for, in one line of the help.
    pub about: &'static str,
    /// The same in more detail.
    pub long_about: &'static str,
    /// The name to set up, derived from the one that was given. Checked before anything is read.
    pub name: fn(Option<&str>, bool) -> Result<String>,
    /// Writes the commands. Makes no call.
    pub write: fn(&GuideRequest<'_>) -> GuideSteps,
}

/// What a guide is made of.
pub struct GuideRequest<'text> {
    /// The name of what is set up.
    pub name: &'text str,
    /// The document of [`PolicyTool`].
    pub policy: &'text str,
    /// The place in the store that was given, such as a mount.
    pub account: Option<&'text str>,
    /// What is configured, if it is this store.
    pub configured: Option<(&'text Options, &'text Environment)>,
    /// What the configuration contains that is not secret, in order.
    pub written: Vec<(String, Value)>,
    /// Whether a text may be shown: an address may hold a password.
    pub may_be_shown: &'text dyn Fn(&str) -> bool,
}

/// Commands in order, and the options that go with them.
#[derive(Debug)]
pub struct GuideSteps {
    /// Each command.
    pub steps: Vec<GuideStep>,
    /// The options that the backend has at the end.
    pub options: Vec<(String, Value)>,
}

/// One command, and what it is for.
#[derive(Debug)]
pub struct GuideStep {
    /// What it is for.
    pub purpose: &'static str,
    /// What is typed.
    pub command: String,
}
