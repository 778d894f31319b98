//! The stores of the clouds, and Doppler.

use crate::config::import::block::{Block, Findings};
use crate::config::import::draft::{Draft, checked_vault, google_key};
use crate::value::Text;
use crate::value::json::{Object, Value};

const KEY_OF_KMS: &str = "it encrypts secrets that Kestra writes; the store decrypts by itself";

pub(super) fn secrets_manager(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    aws(Draft::of("aws_secrets_manager"), table, found)
}

pub(super) fn parameter_store(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    aws(Draft::of("aws_systems_manager"), table, found)
}

fn aws(mut draft: Draft, table: &mut Block<'_>, found: &mut Findings) -> Draft {
    keys(&mut draft, table, found);
    draft.put("region_name", table.text("region", found));
    draft.put("endpoint_url", table.text("endpoint-override", found));
    draft.put("role_arn", table.text("sts-role-arn", found));
    let role = "assume_role_kwargs";
    draft.put_into(role, "ExternalId", table.text("sts-role-external-id", found));
    draft.put_into(role, "RoleSessionName", table.text("sts-role-session-name", found));
    draft.put_into(role, "DurationSeconds", seconds(table, "sts-role-session-duration", found));
    if let Some(address) = table.text("sts-endpoint-override", found) {
        let sts: Object = [(Text::from("endpoint_url"), Value::from(address))].into_iter().collect();
        draft.put_into("service_config", "sts", Some(sts));
    }
    if !table.has("sts-role-arn") {
        for key in ["sts-role-external-id", "sts-role-session-name", "sts-role-session-duration"] {
            if table.has(key) {
                table.fault::<()>(key, "needs `sts-role-arn` beside it", found);
            }
        }
    }
    prefix(&mut draft, table, found);
    table.useless("kms-key-id", KEY_OF_KMS, found);
    draft
}

/// The keys of an access key belong together.
fn keys(draft: &mut Draft, table: &mut Block<'_>, found: &mut Findings) {
    let (id, secret) = (table.text("access-key-id", found), table.text("secret-key-id", found));
    let session = table.text("session-token", found);
    match (&id, &secret) {
        (Some(_), None) => table.fault("secret-key-id", "is missing beside `access-key-id`", found),
        (None, Some(_)) => table.fault("access-key-id", "is missing beside `secret-key-id`", found),
        (None, None) if session.is_some() => {
            table.fault("access-key-id", "is missing beside `session-token`", found)
        }
        _ => Some(()),
    };
    draft.put("aws_access_key_id", id);
    draft.put("aws_secret_access_key", secret);
    draft.put("aws_session_token", session);
}

fn seconds(table: &mut Block<'_>, key: &'static str, found: &mut Findings) -> Option<Value> {
    let value = table.any(key)?;
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.as_i64()?.to_string(),
    };
    let read = crate::config::parse_duration(&text).and_then(|time| i64::try_from(time.as_secs()).ok());
    match read {
        Some(seconds) => Some(Value::from(seconds)),
        None => table.fault(key, "is no duration such as 15m or PT15M", found),
    }
}

pub(super) fn prefix(draft: &mut Draft, table: &mut Block<'_>, found: &mut Findings) {
    let prefix = table.text("prefix", found);
    let place = format!("`prefix` in {}", table.place());
    draft.prefix(&place, prefix.as_deref(), found);
}

pub(super) fn azure(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("azure_key_vault");
    let address = table.text("key-vault-uri", found);
    let name = table.text("vault-name", found);
    let address = checked_vault(table, "key-vault-uri", address, found);
    if table.has("key-vault-uri") && name.is_some() {
        found
            .notes
            .push(table.sentence("vault-name", "has no effect: `key-vault-uri` takes precedence over it"));
    }
    let of_name = name.filter(|_| !table.has("key-vault-uri")).and_then(|name| {
        let is_name = (3..=24).contains(&name.len())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
        if is_name {
            Some(format!("https://{name}.vault.azure.net"))
        } else {
            table.fault("vault-name", "is no name of a vault: 3 to 24 letters, digits and `-`", found)
        }
    });
    if !table.has("key-vault-uri") && !table.has("vault-name") {
        let note =
            "no vault is named: write `vault-name` or `key-vault-uri`, or `vault_url` in what comes out";
        found.notes.push(format!("{}: {note}", table.place()));
    }
    draft.put("vault_url", address.or(of_name));
    if let Some(mut login) = table.block("client-secret", found) {
        draft.put("tenant_id", login.required("tenant-id", found));
        draft.put("client_id", login.required("client-id", found));
        draft.put("client_secret", login.required("client-secret", found));
        login.end(found);
    }
    prefix(&mut draft, table, found);
    draft
}

pub(super) fn google(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("google_secret_manager");
    draft.put("project_id", table.text("project", found));
    draft.put("gcp_keyfile_dict", google_key(table, "service-account", found));
    prefix(&mut draft, table, found);
    draft
}
