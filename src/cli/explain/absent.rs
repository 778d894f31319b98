//! Why nothing was found: what a store tells of a name that a lookup missed.

use serde_json::{Value, json};

use crate::backend::Explained;
use crate::cli::setup::Client;
use crate::cli::subject::LookedUp;
use crate::error::Error;
use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::tools::Finding;

/// What a store says of one name.
#[derive(Debug)]
pub(super) struct Absence {
    name: SecretName,
    told: Result<Finding, Error>,
}

/// One question more for each name of a lookup that found nothing; none after an error, which says enough.
pub(super) fn absences(client: &Client, answer: &LookedUp) -> Vec<Absence> {
    let LookedUp::Asked(Explained { outcome: Ok(_), error: None, steps }) = answer else { return Vec::new() };
    if answer.value().is_some() {
        return Vec::new();
    }
    let names = steps.iter().map(|step| step.name.clone());
    names.filter_map(|name| ask(client, name)).collect()
}

fn ask(client: &Client, name: SecretName) -> Option<Absence> {
    let (told, _) = client.run(client.backend.why_absent(&name)).ok()?;
    let told = told.transpose()?;
    Some(Absence { name, told })
}

impl Absence {
    /// In one line.
    pub(super) fn text(&self) -> String {
        match &self.told {
            Ok(finding) => Shown(&finding.evidence).to_string(),
            Err(error) => format!("why `{}` is not there is not known: {error}", self.name),
        }
    }

    /// What to do, where the store knows why.
    pub(super) fn remedy(&self) -> Option<&str> {
        self.told.as_ref().ok().map(|finding| finding.remedy.as_str()).filter(|remedy| !remedy.is_empty())
    }

    /// `name`, `check`, `evidence`, `remedy`; without a check where the store could not be asked.
    pub(super) fn json(&self) -> Value {
        let check = self.told.as_ref().ok().map(|finding| finding.check);
        json!({
            "name": self.name.as_str(),
            "check": check,
            "evidence": self.text(),
            "remedy": self.remedy(),
        })
    }
}
