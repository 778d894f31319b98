//! What the Parameter Store reports about a parameter without its value, by `DescribeParameters`; its tags
//! need one more call, `ListTagsForResource`, which a description is spared.
//!
//! Source: these operations and `ParameterMetadata` in the API reference.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::describe_parameters::builders::DescribeParametersFluentBuilder;
use aws_sdk_ssm::types::{ParameterMetadata, ParameterStringFilter, ResourceTypeForTagging};

use super::SystemsManager;
use super::error::{describe_error, split_selector, tags_error};
use crate::error::{Error, ErrorKind, Result};
use crate::store::aws::store::{Describe, Tags};
use crate::store::aws::words::moment;
use crate::store::{Description, SecretName};

impl Describe for SystemsManager {
    const DESCRIBE: &'static str = "DescribeParameters";

    /// What is known about a parameter; `None` if it does not exist.
    async fn describe(&self, name: &SecretName, region: &str) -> Result<Option<Description>> {
        let request = request(&self.client, name.as_str()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidName, "a parameter without a name cannot be described")
                .with_operation("DescribeParameters")
        })?;
        let answer = request.send().await.map_err(|error| describe_error(&error, name, region))?;
        let found = answer.parameters.unwrap_or_default().into_iter().filter_map(of_entry);
        Ok(found.into_iter().find(|described| described.name == *name))
    }

    /// They belong to the parameter and not to one of its versions.
    async fn tags(&self, name: &SecretName, region: &str) -> Result<Option<Tags>> {
        let (parameter, _) = split_selector(name.as_str());
        let request = self.client.list_tags_for_resource().resource_type(ResourceTypeForTagging::Parameter);
        match request.resource_id(parameter).send().await {
            Ok(answer) => {
                let tags = answer.tag_list.unwrap_or_default().into_iter();
                Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
            }
            Err(error) => tags_error(&error, name, region).map_or(Ok(None), Err),
        }
    }
}

/// The request for one parameter.
pub(super) fn request(client: &Client, name: &str) -> Option<DescribeParametersFluentBuilder> {
    let filter = ParameterStringFilter::builder().key("Name").option("Equals").values(name);
    let filter = filter.build().ok().filter(|_| !name.is_empty())?;
    Some(client.describe_parameters().parameter_filters(filter))
}

/// The contents of an entry. Without a name it is useless.
pub(super) fn of_entry(entry: ParameterMetadata) -> Option<Description> {
    Some(Description {
        id: entry.arn,
        version: (entry.version > 0).then(|| entry.version.to_string()),
        form: entry.r#type.map(|form| form.as_str().to_owned()),
        key: entry.key_id,
        changed: entry.last_modified_date.and_then(moment),
        ..Description::of(entry.name?)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Inspect;
    use crate::store::aws::testing::{Memory, refusal, store};

    #[tokio::test]
    async fn a_description_holds_what_the_answer_reports() {
        let memory = Memory::new(|_, _| {
            (
                200,
                json!({"Parameters": [{"Name": "/a/b", "Version": 9}, {"Name": "/a", "Version": 2,
                    "Type": "SecureString"}]}),
            )
        });
        let described = store::<SystemsManager>(&memory).describe(&"/a".into()).await.unwrap().unwrap();
        assert_eq!(
            (described.version.as_deref(), described.form.as_deref()),
            (Some("2"), Some("SecureString"))
        );
        let filters = json!([{"Key": "Name", "Option": "Equals", "Values": ["/a"]}]);
        assert_eq!(memory.calls(), [("DescribeParameters".to_owned(), json!({"ParameterFilters": filters}))]);
    }

    #[tokio::test]
    async fn a_missing_parameter_is_none_and_a_denied_one_names_the_permission() {
        let memory = Memory::new(|_, _| (200, json!({})));
        assert_eq!(store::<SystemsManager>(&memory).describe(&"/a".into()).await.unwrap(), None);
        assert_eq!(
            store::<SystemsManager>(&memory).describe(&"".into()).await.unwrap_err().kind(),
            ErrorKind::InvalidName
        );
        let memory = Memory::new(|_, _| refusal(400, "AccessDeniedException"));
        let error = store::<SystemsManager>(&memory).describe(&"/a".into()).await.unwrap_err();
        insta::assert_snapshot!(error, @"describing `/a` was denied: canary (DescribeParameters: \
        AccessDeniedException). Allow this identity ssm:DescribeParameters on `*` in test: it cannot be \
        allowed for single parameters");
    }
}
