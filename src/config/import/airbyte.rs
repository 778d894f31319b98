//! The secret storage of Airbyte: a flat object of texts, one for each type.
//!
//! Sources: docs.airbyte.com, "External Secret Management", and the required keys of `airbyte-platform`, of
//! which `externalId` is optional here, as in the document.

use crate::config::import::Tool;
use crate::config::import::block::{Block, Findings, Spelling, nearest};
use crate::config::import::draft::{Draft, checked_vault, google_key};
use crate::config::import::shape::{object, text};
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::value::json::{Object, Value};

const AWS: &str = "aws_secrets_manager";
const AZURE: &str = "azure_key_vault";
const GOOGLE: &str = "google_secret_manager";
const VAULT: &str = "vault";

/// The types, each with its registry name here and the keys that only it has.
const TYPES: [(&str, &str, &[&str]); 4] = [
    (
        AWS,
        AWS,
        &[
            "auth_type",
            "awsRegion",
            "awsAccessKey",
            "awsSecretAccessKey",
            "roleArn",
            "externalId",
            "kmsKeyArn",
            "tagKey",
        ],
    ),
    (AZURE, AZURE, &["vaultUrl", "tenantId", "clientId", "clientSecret"]),
    (GOOGLE, GOOGLE, &["gcpProjectId", "gcpCredentialsJson"]),
    (VAULT, "hashicorp_vault", &["address", "token", "prefix"]),
];

const WRITES: &str = "it concerns secrets that Airbyte writes, and Strongroom only reads";

/// The keys of all types.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    TYPES.iter().flat_map(|(_, _, keys)| keys.iter().copied())
}

/// Whether `word` is a type of Airbyte.
pub(super) fn has_type(word: &str) -> bool {
    type_of(word).is_some()
}

fn type_of(word: &str) -> Option<&'static str> {
    let is_meant = |(name, store, _): &&(&str, &str, _)| {
        name.eq_ignore_ascii_case(word) || store.eq_ignore_ascii_case(word)
    };
    TYPES.iter().find(is_meant).map(|(name, ..)| *name)
}

/// Whether these are Airbyte's keys.
pub(super) fn is_meant(members: &Object) -> bool {
    members.contains_key("secretStorageType") || guessed(members).is_some()
}

/// The type most of whose keys are written.
fn guessed(members: &Object) -> Option<&'static str> {
    let count = |keys: &[&str]| keys.iter().filter(|key| members.contains_key(key)).count();
    let counted = TYPES.iter().rev().map(|(name, _, keys)| (count(keys), *name));
    let (count, name) = counted.max_by_key(|(count, _)| *count)?;
    (count > 0).then_some(name)
}

/// Reads the object, or what the API has around it.
pub(super) fn read(members: &Object, kind: Option<&str>, found: &mut Findings) -> Result<Draft> {
    let inner = object(members, "config").filter(|_| members.contains_key("secretStorageType"));
    let Some(inner) = inner else {
        if members.contains_key("secretStorageType") {
            envelope(members, found);
        }
        return Ok(of_type(named(kind, members)?, members, found));
    };
    envelope(members, found);
    let kind = kind.or_else(|| text(members, "secretStorageType"));
    Ok(of_type(named(kind, inner)?, inner, found))
}

/// What the API has around a configuration.
fn envelope(members: &Object, found: &mut Findings) {
    let mut block = Block::new("Airbyte's secret storage", Spelling::Exact, members, found);
    block.required("secretStorageType", found);
    if block.any("config").and_then(Value::as_object).is_none() {
        let from_environment = ["isConfiguredFromEnvironment", "configuredFromEnvironment"];
        let is_elsewhere = from_environment.iter().any(|key| block.peek(key) == Some(&Value::Bool(true)));
        let what = if is_elsewhere {
            "is not there: this storage is configured by the environment of Airbyte, so write the options \
            of the \
             store yourself"
        } else {
            "is missing, or is no object"
        };
        block.fault::<()>("config", what, found);
    }
    for key in [
        "id",
        "descriptor",
        "scopeType",
        "scopeId",
        "isConfiguredFromEnvironment",
        "configuredFromEnvironment",
    ] {
        block.mark(key);
    }
    block.end(found);
}

/// The type that is asked for, or the one that the keys are of.
fn named(kind: Option<&str>, members: &Object) -> Result<&'static str> {
    let Some(word) = kind else {
        return guessed(members).ok_or_else(|| unknown_type("the type of the secret storage is not known"));
    };
    type_of(word).ok_or_else(|| {
        let known: Vec<_> = TYPES.iter().map(|(name, ..)| *name).collect();
        let near = nearest(word, &known).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
        unknown_type(&format!("Airbyte has no secret storage of type `{}`.{near}", Shown(word)))
    })
}

fn unknown_type(what: &str) -> Error {
    let known: Vec<_> = TYPES.iter().map(|(name, ..)| *name).collect();
    Error::config(what.trim_end_matches('.')).with_hint(format!("The types are {}", known.join(", ")))
}

fn of_type(name: &'static str, members: &Object, found: &mut Findings) -> Draft {
    let title = match name {
        AWS => "AWS Secrets Manager",
        AZURE => "Azure Key Vault",
        GOOGLE => "Google Secret Manager",
        _ => "Vault",
    };
    let place = format!("{}'s configuration of {title}", Tool::Airbyte.as_str());
    let mut block = Block::new(place, Spelling::Exact, members, found);
    let draft = match name {
        AWS => aws(&mut block, found),
        AZURE => azure(&mut block, found),
        GOOGLE => google(&mut block, found),
        _ => vault(&mut block, found),
    };
    block.end(found);
    draft
}

fn aws(block: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of(AWS);
    let method = block.text("auth_type", found).unwrap_or_else(|| "ACCESS_KEY".to_owned());
    match method.trim().to_ascii_uppercase().as_str() {
        "ACCESS_KEY" => {
            draft.put("aws_access_key_id", block.required("awsAccessKey", found));
            draft.put("aws_secret_access_key", block.required("awsSecretAccessKey", found));
            for key in ["roleArn", "externalId"] {
                block.useless(key, "with auth_type ACCESS_KEY no role is assumed", found);
            }
        }
        "IAM_ROLE" => {
            draft.put("role_arn", block.required("roleArn", found));
            draft.put_into("assume_role_kwargs", "ExternalId", block.text("externalId", found));
            let why = "with auth_type IAM_ROLE the role is assumed with the identity of the process";
            for key in ["awsAccessKey", "awsSecretAccessKey"] {
                block.useless(key, why, found);
            }
        }
        _ => {
            let what = "is neither ACCESS_KEY nor IAM_ROLE";
            block.fault::<()>("auth_type", what, found);
            for key in ["awsAccessKey", "awsSecretAccessKey", "roleArn", "externalId"] {
                block.mark(key);
            }
        }
    }
    draft.put("region_name", block.required("awsRegion", found));
    block.useless("tagKey", WRITES, found);
    block.useless("kmsKeyArn", WRITES, found);
    draft
}

fn azure(block: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of(AZURE);
    let address = block.required("vaultUrl", found);
    draft.put("vault_url", checked_vault(block, "vaultUrl", address, found));
    draft.put("tenant_id", block.required("tenantId", found));
    draft.put("client_id", block.required("clientId", found));
    draft.put("client_secret", block.required("clientSecret", found));
    block.useless("tags", WRITES, found);
    draft
}

fn google(block: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of(GOOGLE);
    draft.put("project_id", block.required("gcpProjectId", found));
    let key = match block.peek("gcpCredentialsJson") {
        // Only the text says whether it is missing or blank.
        Some(Value::String(text)) if !text.strip().is_empty() => {
            google_key(block, "gcpCredentialsJson", found)
        }
        Some(Value::Object(_)) => google_key(block, "gcpCredentialsJson", found),
        _ => block.required("gcpCredentialsJson", found).map(Value::from),
    };
    draft.put("gcp_keyfile_dict", key);
    draft.put("location", block.text("region", found));
    draft
}

fn vault(block: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("hashicorp_vault");
    draft.put("url", block.required("address", found));
    draft.put("token", block.required("token", found));
    let why =
        "it is the beginning of names that Airbyte gives; write `mount_point` and `connections_path` instead";
    match block.any("prefix") {
        None => {
            block.fault::<()>("prefix", "is missing (it may be empty)", found);
        }
        Some(Value::String(prefix)) if prefix.is_empty() => {}
        Some(Value::String(_)) => block.useless("prefix", why, found),
        Some(_) => {
            block.fault::<()>("prefix", "is not a text", found);
        }
    }
    draft
}
