//! The key that a user meant by one that does not exist.

use crate::config::options_of;
use crate::store::StoreEntry;
use crate::store::options::OptionKind;

/// Names from other tools, SDKs and older versions, with the keys that mean the same here. The first key that
/// the store has is suggested.
const OTHER_WORDS: [(&str, &[&str]); 103] = [
    ("aws_iam_role", &["role_arn"]),
    ("profile", &["profile_name"]),
    ("aws_profile", &["profile_name"]),
    ("aws_profile_name", &["profile_name"]),
    ("region", &["region_name", "location"]),
    ("aws_region", &["region_name", "region"]),
    ("aws_region_name", &["region_name", "region"]),
    ("aws_default_region", &["region_name", "region"]),
    ("location_id", &["location"]),
    ("iam_role", &["role_arn"]),
    ("role", &["role_arn", "kubernetes_role", "role_id"]),
    ("aws_role_arn", &["role_arn"]),
    ("aws_role", &["role_arn"]),
    ("assume_role", &["role_arn"]),
    ("assume_role_arn", &["role_arn"]),
    ("iam_role_arn", &["role_arn"]),
    ("access_key", &["aws_access_key_id", "key_id"]),
    ("access_key_id", &["aws_access_key_id", "key_id"]),
    ("aws_access_key", &["aws_access_key_id", "key_id"]),
    ("secret_key", &["aws_secret_access_key", "secret_id"]),
    ("secret_access_key", &["aws_secret_access_key", "secret_id"]),
    ("aws_secret_key", &["aws_secret_access_key", "secret_id"]),
    ("session_token", &["aws_session_token"]),
    ("endpoint", &["endpoint_url", "url", "address"]),
    ("base_url", &["endpoint_url", "url", "address"]),
    ("auth_path", &["auth_mount_point"]),
    ("auth_mount", &["auth_mount_point"]),
    ("auth_mount_path", &["auth_mount_point"]),
    ("auth_method", &["auth_type"]),
    ("auth", &["auth_type"]),
    ("mount", &["mount_point"]),
    ("mount_path", &["mount_point"]),
    ("secrets_path", &["mount_point"]),
    ("kv_version", &["kv_engine_version"]),
    ("engine_version", &["kv_engine_version"]),
    ("address", &["url", "vault_url", "endpoint_url"]),
    ("addr", &["url", "vault_url", "endpoint_url", "address"]),
    ("host", &["url", "vault_url", "endpoint_url", "address"]),
    ("vault_addr", &["url", "vault_url"]),
    ("vault_address", &["url", "vault_url"]),
    ("vault_url", &["url"]),
    ("url", &["vault_url", "endpoint_url", "address"]),
    ("vault_namespace", &["namespace"]),
    ("vault_token", &["token"]),
    ("cacert", &["ca_bundle", "verify"]),
    ("ca_cert", &["ca_bundle", "verify"]),
    ("ca_path", &["ca_bundle", "verify"]),
    ("vault_name", &["vault_url", "vault"]),
    ("key_vault_url", &["vault_url"]),
    ("keyvault_url", &["vault_url"]),
    ("tenant", &["tenant_id", "azure_tenant_id"]),
    ("project", &["project_id"]),
    ("gcp_project", &["project_id"]),
    ("gcp_project_id", &["project_id"]),
    ("key_path", &["gcp_key_path"]),
    ("keyfile_path", &["gcp_key_path"]),
    ("keyfile_dict", &["gcp_keyfile_dict"]),
    ("credentials_path", &["gcp_key_path"]),
    ("scopes", &["gcp_scopes"]),
    ("ttl", &["cache_ttl"]),
    ("separator", &["sep"]),
    ("connection_prefix", &["connections_prefix", "connections_path"]),
    ("variable_prefix", &["variables_prefix", "variables_path"]),
    ("conn_prefix", &["connections_prefix", "connections_path"]),
    ("var_prefix", &["variables_prefix", "variables_path"]),
    ("retries", &["max_attempts"]),
    ("max_retries", &["max_attempts"]),
    ("attempts", &["max_attempts"]),
    ("ssl_verify", &["verify", "connection_verify"]),
    ("verify_ssl", &["verify", "connection_verify"]),
    ("tls_verify", &["verify", "connection_verify"]),
    ("skip_verify", &["verify", "connection_verify"]),
    ("tls_skip_verify", &["verify", "connection_verify"]),
    ("ca", &["ca_bundle"]),
    ("proxy", &["proxies"]),
    ("jwt", &["jwt_token"]),
    ("jwt_path", &["jwt_token_path"]),
    ("approle_role_id", &["role_id"]),
    ("approle_secret_id", &["secret_id"]),
    ("vault", &["vault_url"]),
    ("key_vault", &["vault_url"]),
    ("key_vault_name", &["vault_url"]),
    ("secret", &["client_secret", "secret_id"]),
    ("application_id", &["client_id"]),
    ("app_id", &["client_id"]),
    ("certificate", &["client_certificate_path"]),
    ("certificate_path", &["client_certificate_path"]),
    ("identity", &["managed_identity_client_id"]),
    ("managed_identity", &["managed_identity_client_id"]),
    ("msi_client_id", &["managed_identity_client_id"]),
    ("identity_client_id", &["managed_identity_client_id"]),
    ("keyfile", &["gcp_key_path"]),
    ("key_file", &["gcp_key_path"]),
    ("gcp_keyfile", &["gcp_key_path"]),
    ("credentials", &["gcp_key_path"]),
    ("credentials_file", &["gcp_key_path"]),
    ("service_account_file", &["gcp_key_path"]),
    ("service_account", &["impersonation_chain"]),
    ("impersonate", &["impersonation_chain"]),
    ("impersonate_service_account", &["impersonation_chain"]),
    ("endpoint_url", &["address"]),
    ("op_connect_host", &["address"]),
    ("op_connect_token", &["token"]),
];

/// What to write in place of `key`; `None` if nothing is similar.
pub(super) fn meant(entry: &StoreEntry, key: &str) -> Option<String> {
    let plain = key.to_lowercase().replace('-', "_");
    connection(entry, &plain).or_else(|| external_id(entry, &plain)).or_else(|| {
        let key = other_word(entry, &plain).or_else(|| nearest(entry, &plain))?;
        Some(format!("Did you mean `{key}`?"))
    })
}

/// What to write in place of a key that has no effect; `None` if there is no equivalent.
pub(super) fn instead(entry: &StoreEntry, key: &str) -> Option<String> {
    let other = || other_word(entry, key).map(|key| format!("`{key}` does what it says"));
    connection(entry, key).or_else(|| external_id(entry, key)).or_else(other)
}

/// Whether `key` exists and has an effect.
fn has(entry: &StoreEntry, key: &str) -> bool {
    options_of(entry).any(|spec| spec.key == key && !matches!(spec.kind, OptionKind::Ignored(_)))
}

fn other_word(entry: &StoreEntry, plain: &str) -> Option<&'static str> {
    let (_, keys) = OTHER_WORDS.iter().find(|(word, _)| *word == plain)?;
    keys.iter().find(|key| has(entry, key)).copied()
}

fn nearest(entry: &StoreEntry, plain: &str) -> Option<&'static str> {
    let distance = |key: &str| strsim::damerau_levenshtein(plain, key);
    let (distance, key) = options_of(entry).map(|spec| (distance(spec.key), spec.key)).min()?;
    (distance <= (key.len() / 3).max(1)).then_some(key)
}

/// A parameter of `AssumeRole`.
fn external_id(entry: &StoreEntry, plain: &str) -> Option<String> {
    let is_meant = matches!(plain, "external_id" | "externalid" | "aws_external_id" | "role_external_id");
    (is_meant && has(entry, "assume_role_kwargs"))
        .then(|| "Write it as `assume_role_kwargs`: {\"ExternalId\": \"...\"}".to_owned())
}

/// The credentials among the keys of all stores.
const CREDENTIALS: [&str; 9] = [
    "profile_name",
    "role_arn",
    "aws_access_key_id",
    "gcp_key_path",
    "gcp_keyfile_dict",
    "tenant_id",
    "client_id",
    "auth_type",
    "token",
];

/// A secrets backend is the source of connections, so it cannot log in with one of them.
fn connection(entry: &StoreEntry, plain: &str) -> Option<String> {
    if !matches!(
        plain,
        "aws_conn_id"
            | "gcp_conn_id"
            | "google_cloud_conn_id"
            | "azure_conn_id"
            | "vault_conn_id"
            | "conn_id"
    ) {
        return None;
    }
    let known: Vec<String> =
        CREDENTIALS.iter().filter(|key| has(entry, key)).map(|key| format!("`{key}`")).collect();
    (!known.is_empty()).then(|| {
        format!(
            "A secrets backend cannot be signed in with a connection that it is asked for itself: write {}",
            known.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::registry::STORES;

    fn suggestion(store: &str, key: &str) -> Option<String> {
        let entry = STORES.iter().find(|entry| entry.info.name == store)?;
        Some(meant(entry, key).unwrap_or_default())
    }

    #[test]
    fn the_key_that_works_is_named() {
        for (store, key, expected) in [
            ("aws_secrets_manager", "profile", "`profile_name`"),
            ("aws_secrets_manager", "Region", "`region_name`"),
            ("aws_systems_manager", "external_id", "`assume_role_kwargs`: {\"ExternalId\""),
            ("aws_systems_manager", "iam-role", "`role_arn`"),
            ("aws_secrets_manager", "aws_conn_id", "`profile_name`, `role_arn`"),
            ("hashicorp_vault", "auth_path", "`auth_mount_point`"),
            ("hashicorp_vault", "vault_conn_id", "`auth_type`"),
            ("hashicorp_vault", "vault_addr", "`url`"),
            ("google_secret_manager", "project", "`project_id`"),
            ("google_secret_manager", "gcp_conn_id", "`gcp_key_path`"),
            ("azure_key_vault", "vault_name", "`vault_url`"),
            ("azure_key_vault", "tenant", "`tenant_id`"),
            ("azure_key_vault", "secret", "`client_secret`"),
            ("azure_key_vault", "managed_identity", "`managed_identity_client_id`"),
            ("hashicorp_vault", "secret", "`secret_id`"),
            ("hashicorp_vault", "skip_verify", "`verify`"),
            ("google_secret_manager", "keyfile", "`gcp_key_path`"),
            ("google_secret_manager", "service_account", "`impersonation_chain`"),
            ("aws_secrets_manager", "retries", "`max_attempts`"),
            ("aws_secrets_manager", "conn_prefix", "`connections_prefix`"),
            ("onepassword_connect", "url", "`address`"),
            ("onepassword_connect", "vault_name", "`vault`"),
            ("memory", "cache_tll", "`cache_ttl`"),
            ("memory", "connection_prefix", "`connections_prefix`"),
        ] {
            if let Some(suggestion) = suggestion(store, key) {
                assert!(suggestion.contains(expected), "{store} {key}: {suggestion}");
            }
        }
        assert_eq!(suggestion("memory", "aws_conn_id").unwrap_or_default(), "");
    }

    #[test]
    fn every_word_names_a_key_that_some_store_has() {
        // A build with one store only has the keys of that one.
        if STORES.len() < 7 {
            return;
        }
        for (word, keys) in OTHER_WORDS {
            for key in keys {
                assert!(STORES.iter().any(|entry| has(entry, key)), "{word}: {key}");
            }
        }
    }
}
