//! The service's clock and the trust in its certificate, for `strongroom doctor`.

use std::time::{Duration, SystemTime};

use reqwest::Client;

use crate::http::Roots;
use crate::redact::ShownPath;
use crate::store::tools::{Finding, Severity};

/// AWS refuses requests whose signature is this old, or this far ahead ("Troubleshooting Signature Version 4"
/// in the IAM user guide), and so does Entra ID (AADSTS700024 in "Microsoft Entra authentication error
/// codes").
const REFUSED: Duration = Duration::from_mins(5);

/// A synchronised clock is closer than this.
const KEPT: Duration = Duration::from_secs(30);

/// Asks the service for nothing but the time.
pub struct Probe {
    /// The client of the service.
    pub client: Client,
    /// The address of the service.
    pub address: String,
    /// What its certificate is verified with; `None` over plain http.
    pub trust: Option<String>,
    /// What the service refuses when the clock is wrong, such as "requests".
    pub refused: &'static str,
}

impl Probe {
    /// Makes one unsigned request: the service refuses it, and the answer still carries the service's time.
    pub async fn findings(&self) -> Vec<Finding> {
        let trust =
            self.trust.as_ref().map(|trust| Finding::fine("certificates", format!("verified with {trust}")));
        trust.into_iter().chain(self.clock().await).collect()
    }

    async fn clock(&self) -> Option<Finding> {
        let answer = self.client.get(&self.address).send().await.ok()?;
        let date = answer.headers().get("date")?.to_str().ok()?;
        let theirs = httpdate::parse_http_date(date).ok()?;
        let ours = SystemTime::now();
        // The difference in either direction counts.
        let apart = ours.duration_since(theirs).or_else(|_| theirs.duration_since(ours)).unwrap_or_default();
        Some(judged(apart, self.refused))
    }
}

fn judged(apart: Duration, refused: &str) -> Finding {
    let seconds = apart.as_secs();
    if apart < KEPT {
        return Finding::fine("clock", format!("{seconds} s from the service's clock"));
    }
    let severity = if apart < REFUSED { Severity::Warning } else { Severity::Problem };
    Finding::new(
        severity,
        "clock",
        format!(
            "this machine's clock is {seconds} s from the service's; from {} s on {refused} are refused",
            REFUSED.as_secs()
        ),
        "Have the clock kept by NTP",
    )
}

/// A description of what a certificate is verified with.
pub fn words(roots: &Roots) -> Option<String> {
    Some(match roots {
        Roots::Empty => return None,
        Roots::Mozilla => "the built-in list of Mozilla".to_owned(),
        Roots::System => "the list of the platform".to_owned(),
        Roots::Bundle { path, named_by } => format!("`{}` ({named_by})", ShownPath(path)),
        Roots::MozillaAnd { path } => {
            format!("the built-in list of Mozilla and `{}`", ShownPath(path))
        }
        Roots::Unverified => "nothing: every certificate is accepted".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_are_reported() {
        let severity = |seconds| judged(Duration::from_secs(seconds), "requests").severity;
        assert_eq!(
            [0, 29, 30, 299, 300].map(severity),
            [Severity::Fine, Severity::Fine, Severity::Warning, Severity::Warning, Severity::Problem]
        );
    }

    #[test]
    fn trust_is_described_in_words() {
        assert_eq!(words(&Roots::Empty), None);
        let bundle = Roots::Bundle { path: "/ca.pem".into(), named_by: "ca_bundle" };
        assert_eq!(words(&bundle).as_deref(), Some("`/ca.pem` (ca_bundle)"));
    }
}
