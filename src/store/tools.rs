//! What the command line needs to know of a store: what it replaces, what to check, what to allow.

use crate::store::convention::Kind;
use crate::store::environment::Environment;
use crate::store::options::Options;

/// The part of a [`crate::store::StoreEntry`] that lookups do not need.
#[derive(Clone, Copy, Debug)]
pub struct Tools {
    /// The class of Airflow or of a provider whose place the store takes.
    pub official_class: Option<&'static str>,
    /// What is noteworthy in options and environment. No I/O.
    pub check: fn(&Options, &Environment) -> Vec<Finding>,
    /// The document that allows what a backend needs and nothing else.
    pub policy: Option<fn(&PolicyRequest) -> String>,
}

impl Tools {
    /// A store of which there is nothing to say.
    pub const NONE: Self =
        Self { official_class: None, check: |_options, _environment| Vec::new(), policy: None };
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is as it should be.
    Fine,
    /// It works, and should be known.
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

/// One result of a check. No text of it holds a secret.
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

    /// All is well.
    pub fn fine(check: &'static str, evidence: impl Into<String>) -> Self {
        Self::new(Severity::Fine, check, evidence, "")
    }
}

/// Something that a store holds and no lookup gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Airflow's name of it, if it has one.
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
    /// The beginning of the names of each kind that is switched on, as the store has them.
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
    /// What is configured; empty where nothing is, or another store.
    pub options: Options,
}
