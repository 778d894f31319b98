//! What the command line needs to know about Secrets Manager.

use crate::store::aws::checks::check;
use crate::store::aws::policy::{Statement, arn, document, key_statement, resources, tool};
use crate::store::tools::{PolicyRequest, Tools};

/// The part of the entry that lookups do not need.
pub(super) const TOOLS: Tools = Tools {
    official_class: Some("airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"),
    words: &["aws", "aws_secrets_manager", "secrets_manager", "secretsmanager"],
    about: "AWS Secrets Manager: an IAM policy",
    lists_tags: true,
    check,
    policy: Some(tool(policy)),
    ..Tools::NONE
};

/// The actions that reads use; `DescribeSecret` is for the command line.
const READ: &[&str] = &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"];

/// The actions that create, for which the secret cannot have tags yet.
const CREATE: &[&str] = &["secretsmanager:CreateSecret", "secretsmanager:TagResource"];

const CHANGE: &[&str] = &[
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecret",
    "secretsmanager:DeleteSecret",
    "secretsmanager:RestoreSecret",
];

/// Reading by name and in batches, listing, and with `manages` writing. Listing and batches cannot be allowed
/// for single secrets; a batch still reads only what `GetSecretValue` allows.
fn policy(request: &PolicyRequest) -> String {
    let secrets = secrets_of(request);
    let tagged = "aws:ResourceTag";
    let everywhere: &[&str] = &["secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue"];
    let mut statements = vec![
        Statement::new("Read", READ, secrets.clone()).with_tags(tagged, &request.tags),
        Statement::new("ListAndBatch", everywhere, vec!["*".to_owned()]),
    ];
    if request.manages {
        statements.push(
            Statement::new("Create", CREATE, secrets.clone()).with_tags("aws:RequestTag", &request.tags),
        );
        statements.push(Statement::new("Change", CHANGE, secrets).with_tags(tagged, &request.tags));
    }
    statements.push(key_statement(request, "secretsmanager", "kms:ViaService"));
    document(&statements)
}

/// The ARN of a secret ends with a hyphen and six characters that AWS chooses.
fn secrets_of(request: &PolicyRequest) -> Vec<String> {
    let begin = format!("{}secret:", arn("secretsmanager", request));
    resources(request, |prefix| format!("{begin}{prefix}*"), |name| format!("{begin}{name}-??????"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::Kind;

    fn request(manages: bool) -> PolicyRequest {
        PolicyRequest {
            manages,
            prefixes: vec![(Kind::Connection, "airflow/connections/".to_owned())],
            names: vec!["airflow/all".to_owned()],
            tags: vec![("AirbyteManaged".to_owned(), "true".to_owned())],
            region: Some("eu-west-1".to_owned()),
            ..PolicyRequest::default()
        }
    }

    #[test]
    fn reading_allows_nothing_that_writes() {
        insta::assert_snapshot!(policy(&request(false)), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Sid": "Read",
              "Effect": "Allow",
              "Action": [
                "secretsmanager:GetSecretValue",
                "secretsmanager:DescribeSecret"
              ],
              "Resource": [
                "arn:aws:secretsmanager:eu-west-1:*:secret:airflow/all-??????",
                "arn:aws:secretsmanager:eu-west-1:*:secret:airflow/connections/*"
              ],
              "Condition": { "StringEquals": { "aws:ResourceTag/AirbyteManaged": "true" } }
            },
            {
              "Sid": "ListAndBatch",
              "Effect": "Allow",
              "Action": [
                "secretsmanager:ListSecrets",
                "secretsmanager:BatchGetSecretValue"
              ],
              "Resource": [
                "*"
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn managing_asks_for_the_tag_of_the_secret_or_of_the_request() {
        let text = policy(&request(true));
        assert!(!text.contains("ForAllValues"));
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        let condition = |id: &str| {
            let statements = parsed["Statement"].as_array().unwrap();
            let found = statements.iter().find(|statement| statement["Sid"] == id).unwrap();
            found["Condition"]["StringEquals"].clone()
        };
        assert_eq!(condition("Create"), serde_json::json!({"aws:RequestTag/AirbyteManaged": "true"}));
        assert_eq!(condition("Change"), serde_json::json!({"aws:ResourceTag/AirbyteManaged": "true"}));
    }
}
