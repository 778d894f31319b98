//! Several secrets with one `BatchGetSecretValue`.
//!
//! Request and answer: `BatchGetSecretValue` in the API reference. AWS grants an account 100 of them per
//! second for all its processes, and 10,000 of `GetSecretValue` ("Secrets Manager quotas" in the user guide).
//! Emulators refuse a batch because of one absent secret (moto 5.2.5 because of one without a value).

use std::num::NonZeroUsize;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::batch_get_secret_value::BatchGetSecretValueOutput;
use aws_sdk_secretsmanager::operation::batch_get_secret_value::builders::BatchGetSecretValueFluentBuilder;
use aws_sdk_secretsmanager::types::{ApiErrorType, SecretValueEntry};

use super::SecretsManager;
use super::error::{batch_failure, entry_error};
use crate::store::SecretName;
use crate::store::aws::access::Access;
use crate::store::aws::batches::{BatchFailure, Known};
use crate::value::SecretValue;

/// The most ids in one request.
pub(super) const LARGEST: NonZeroUsize = NonZeroUsize::new(20).unwrap();

/// The most characters in one id; a longer one would make the whole request invalid.
const LONGEST_ID: usize = 2048;

/// Characters that AWS adds to the name of a secret in its ARN: a hyphen and six more.
const ARN_SUFFIX: usize = 7;

/// Whether a name can be part of a batch.
pub(super) fn fits(name: &SecretName) -> bool {
    (1..=LONGEST_ID).contains(&name.as_str().chars().count())
}

impl SecretsManager {
    /// One batch with all its pages. There are at most as many pages as names, even if a faulty server
    /// announces more.
    pub(super) async fn read_pages(
        &self,
        names: &[SecretName],
        access: &Access,
        known: &mut Known,
    ) -> Result<(), BatchFailure> {
        let ids: Vec<String> = names.iter().map(|name| name.as_str().to_owned()).collect();
        let mut page = None;
        // At most one page per name, so that a faulty service cannot keep the loop going.
        for _ in names {
            // Before each page, since the credentials may expire between two pages.
            access.log_in().await.map_err(BatchFailure::Failed)?;
            let answer = request(&self.client, ids.clone(), page).send().await;
            let mut answer = answer.map_err(|error| batch_failure(&error, names.len()))?;
            page = answer.next_token.take();
            note_all(known, answer, names, &access.region);
            if page.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// The request for one page of a batch.
pub(super) fn request(
    client: &Client,
    ids: Vec<String>,
    page: Option<String>,
) -> BatchGetSecretValueFluentBuilder {
    client.batch_get_secret_value().set_secret_id_list(Some(ids)).set_next_token(page)
}

fn note_all(known: &mut Known, answer: BatchGetSecretValueOutput, names: &[SecretName], region: &str) {
    for entry in answer.secret_values.unwrap_or_default() {
        note_value(known, entry, names);
    }
    for entry in answer.errors.unwrap_or_default() {
        note_error(known, &entry, names, region);
    }
}

/// A name and an ARN in the same batch may refer to the same secret.
fn note_value(known: &mut Known, mut entry: SecretValueEntry, names: &[SecretName]) {
    let value = entry.secret_string.take().map(SecretValue::text);
    for name in names.iter().filter(|name| is_id_of(name.as_str(), &entry)) {
        known.note(name, Ok(value.clone()));
    }
}

/// An error without a code has no meaning, so the secret is read on its own.
fn note_error(known: &mut Known, entry: &ApiErrorType, names: &[SecretName], region: &str) {
    let Some(code) = entry.error_code() else { return };
    for name in names.iter().filter(|name| entry.secret_id() == Some(name.as_str())) {
        let error = entry_error(code, entry.message(), name, region);
        known.note(name, error.map_or(Ok(None), Err));
    }
}

/// Whether `id` is the name, the ARN, or the ARN without the characters that AWS added ("Finding a secret
/// from a partial ARN" in the user guide).
fn is_id_of(id: &str, entry: &SecretValueEntry) -> bool {
    let is_arn = |arn: &str| {
        let rest = arn.strip_prefix(id);
        rest.is_some_and(|rest| rest.is_empty() || (rest.len() == ARN_SUFFIX && rest.starts_with('-')))
    };
    entry.name() == Some(id) || entry.arn().is_some_and(is_arn)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ErrorKind;
    use crate::store::Store;
    use crate::store::aws::testing::{Memory, read_from, refusal, store};

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:";

    async fn read(memory: &Memory, names: &[&str]) -> Vec<String> {
        read_from(&store::<SecretsManager>(memory), names).await
    }

    fn ids(request: &Value) -> Vec<String> {
        serde_json::from_value(request["SecretIdList"].clone()).unwrap_or_default()
    }

    fn value(name: &str) -> Value {
        json!({"Name": name, "ARN": format!("{ARN}{name}-abcdef"),
            "SecretString": format!("value of {name}")})
    }

    /// Every secret exists, in a batch and on its own.
    fn full(operation: &str, request: &Value) -> (u16, Value) {
        match operation {
            "GetSecretValue" => (200, json!({"SecretString": "alone"})),
            _ => (200, json!({"SecretValues": ids(request).iter().map(|id| value(id)).collect::<Vec<_>>()})),
        }
    }

    /// Read alone, every secret exists; batches are answered as given.
    fn batches(answer: (u16, Value)) -> Memory {
        Memory::new(move |operation, request| match operation {
            "GetSecretValue" => full(operation, request),
            _ => answer.clone(),
        })
    }

    #[tokio::test]
    async fn a_batch_holds_twenty_and_a_single_secret_is_not_batched() {
        let names: Vec<String> = (0..41).map(|number| format!("n{number}")).collect();
        let memory = Memory::new(full);
        let answers = read(&memory, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!((answers[0].as_str(), answers[39].as_str()), ("value of n0", "value of n39"));
        assert_eq!(answers[40], "alone");
        let calls = memory.calls();
        let sizes: Vec<_> = calls.iter().map(|(_, request)| ids(request).len()).collect();
        assert_eq!(sizes, [20, 20, 0]);
        assert_eq!(calls[2], ("GetSecretValue".to_owned(), json!({"SecretId": "n40"})));
    }

    #[tokio::test]
    async fn one_name_or_none_needs_no_batch() {
        let memory = Memory::new(full);
        assert_eq!(read(&memory, &["a"]).await, ["alone"]);
        assert_eq!(memory.operations(), ["GetSecretValue"]);
        assert!(read(&memory, &[]).await.is_empty());
        assert!(memory.operations().is_empty());
    }

    #[tokio::test]
    async fn answers_find_their_names_in_any_order() {
        let memory = batches((
            200,
            json!({
                "SecretValues": [
                    value("a"),
                    value("b"),
                    {"Name": "bytes", "ARN": format!("{ARN}bytes-abcdef"), "SecretBinary": "eA=="},
                ],
                "Errors": [
                    {"SecretId": "gone", "ErrorCode": "ResourceNotFoundException"},
                    {"SecretId": "denied", "ErrorCode": "AccessDeniedException", "Message": "canary"},
                    {"SecretId": "b", "ErrorCode": "AccessDeniedException"},
                    {"SecretId": "odd"},
                ],
            }),
        ));
        let (whole, part) = (format!("{ARN}a-abcdef"), format!("{ARN}a"));
        let names = ["denied", "gone", "bytes", "b", &whole, "a", &part, "a", "odd", "unnamed"];
        let expected =
            ["denied", "none", "none", "value of b", "value of a", "value of a", "value of a", "value of a"];
        let answers = read(&memory, &names).await;
        assert_eq!(answers[..8], expected);
        assert_eq!(answers[8..], ["alone", "alone"]);
        assert_eq!(ids(&memory.calls()[0].1).len(), 9, "each name once");
    }

    #[tokio::test]
    async fn pages_are_followed_and_end() {
        let memory = Memory::new(|_, request| match request["NextToken"].as_str() {
            None => (200, json!({"SecretValues": [value("a")], "NextToken": "2"})),
            _ => (200, json!({"SecretValues": [value("b")], "NextToken": "2"})),
        });
        assert_eq!(read(&memory, &["a", "b"]).await, ["value of a", "value of b"]);
        assert_eq!(memory.operations().len(), 2);
    }

    #[tokio::test]
    async fn without_the_permission_or_the_operation_batches_stay_off() {
        for answer in [
            refusal(400, "AccessDeniedException"),
            refusal(400, "UnknownOperationException"),
            (404, json!("nothing here")),
        ] {
            let memory = batches(answer.clone());
            let store = store::<SecretsManager>(&memory);
            assert_eq!(read_from(&store, &["a", "b"]).await, ["alone", "alone"], "{answer:?}");
            assert_eq!(memory.operations(), ["BatchGetSecretValue", "GetSecretValue", "GetSecretValue"]);
            assert_eq!(read_from(&store, &["a", "b"]).await, ["alone", "alone"]);
            assert_eq!(memory.operations(), ["GetSecretValue", "GetSecretValue"]);
        }
    }

    #[tokio::test]
    async fn a_batch_that_one_secret_spoils_is_read_one_by_one_and_the_next_is_tried() {
        for answer in [
            refusal(400, "InvalidParameterException"),
            refusal(404, "ResourceNotFoundException"),
            (200, json!([])),
        ] {
            let memory = batches(answer.clone());
            let store = store::<SecretsManager>(&memory);
            assert_eq!(read_from(&store, &["a", "b"]).await, ["alone", "alone"], "{answer:?}");
            memory.calls();
            read_from(&store, &["a", "b"]).await;
            assert_eq!(memory.operations()[0], "BatchGetSecretValue");
        }
    }

    #[tokio::test]
    async fn a_failure_of_the_call_applies_to_every_name_and_ends_it() {
        let names: Vec<String> = (0..50).map(|number| format!("n{number}")).collect();
        let names: Vec<SecretName> = names.into_iter().map(SecretName::from).collect();
        let memory = batches(refusal(400, "ThrottlingException"));
        let answers = store::<SecretsManager>(&memory).get_many(&names).await;
        assert_eq!((answers.len(), memory.operations().len()), (50, 1));
        for answer in answers {
            let error = answer.unwrap().unwrap_err();
            assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Throttled, true));
        }
    }

    #[tokio::test]
    async fn a_failing_second_page_leaves_the_first() {
        let memory = Memory::new(|_, request| match request["NextToken"].as_str() {
            None => (200, json!({"SecretValues": [value("a")], "NextToken": "2"})),
            _ => refusal(500, "InternalServiceError"),
        });
        assert_eq!(read(&memory, &["a", "b"]).await, ["value of a", "unreachable"]);
    }

    #[tokio::test]
    async fn names_that_fit_no_batch_are_read_alone() {
        let memory = Memory::new(full);
        let long = "x".repeat(2049);
        let answers = read(&memory, &["a", "", &long, "b"]).await;
        assert_eq!(answers, ["value of a", "invalid_name", "alone", "value of b"]);
        assert_eq!(memory.operations(), ["BatchGetSecretValue", "GetSecretValue"]);
    }
}
