//! The identity that AWS sees, for `strongroom doctor`: `GetCallerIdentity` of STS, which every identity may
//! call.
//!
//! Source: "AWS Security Token Service endpoints and quotas" and `GetCallerIdentity` in the STS API
//! reference.

use aws_credential_types::provider::ProvideCredentials;
use reqwest::Client;

use crate::redact::Shown;
use crate::store::aws::credentials::CredentialCache;
use crate::store::aws::query::{QueryPlace, ask, element};
use crate::store::tools::{Finding, Severity};

const QUESTION: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// STS of the region, or the configured one. If the store has an address of its own, nothing is known about
/// STS: the answer is `None`, so that keys of another service are not sent to AWS.
pub(super) fn sts(region: &str, written: Option<String>, store_has_own: bool) -> Option<QueryPlace> {
    let suffix = match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        // The suffixes of the isolated partitions are not public.
        _ if region.starts_with("us-iso") || region.starts_with("eu-iso") => return None,
        _ => "amazonaws.com",
    };
    // With an endpoint of its own the store may be another service than AWS, so the STS of AWS is not asked.
    let usual = (!store_has_own).then(|| format!("https://sts.{region}.{suffix}/"));
    Some(QueryPlace { address: written.or(usual)?, service: "sts", region: region.to_owned() })
}

/// The ARN and the account of the credentials that sign.
pub(super) async fn finding(
    place: &QueryPlace,
    client: &Client,
    credentials: &CredentialCache,
) -> Option<Finding> {
    let key = credentials.provide_credentials().await.ok()?;
    Some(match ask(client, place, QUESTION, &key).await {
        Some((status, text)) if status.is_success() => {
            caller(&text).unwrap_or_else(|| unknown("its answer names none"))
        }
        Some((status, _)) => unknown(&format!("it answered {}", status.as_u16())),
        None => unknown("it did not answer"),
    })
}

fn caller(text: &str) -> Option<Finding> {
    let (arn, account) = (element(text, "Arn")?, element(text, "Account")?);
    Some(Finding::fine(
        "caller",
        format!("AWS knows the caller as {} of account {}", Shown(arn), Shown(account)),
    ))
}

/// Not a problem: no lookup needs it.
fn unknown(reason: &str) -> Finding {
    Finding::new(
        Severity::Note,
        "caller",
        format!("who the caller is, is not known: STS was asked, and {reason}"),
        "`aws sts get-caller-identity` with the same credentials shows it; lookups do not need STS to be \
        reachable",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_named_with_its_account() {
        let answer = "<GetCallerIdentityResult><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>\
            <UserId>x</UserId><Account>1</Account>";
        insta::assert_snapshot!(caller(answer).unwrap().evidence, @"AWS knows the caller as \
        arn:aws:sts::1:assumed-role/r/s of account 1");
        assert_eq!(caller("<html>"), None);
        assert_eq!(unknown("x").severity, Severity::Note);
    }

    #[test]
    fn sts_is_that_of_the_region_and_never_one_of_another_service() {
        let address = |region| sts(region, None, false).map(|place| place.address);
        assert_eq!(address("eu-west-1").as_deref(), Some("https://sts.eu-west-1.amazonaws.com/"));
        assert_eq!(address("cn-north-1").as_deref(), Some("https://sts.cn-north-1.amazonaws.com.cn/"));
        assert_eq!((address("us-iso-east-1"), sts("eu-west-1", None, true)), (None, None));
        assert_eq!(sts("eu-west-1", Some("http://h/".to_owned()), true).unwrap().address, "http://h/");
    }
}
