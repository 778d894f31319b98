//! The state of the server, for `strongroom doctor`: whether it is sealed, its version and time.
//!
//! Source: `sys/health` in the API reference. It needs no token, and its members repeat what its status
//! means.

use std::time::{Duration, SystemTime};

use crate::redact::Shown;
use crate::store::tools::{Finding, Severity};
use crate::store::vault::Vault;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::error::no_answer;
use crate::store::vault::server::Reply;
use crate::value::json::{Object, Value};

/// A synchronised clock is closer than this.
const KEPT: Duration = Duration::from_secs(30);

/// The findings, and whether further requests make sense.
pub(super) struct Health {
    /// What was found.
    pub(super) findings: Vec<Finding>,
    /// Whether the server answers requests.
    pub(super) answers: bool,
}

impl Vault {
    /// Makes one request, without a token.
    pub(super) async fn health(&self) -> Health {
        let subject = "asking for the server's health";
        let asked = async {
            // Health is a property of the server as a whole, so no namespace is sent.
            let call = Call { is_of_root: true, ..Call::of(&Own::get("sys/health"))? };
            self.access.server.ask(&call, None).await
        };
        match asked.await {
            Ok(reply) => judged(&reply, SystemTime::now()),
            Err(error) => {
                let error = no_answer(&error, subject);
                let hint = error.hint().unwrap_or_default();
                let finding = Finding::new(Severity::Problem, "reach", error.message(), hint);
                Health { findings: vec![finding], answers: false }
            }
        }
    }
}

fn judged(reply: &Reply, now: SystemTime) -> Health {
    let json = reply.json();
    let members = json.as_ref().and_then(Value::as_object).filter(|members| members.get("sealed").is_some());
    let Some(members) = members else {
        let text = format!("the server does not report its health (HTTP {})", reply.status);
        let remedy = "A proxy may keep `sys/health` to itself; lookups do not need it";
        return Health {
            findings: vec![Finding::new(Severity::Note, "server", text, remedy)],
            answers: true,
        };
    };
    let state = state(members);
    let answers = state.severity < Severity::Problem;
    Health { findings: [Some(state), clock(members, now)].into_iter().flatten().collect(), answers }
}

fn state(members: &Object) -> Finding {
    let is = |key: &str| members.get(key).and_then(Value::as_bool).unwrap_or(false);
    let version = members.get("version").and_then(Value::as_str).unwrap_or("not reported");
    let version = format!("version {}", Shown(version));
    if members.get("initialized").and_then(Value::as_bool) == Some(false) {
        let remedy = "Run `vault operator init`, or check that `url` is the right server";
        return Finding::new(Severity::Problem, "server", format!("{version}, not initialised"), remedy);
    }
    if is("sealed") {
        let remedy = "Unseal it with `vault operator unseal`; its values are not lost";
        return Finding::new(Severity::Problem, "server", format!("{version}, sealed"), remedy);
    }
    if is("standby") || is("performance_standby") {
        let remedy = "It passes reads on, or redirects; if lookups fail, write the active node or a load \
        balancer as `url`";
        return Finding::new(
            Severity::Note,
            "server",
            format!("{version}, unsealed, a standby node"),
            remedy,
        );
    }
    Finding::fine("server", format!("{version}, unsealed, active"))
}

fn clock(members: &Object, now: SystemTime) -> Option<Finding> {
    let seconds = members.get("server_time_utc").and_then(Value::as_i64)?;
    let theirs = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))?;
    let apart = now.duration_since(theirs).or_else(|_| theirs.duration_since(now)).unwrap_or_default();
    let seconds = apart.as_secs();
    if apart < KEPT {
        return Some(Finding::fine("clock", format!("{seconds} s from the server's clock")));
    }
    Some(Finding::new(
        Severity::Warning,
        "clock",
        format!("this machine's clock is {seconds} s from the server's"),
        "Have both clocks kept by NTP: logins by aws_iam, azure, gcp, jwt and kubernetes are good for a few \
        minutes",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(status: u16, body: &str, now: u64) -> (Vec<String>, bool) {
        let health = judged(&Reply::of(status, body), SystemTime::UNIX_EPOCH + Duration::from_secs(now));
        let shown =
            |found: &Finding| format!("{} {}: {}", found.severity.as_str(), found.check, found.evidence);
        (health.findings.iter().map(shown).collect(), health.answers)
    }

    #[test]
    fn states_of_a_server_are_distinguished() {
        let state = |members: &str| {
            let (findings, answers) =
                described(200, &format!(r#"{{"version": "1.2", "sealed": false{members}}}"#), 0);
            (findings.concat(), answers)
        };
        assert_eq!(state(""), ("ok server: version 1.2, unsealed, active".to_owned(), true));
        let standby = r#", "initialized": true, "performance_standby": true"#;
        assert_eq!(state(standby), ("note server: version 1.2, unsealed, a standby node".to_owned(), true));
        let bare = r#", "initialized": false"#;
        assert_eq!(state(bare), ("problem server: version 1.2, not initialised".to_owned(), false));
        let sealed = described(503, r#"{"version": "1.2\n", "sealed": true}"#, 0);
        assert_eq!(sealed, (vec![r"problem server: version 1.2\n, sealed".to_owned()], false));
        let refused = described(403, r#"{"errors": []}"#, 0);
        assert_eq!(
            refused,
            (vec!["note server: the server does not report its health (HTTP 403)".to_owned()], true)
        );
    }

    #[test]
    fn clocks_that_differ_are_reported() {
        let clock =
            |now| described(200, r#"{"sealed": false, "server_time_utc": 1000}"#, now).0.pop().unwrap();
        assert_eq!(clock(1029), "ok clock: 29 s from the server's clock");
        assert_eq!(clock(960), "warning clock: this machine's clock is 40 s from the server's");
    }
}
