//! What the command line needs to know about the Parameter Store.

use crate::store::aws::checks::check;
use crate::store::aws::policy::{Statement, arn, document, key_statement, resources, tool};
use crate::store::tools::{PolicyRequest, Tools};

/// The part of the entry that lookups do not need.
pub(super) const TOOLS: Tools = Tools {
    official_class: Some(
        "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend",
    ),
    words: &["ssm", "aws_systems_manager", "aws_ssm", "parameter_store"],
    about: "AWS SSM Parameter Store: an IAM policy",
    lists_tags: false,
    check,
    policy: Some(tool(policy)),
    ..Tools::NONE
};

const READ: &[&str] = &["ssm:GetParameter", "ssm:GetParameters"];

const CREATE: &[&str] = &["ssm:PutParameter", "ssm:AddTagsToResource"];

const CHANGE: &[&str] = &["ssm:PutParameter", "ssm:DeleteParameter", "ssm:ListTagsForResource"];

/// Reading by name and in batches, listing, and with `manages` writing. Listing cannot be allowed for single
/// parameters.
fn policy(request: &PolicyRequest) -> String {
    let parameters = parameters_of(request);
    let tagged = "aws:ResourceTag";
    let mut statements = vec![
        Statement::new("Read", READ, parameters.clone()).with_tags(tagged, &request.tags),
        Statement::new("List", &["ssm:DescribeParameters"], vec!["*".to_owned()]),
    ];
    if request.manages {
        // With tags, creating needs a statement of its own: a new parameter only has the tags of the request.
        if !request.tags.is_empty() {
            let create = Statement::new("Create", CREATE, parameters.clone());
            statements.push(create.with_tags("aws:RequestTag", &request.tags));
        }
        let mut change = Statement::new("Change", CHANGE, parameters).with_tags(tagged, &request.tags);
        if request.tags.is_empty() {
            change.actions.push("ssm:AddTagsToResource");
        }
        statements.push(change);
    }
    statements.push(key_statement(request, "ssm", "kms:ViaService"));
    document(&statements)
}

/// In an ARN a path has no slash of its own: the one after `parameter` is its beginning.
fn parameters_of(request: &PolicyRequest) -> Vec<String> {
    let begin = format!("{}parameter/", arn("ssm", request));
    let path = |name: &str| format!("{begin}{}", name.strip_prefix('/').unwrap_or(name));
    resources(request, |prefix| format!("{}*", path(prefix)), path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::Kind;

    #[test]
    fn reading_allows_nothing_that_writes() {
        let request = PolicyRequest {
            prefixes: vec![(Kind::Variable, "/airflow/variables/".to_owned())],
            names: vec!["/airflow/all".to_owned()],
            keys: vec!["1234".to_owned()],
            account: Some("111122223333".to_owned()),
            region: Some("eu-west-1".to_owned()),
            ..PolicyRequest::default()
        };
        insta::assert_snapshot!(policy(&request), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Sid": "Read",
              "Effect": "Allow",
              "Action": [
                "ssm:GetParameter",
                "ssm:GetParameters"
              ],
              "Resource": [
                "arn:aws:ssm:eu-west-1:111122223333:parameter/airflow/all",
                "arn:aws:ssm:eu-west-1:111122223333:parameter/airflow/variables/*"
              ]
            },
            {
              "Sid": "List",
              "Effect": "Allow",
              "Action": [
                "ssm:DescribeParameters"
              ],
              "Resource": [
                "*"
              ]
            },
            {
              "Sid": "Keys",
              "Effect": "Allow",
              "Action": [
                "kms:Decrypt"
              ],
              "Resource": [
                "arn:aws:kms:eu-west-1:111122223333:key/1234"
              ],
              "Condition": { "StringEquals": { "kms:ViaService": "ssm.eu-west-1.amazonaws.com" } }
            }
          ]
        }
        "#);
        let managed = policy(&PolicyRequest { manages: true, ..request });
        assert!(managed.contains("ssm:PutParameter") && managed.contains("ssm:AddTagsToResource"));
    }
}
