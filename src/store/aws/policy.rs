//! IAM policies that allow what a backend needs and nothing else.
//!
//! Conditions on tags use `StringEquals`: a set operator such as `ForAllValues` on a key with a single value
//! is true if the key is absent, so it would allow what it should refuse ("Single-valued vs. multivalued
//! context keys" in the IAM user guide).

use std::fmt::Write;

use crate::error::{Error, Result};
use crate::store::environment::Environment;
use crate::store::options::Options;
use crate::store::tools::{PolicyRequest, PolicyTool};

/// The policy tool of an AWS service, with `write` for its document.
pub(super) const fn tool(write: fn(&PolicyRequest) -> String) -> PolicyTool {
    PolicyTool { check_asked, check, region, ..PolicyTool::new(write) }
}

fn check_asked(request: &PolicyRequest) -> Result<()> {
    if request.keys.iter().any(|key| key.starts_with("alias/") || key.contains(":alias/")) {
        return Err(Error::config("a policy names keys by their id or ARN, and not by an alias")
            .with_hint("`aws kms describe-key --key-id alias/...` shows the id"));
    }
    Ok(())
}

/// IAM treats these characters as patterns and variables. No name of a secret or of a parameter contains them
/// ("Quotas" of Secrets Manager and the reference of `PutParameter`), so a document with them would allow
/// more than intended, or nothing.
fn check(request: &PolicyRequest) -> Result<()> {
    let mut names = request.prefixes.iter().map(|(_, prefix)| prefix).chain(&request.names);
    if !names.any(|name| name.contains(['*', '?', '$'])) {
        return Ok(());
    }
    Err(Error::config("the beginning of a name holds `*`, `?` or `$`, which a policy takes for a pattern")
        .with_hint("Names there have letters, digits and /_+=.@- only; a beginning needs no `*` at its end"))
}

fn region(options: &Options, environment: &Environment) -> Option<String> {
    let written = options.non_empty("region_name");
    written.or_else(|| environment.non_empty("AWS_DEFAULT_REGION")).map(str::to_owned)
}

/// One statement of a policy.
pub(super) struct Statement {
    /// Its name within the policy: letters and digits only.
    pub(super) id: &'static str,
    /// The actions that it allows.
    pub(super) actions: Vec<&'static str>,
    /// The resources that it covers.
    pub(super) resources: Vec<String>,
    /// Keys and values that must all be equal.
    pub(super) conditions: Vec<(String, String)>,
    /// Keys and values with wildcards that must all match.
    pub(super) patterns: Vec<(String, String)>,
}

impl Statement {
    /// A statement without conditions.
    pub(super) fn new(id: &'static str, actions: &[&'static str], resources: Vec<String>) -> Self {
        Self { id, actions: actions.to_vec(), resources, conditions: Vec::new(), patterns: Vec::new() }
    }

    /// Requires tags: those of the secret itself, or those that the request sets.
    pub(super) fn with_tags(mut self, key: &str, tags: &[(String, String)]) -> Self {
        self.conditions.extend(tags.iter().map(|(tag, value)| (format!("{key}/{tag}"), value.clone())));
        self
    }
}

/// The resources for a backend's names: those below each prefix, and single ones.
pub(super) fn resources(
    request: &PolicyRequest,
    below: impl Fn(&str) -> String,
    alone: impl Fn(&str) -> String,
) -> Vec<String> {
    let below = request.prefixes.iter().map(|(_, prefix)| below(prefix));
    let alone = request.names.iter().map(|name| alone(name));
    let mut resources: Vec<_> = below.chain(alone).collect();
    resources.sort_unstable();
    resources.dedup();
    resources
}

/// The policy as JSON, in the order of the statements. A statement without resources is left out.
pub(super) fn document(statements: &[Statement]) -> String {
    let used = statements.iter().filter(|statement| !statement.resources.is_empty());
    let written: Vec<_> = used.map(written).collect();
    format!("{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n{}\n  ]\n}}\n", written.join(",\n"))
}

fn written(statement: &Statement) -> String {
    let mut text =
        format!("    {{\n      \"Sid\": {},\n      \"Effect\": \"Allow\",\n", quoted(statement.id));
    let actions: Vec<_> = statement.actions.iter().map(|action| (*action).to_owned()).collect();
    let _ = writeln!(text, "      \"Action\": {},", list(&actions));
    let _ = write!(text, "      \"Resource\": {}", list(&statement.resources));
    let operators = [("StringEquals", &statement.conditions), ("StringLike", &statement.patterns)];
    let used = operators.into_iter().filter(|(_, pairs)| !pairs.is_empty());
    let used: Vec<_> = used.map(|(operator, pairs)| condition(operator, pairs)).collect();
    if !used.is_empty() {
        let _ = write!(text, ",\n      \"Condition\": {{ {} }}", used.join(", "));
    }
    text.push_str("\n    }");
    text
}

fn condition(operator: &str, pairs: &[(String, String)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(key, value)| format!("{}: {}", quoted(key), quoted(value))).collect();
    format!("{}: {{ {} }}", quoted(operator), pairs.join(", "))
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<_> = texts.iter().map(|text| format!("        {}", quoted(text))).collect();
    format!("[\n{}\n      ]", quoted.join(",\n"))
}

fn quoted(text: &str) -> String {
    crate::value::json::write(&crate::value::json::Value::from(crate::value::Text::from(text)))
        .to_str()
        .unwrap_or_default()
        .to_owned()
}

/// The beginning of an ARN of `service`; unknown parts are wildcards.
pub(super) fn arn(service: &str, request: &PolicyRequest) -> String {
    let region = request.region.as_deref().unwrap_or("*");
    let account = request.account.as_deref().unwrap_or("*");
    format!("arn:{}:{service}:{region}:{account}:", partition(region))
}

/// The partition that a region belongs to.
fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// What the keys of the secrets must allow: decryption, and for writing the generation of data keys; only
/// through `service`.
pub(super) fn key_statement(request: &PolicyRequest, service: &str, via: &str) -> Statement {
    // A secret that is encrypted with the key needs a data key when it is written.
    let actions: &[&str] =
        if request.manages { &["kms:Decrypt", "kms:GenerateDataKey"] } else { &["kms:Decrypt"] };
    let begin = arn("kms", request);
    let whole =
        |key: &String| if key.starts_with("arn:") { key.clone() } else { format!("{begin}key/{key}") };
    let keys = request.keys.iter().map(whole);
    let mut statement = Statement::new("Keys", actions, keys.collect());
    let Some(region) = &request.region else {
        // Without a region the condition is a pattern, which only `StringLike` compares.
        statement.patterns.push((via.to_owned(), format!("{service}.*.amazonaws.com")));
        return statement;
    };
    // The services of the China regions have a domain of their own.
    let end = if partition(region) == "aws-cn" { ".cn" } else { "" };
    statement.conditions.push((via.to_owned(), format!("{service}.{region}.amazonaws.com{end}")));
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_follow_region_and_partition() {
        let request = |region: Option<&str>| PolicyRequest {
            keys: vec!["1-2".to_owned(), "arn:aws:kms:r:a:key/3".to_owned()],
            account: Some("1".to_owned()),
            region: region.map(str::to_owned),
            ..PolicyRequest::default()
        };
        assert_eq!(arn("ssm", &request(None)), "arn:aws:ssm:*:1:");
        assert_eq!(arn("ssm", &request(Some("cn-north-1"))), "arn:aws-cn:ssm:cn-north-1:1:");
        assert_eq!(arn("ssm", &request(Some("us-gov-west-1"))), "arn:aws-us-gov:ssm:us-gov-west-1:1:");
        let keys = key_statement(&request(Some("eu-west-1")), "ssm", "kms:ViaService");
        assert_eq!(keys.resources, ["arn:aws:kms:eu-west-1:1:key/1-2", "arn:aws:kms:r:a:key/3"]);
        assert_eq!(
            keys.conditions,
            [("kms:ViaService".to_owned(), "ssm.eu-west-1.amazonaws.com".to_owned())]
        );
        // Without a region, too, a key is for the service alone.
        let anywhere = document(&[key_statement(&request(None), "ssm", "kms:ViaService")]);
        let parsed: serde_json::Value = serde_json::from_str(&anywhere).unwrap();
        assert_eq!(
            parsed["Statement"][0]["Condition"],
            serde_json::json!({"StringLike": {"kms:ViaService": "ssm.*.amazonaws.com"}})
        );
    }
}
