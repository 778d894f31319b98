//! Why nothing was found: what a store reports about a name that a lookup missed.

use serde_json::{Value, json};

use crate::backend::Explained;
use crate::cli::setup::Client;
use crate::cli::subject::LookedUp;
use crate::error::Error;
use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::tools::Finding;

/// What a store reports about one name.
#[derive(Debug)]
pub(super) struct Absence {
    name: SecretName,
    reason: Result<Finding, Error>,
}

/// Asks about each name of a lookup that found nothing; not after an error, which is explanation enough.
pub(super) fn absences(client: &Client, answer: &LookedUp) -> Vec<Absence> {
    let LookedUp::Asked(Explained { outcome: Ok(_), error: None, steps, .. }) = answer else {
        return Vec::new();
    };
    if answer.value().is_some() {
        return Vec::new();
    }
    let names = steps.iter().map(|step| step.name.clone());
    names.filter_map(|name| ask(client, name)).collect()
}

fn ask(client: &Client, name: SecretName) -> Option<Absence> {
    let (reason, _) = client.run(client.backend.why_absent(&name)).ok()?;
    let reason = reason.transpose()?;
    Some(Absence { name, reason })
}

impl Absence {
    /// The reason in one line.
    pub(super) fn text(&self) -> String {
        match &self.reason {
            Ok(finding) => Shown(&finding.evidence).to_string(),
            Err(error) => format!("why `{}` is not there is not known: {error}", self.name),
        }
    }

    /// What to do, if the store knows the reason.
    pub(super) fn remedy(&self) -> Option<&str> {
        self.reason.as_ref().ok().map(|finding| finding.remedy.as_str()).filter(|remedy| !remedy.is_empty())
    }

    /// `name`, `check`, `evidence`, `remedy`; without a check if the store could not be asked.
    pub(super) fn json(&self) -> Value {
        let check = self.reason.as_ref().ok().map(|finding| finding.check);
        json!({
            "name": self.name.as_str(),
            "check": check,
            "evidence": self.text(),
            "remedy": self.remedy(),
        })
    }
}
