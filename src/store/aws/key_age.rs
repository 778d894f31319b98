//! How old a long-lived access key is, for `strongroom doctor`: one request to IAM about the key that signs
//! it.
//!
//! Source: `ListAccessKeys` in the IAM API reference (without a user name it is about the user whose key
//! signs the request), "AWS Identity and Access Management endpoints and quotas", and "Update access keys" in
//! the IAM user guide (90 days).

use std::time::SystemTime;

use aws_credential_types::provider::ProvideCredentials;
use reqwest::{Client, StatusCode};

use crate::moment;
use crate::store::aws::credentials::CredentialCache;
use crate::store::aws::endpoint::ServiceNames;
use crate::store::aws::query::{QueryPlace, ask};
use crate::store::tools::{Finding, Severity};

/// The names of IAM.
pub(super) const IAM: ServiceNames = ServiceNames { variable: "AWS_ENDPOINT_URL_IAM", key: "iam" };

const QUESTION: &str = "Action=ListAccessKeys&Version=2010-05-08";

/// The prefix of long-lived keys; those of sessions begin with `ASIA` and come with a token ("Unique
/// identifiers" in the IAM user guide).
const LONG_LIVED: &str = "AKIA";

/// The age in days at which AWS recommends a new key.
const OLDEST: u64 = 90;
const DAY: u64 = 86_400;

/// Where IAM is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Iam {
    /// Its address, with a slash at the end.
    pub(super) address: String,
    /// The region that requests are signed for.
    pub(super) region: &'static str,
}

impl Iam {
    /// IAM of the partition that `region` is in. IAM is global, so a custom address of the store says nothing
    /// about it; `written` is a configured address of IAM. `None` if its address is unknown.
    pub(super) fn of(region: &str, written: Option<String>, store_has_own: bool) -> Option<Self> {
        let (usual, signed_for) = match region {
            _ if region.starts_with("cn-") => ("https://iam.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
            _ if region.starts_with("us-gov-") => ("https://iam.us-gov.amazonaws.com/", "us-gov-west-1"),
            _ if region.starts_with("us-iso") || region.starts_with("eu-iso") => return None,
            _ => ("https://iam.amazonaws.com/", "us-east-1"),
        };
        // With an endpoint of its own the store may be another service than AWS, so the IAM of AWS is not
        // asked.
        let usual = (!store_has_own).then(|| usual.to_owned());
        Some(Self { address: written.or(usual)?, region: signed_for })
    }

    fn place(&self) -> QueryPlace {
        QueryPlace { address: self.address.clone(), service: "iam", region: self.region.to_owned() }
    }

    /// A finding about the key that signs requests; nothing about one that expires.
    pub(super) async fn finding(&self, client: &Client, credentials: &CredentialCache) -> Option<Finding> {
        let key = credentials.provide_credentials().await.ok()?;
        if key.session_token().is_some() || !key.access_key_id().starts_with(LONG_LIVED) {
            return None;
        }
        let asked = ask(client, &self.place(), QUESTION, &key).await;
        Some(match asked {
            Some((status, text)) if status.is_success() => made(&text, key.access_key_id())
                .map_or_else(|| unknown("IAM does not list it"), |made| judged(made, SystemTime::now())),
            Some((StatusCode::FORBIDDEN, _)) => unknown("iam:ListAccessKeys was denied"),
            Some((status, _)) => unknown(&format!("IAM answered {}", status.as_u16())),
            None => unknown("IAM did not answer"),
        })
    }
}

/// When the key was made, in the XML of the answer, which has an element `member` for each key.
fn made(text: &str, key: &str) -> Option<SystemTime> {
    let is_ours = |member: &&str| member.contains(&format!("<AccessKeyId>{key}</AccessKeyId>"));
    let member = text.split("<member>").find(is_ours)?;
    let (_, date) = member.split_once("<CreateDate>")?;
    let (date, _) = date.split_once("</CreateDate>")?;
    moment::read(date)
}

fn judged(made: SystemTime, now: SystemTime) -> Finding {
    let days = now.duration_since(made).unwrap_or_default().as_secs() / DAY;
    let evidence = format!("the access key is {days} days old");
    if days < OLDEST {
        return Finding::fine("key_age", evidence);
    }
    let remedy = format!("Replace it: AWS advises to do so after {OLDEST} days at the latest; or use a role");
    Finding::new(Severity::Warning, "key_age", evidence, remedy)
}

/// Not a problem: no lookup needs it.
fn unknown(reason: &str) -> Finding {
    Finding::new(
        Severity::Note,
        "key_age",
        format!("how old the access key is, is not known: {reason}"),
        "`aws iam list-access-keys` shows it; for it to appear here allow iam:ListAccessKeys on this user",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ANSWER: &str = "<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata>\
        <member><AccessKeyId>AKIAOTHER</AccessKeyId><CreateDate>2020-01-01T00:00:00Z</CreateDate></member>\
        <member><UserName>u</UserName><AccessKeyId>AKIAOURS</AccessKeyId><Status>Active</Status>\
        <CreateDate>2026-03-01T12:30:00Z</CreateDate></member></AccessKeyMetadata></ListAccessKeysResult>";

    #[test]
    fn the_age_is_that_of_the_key_that_signs() {
        let made_at = made(ANSWER, "AKIAOURS").unwrap();
        assert_eq!(made_at, SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_368_200));
        assert_eq!((made(ANSWER, "AKIA"), made("<member>", "AKIAOURS")), (None, None));
        let judge = |days: u64| judged(made_at, made_at + Duration::from_secs(days * DAY)).severity;
        assert_eq!([0, 89, 90].map(judge), [Severity::Fine, Severity::Fine, Severity::Warning]);
        assert_eq!(judged(made_at, SystemTime::UNIX_EPOCH).severity, Severity::Fine);
        assert_eq!(unknown("x").severity, Severity::Note);
    }

    #[test]
    fn each_partition_has_one_iam_and_other_services_have_none() {
        let address = |region| Iam::of(region, None, false).map(|iam| (iam.address, iam.region));
        assert_eq!(address("eu-west-1"), Some(("https://iam.amazonaws.com/".to_owned(), "us-east-1")));
        assert_eq!(address("cn-northwest-1").unwrap().1, "cn-north-1");
        assert_eq!(address("us-gov-east-1").unwrap().1, "us-gov-west-1");
        assert_eq!(address("us-iso-east-1"), None);
        // A key of another cloud, or of a test, is not sent to AWS.
        assert_eq!(Iam::of("eu-west-1", None, true), None);
        let own = Iam::of("eu-west-1", Some("http://h/".to_owned()), true).unwrap();
        assert_eq!(own.address, "http://h/");
    }
}
