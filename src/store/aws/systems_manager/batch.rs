//! Several parameters with one `GetParameters`.
//!
//! Source: `GetParameters` in the API reference. It answers with what it finds, and lists the rest as invalid
//! without a reason: absent, a version or a label that does not exist, an impossible name. Single reads
//! distinguish these, so only plain names of parameters are requested in a batch; an invalid one among those
//! is absent. The answer names a parameter without the version or label that was requested.
//!
//! If the permission for one of the parameters is missing, the whole batch is denied, exactly as without the
//! permission for `GetParameters`. Reading the same parameters one by one shows which of the two it is.

use std::num::NonZeroUsize;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::get_parameters::GetParametersOutput;
use aws_sdk_ssm::operation::get_parameters::builders::GetParametersFluentBuilder;

use super::SystemsManager;
use super::error::batch_failure;
use crate::store::SecretName;
use crate::store::aws::batches::{BatchFailure, Known};
use crate::value::SecretValue;

/// The most names in one request.
pub(super) const LARGEST: NonZeroUsize = NonZeroUsize::new(10).unwrap();

/// The most characters in a name, including those of its ARN ("Constraints" of `PutParameter`).
const LONGEST_NAME: usize = 1011;

/// The most levels of a path (ibid.).
const DEEPEST_PATH: usize = 15;

/// The beginnings of the names of AWS's own parameters, in any case (ibid.).
const RESERVED: [&str; 2] = ["/aws", "/ssm"];

impl SystemsManager {
    /// Reads one batch.
    pub(super) async fn ask_many(
        &self,
        names: &[SecretName],
        region: &str,
        known: &mut Known,
    ) -> Result<(), BatchFailure> {
        let asked = names.iter().map(|name| name.as_str().to_owned()).collect();
        match request(&self.client, asked).send().await {
            Ok(answer) => {
                note_all(known, answer, names);
                Ok(())
            }
            Err(error) => Err(batch_failure(&error, names.len(), region)),
        }
    }
}

/// The request for a batch.
pub(super) fn request(client: &Client, names: Vec<String>) -> GetParametersFluentBuilder {
    client.get_parameters().set_names(Some(names)).with_decryption(true)
}

/// An entry without a value, or one that was not requested, has no meaning.
fn note_all(known: &mut Known, answer: GetParametersOutput, names: &[SecretName]) {
    let asked = |returned: Option<String>| {
        let returned = returned?;
        names.iter().find(|name| name.as_str() == returned)
    };
    for parameter in answer.parameters.unwrap_or_default() {
        if let (Some(name), Some(value)) = (asked(parameter.name), parameter.value) {
            known.note(name, Ok(Some(SecretValue::text(value))));
        }
    }
    for name in answer.invalid_parameters.unwrap_or_default() {
        if let Some(name) = asked(Some(name)) {
            known.note(name, Ok(None));
        }
    }
}

/// Whether this can be the plain name of a parameter of this account: a path, without a version or a label.
pub(super) fn fits(name: &SecretName) -> bool {
    let name = name.as_str();
    let Some(path) = name.strip_prefix('/') else { return false };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let is_level = |level: &str| !level.is_empty() && level.bytes().all(is_letter);
    let is_reserved =
        |word: &str| name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    name.len() <= LONGEST_NAME
        && path.split('/').all(is_level)
        && path.split('/').count() <= DEEPEST_PATH
        && !RESERVED.into_iter().any(is_reserved)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ErrorKind;
    use crate::store::Store;
    use crate::store::aws::testing::{Memory, read_from, refusal, store};

    fn asked(request: &Value) -> Vec<String> {
        serde_json::from_value(request["Names"].clone()).unwrap_or_default()
    }

    fn alone(request: &Value) -> (u16, Value) {
        match request["Name"].as_str() {
            Some("/denied") => refusal(400, "AccessDeniedException"),
            Some("/throttled") => refusal(400, "ThrottlingException"),
            Some("/a:9") => refusal(400, "ParameterVersionNotFound"),
            _ => (200, json!({"Parameter": {"Value": "alone"}})),
        }
    }

    fn found(request: &Value) -> (u16, Value) {
        let found = asked(request);
        let found = found.iter().map(|name| json!({"Name": name, "Value": format!("of {name}")}));
        (200, json!({"Parameters": found.collect::<Vec<_>>()}))
    }

    /// Every parameter exists, in a batch and on its own.
    fn full() -> Memory {
        Memory::new(|operation, request| match operation {
            "GetParameter" => alone(request),
            _ => found(request),
        })
    }

    /// Read alone, every parameter exists; batches are answered as given.
    fn batches(answer: (u16, Value)) -> Memory {
        Memory::new(move |operation, request| match operation {
            "GetParameter" => alone(request),
            _ => answer.clone(),
        })
    }

    #[tokio::test]
    async fn a_batch_holds_ten_and_a_single_parameter_is_not_batched() {
        let names: Vec<String> = (0..21).map(|number| format!("/n{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let memory = full();
        let answers = read_from(&store::<SystemsManager>(&memory), &names).await;
        assert_eq!((answers[0].as_str(), answers[19].as_str()), ("of /n0", "of /n19"));
        assert_eq!(answers[20], "alone");
        let calls = memory.calls();
        assert_eq!(calls[0].1, json!({"Names": names[..10], "WithDecryption": true}));
        assert_eq!((asked(&calls[1].1).len(), calls[2].0.as_str()), (10, "GetParameter"));
    }

    #[tokio::test]
    async fn what_a_batch_could_not_distinguish_is_read_alone() {
        let memory = full();
        let odd = ["/a:1", "/a:9", "/a b", "/aws/service/x", "no-slash", "//a", "/a/", "/\u{fc}", "/", ""];
        let names: Vec<&str> = odd.into_iter().chain(["/a", "/b", "/a"]).collect();
        let answers = read_from(&store::<SystemsManager>(&memory), &names).await;
        assert_eq!(answers[..2], ["alone", "invalid_name"]);
        assert!(answers[2..10].iter().all(|answer| answer == "alone"), "{answers:?}");
        assert_eq!(answers[10..], ["of /a", "of /b", "of /a"]);
        assert_eq!(asked(&memory.calls()[0].1), ["/a", "/b"], "each name once");
    }

    #[tokio::test]
    async fn the_rest_of_an_answer_is_absent_or_read_alone() {
        let memory = batches((
            200,
            json!({
                "Parameters": [{"Name": "/b", "Value": "", "Selector": ""}, {"Name": "/x", "Value": "y"},
                    {"Name": "/c"}],
                "InvalidParameters": ["/gone", "/elsewhere"],
            }),
        ));
        let answers = read_from(&store::<SystemsManager>(&memory), &["/gone", "/b", "/c", "/unnamed"]).await;
        assert_eq!(answers, ["none", "", "alone", "alone"]);
    }

    #[tokio::test]
    async fn without_the_permission_or_the_operation_batches_stay_off() {
        for (answer, tries) in [
            // One denial may be due to one of the parameters.
            (refusal(400, "AccessDeniedException"), 2),
            (refusal(400, "UnknownOperationException"), 1),
            ((404, json!("nothing here")), 1),
        ] {
            let memory = batches(answer.clone());
            let store = store::<SystemsManager>(&memory);
            for _ in 0..tries {
                assert_eq!(read_from(&store, &["/a", "/b"]).await, ["alone", "alone"], "{answer:?}");
                assert_eq!(memory.operations(), ["GetParameters", "GetParameter", "GetParameter"]);
            }
            assert_eq!(store.batch_size(), NonZeroUsize::MIN);
            assert_eq!(read_from(&store, &["/a", "/b"]).await, ["alone", "alone"]);
            assert_eq!(memory.operations(), ["GetParameter", "GetParameter"]);
        }
    }

    #[tokio::test]
    async fn a_parameter_that_may_not_be_read_is_found_by_single_reads() {
        for unread in ["denied", "throttled"] {
            let memory = batches(refusal(400, "AccessDeniedException"));
            let store = store::<SystemsManager>(&memory);
            assert_eq!(read_from(&store, &["/a", &format!("/{unread}")]).await, ["alone", unread]);
            assert_eq!(store.batch_size(), LARGEST);
        }
    }

    #[tokio::test]
    async fn a_batch_that_one_parameter_spoils_is_read_one_by_one_and_the_next_is_tried() {
        for answer in [
            refusal(400, "ValidationException"),
            refusal(400, "InvalidKeyId"),
            refusal(400, "ParameterNotFound"),
            (200, json!([])),
        ] {
            let memory = batches(answer.clone());
            let store = store::<SystemsManager>(&memory);
            for _ in 0..2 {
                assert_eq!(read_from(&store, &["/a", "/b"]).await, ["alone", "alone"], "{answer:?}");
                assert_eq!(memory.operations()[0], "GetParameters");
            }
        }
    }

    #[tokio::test]
    async fn a_failure_of_the_call_applies_to_every_name_and_ends_it() {
        let names: Vec<SecretName> = (0..50).map(|number| format!("/n{number}").into()).collect();
        let memory = batches(refusal(400, "ThrottlingException"));
        let answers = store::<SystemsManager>(&memory).get_many(&names).await;
        assert_eq!((answers.len(), memory.operations().len()), (50, 1));
        for answer in answers {
            let error = answer.unwrap().unwrap_err();
            assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Throttled, true));
        }
    }

    #[test]
    fn a_plain_name_is_one_that_a_parameter_can_have() {
        let (deep, long) = ("/x".repeat(15), format!("/{}", "x".repeat(1010)));
        for name in ["/a", "/airflow/connections/my_conn-1.x", &deep, &long] {
            assert!(fits(&name.into()), "{name}");
        }
        for name in [&format!("{deep}/x"), &format!("{long}x"), "/AWS/x", "/ssmx", "/a:1", "a", "/", "/a//b"]
        {
            assert!(!fits(&name.into()), "{name}");
        }
    }
}
