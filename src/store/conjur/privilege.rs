//! Whether the role may read what it sees, for `strongroom doctor`: Conjur says of a variable that is absent
//! the same to a role that may read nothing.

use crate::store::tools::{Finding, Severity};

use super::Conjur;
use super::resource::described;

const CHECK: &str = "privileges";

/// The query that asks for one privilege (`CheckPrivilege`).
const EXECUTE: [(&str, &str); 2] = [("check", "true"), ("privilege", "execute")];

impl Conjur {
    /// What the role may do with the first variable that it sees; `None` if Conjur does not say.
    pub(super) async fn privileges(&self) -> Option<Finding> {
        let seen = self.page("0", 1).await.ok()?;
        let Some(first) = seen.first().and_then(|resource| described(resource, &self.account)) else {
            let evidence = "the role sees no variable, so every lookup is a miss";
            let remedy = "Give it `read` and `execute`, as `strongroom policy conjur` shows";
            return Some(Finding::new(Severity::Warning, CHECK, evidence, remedy));
        };
        let request = self.session.get(&self.path("resources", &first.name), &EXECUTE).ok()?;
        let answer = self.session.ask(&request, "asking for a privilege").await.ok()?;
        match answer.status {
            _ if answer.is_success() => {
                Some(Finding::fine(CHECK, format!("the role may read `{}`, which it sees", first.name)))
            }
            403 | 404 => Some(Finding::new(
                Severity::Note,
                CHECK,
                format!("the role sees `{}`, and may not read its value", first.name),
                "If it is one of Airflow's, give the role `execute`, as `strongroom policy conjur` shows",
            )),
            _ => None,
        }
    }
}
