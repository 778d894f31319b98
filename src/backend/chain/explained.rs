//! What each member contributed to a lookup, for the command line.

use crate::backend::chain::settings::Member;
use crate::backend::plan::Skipped;
use crate::backend::reply::{AskedName, Reply};
use crate::error::{Error, Result};

/// One member of a chain and its part in a lookup.
#[derive(Clone, Debug)]
pub struct MemberSearch {
    /// The name of the member.
    pub name: String,
    /// What its store is called.
    pub title: &'static str,
    /// Why it was not asked, if that follows from the lookup; `None` also if the search had ended.
    pub passed_over: Option<Skipped>,
    /// `value`, `absent`, `stale` or the kind of the error; `None` if it was not asked.
    pub outcome: Option<&'static str>,
    /// Its error, even one that leads on.
    pub error: Option<Error>,
    /// The names that were asked for.
    pub steps: Vec<AskedName>,
}

impl MemberSearch {
    pub(super) fn unasked(member: &Member, passed_over: Option<Skipped>) -> Self {
        Self {
            name: member.name.clone(),
            title: member.title(),
            passed_over,
            outcome: None,
            error: None,
            steps: Vec::new(),
        }
    }

    pub(super) fn with(self, found: &Result<Reply>, steps: Option<Vec<AskedName>>) -> Self {
        let outcome = found.as_ref().map_or_else(|error| error.kind().as_str(), |reply| reply.outcome);
        Self {
            outcome: Some(outcome),
            error: found.as_ref().err().cloned(),
            steps: steps.unwrap_or_default(),
            ..self
        }
    }
}
