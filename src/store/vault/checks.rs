//! What is noteworthy about the configuration of Vault.

use crate::http::is_loopback;
use crate::redact::Shown;
use crate::store::environment::Environment;
use crate::store::kit::checks::unverified;
use crate::store::kit::trust::Verify;
use crate::store::options::{OptionValue, Options};
use crate::store::tools::{Finding, Severity};
use crate::store::vault::config::{KvVersion, VaultSettings};
use crate::store::vault::path::collapse;
use crate::store::vault::slips::{repeated_mount, version_in_address};
use crate::value::json::Value;

/// The options that each login reads, besides those of all logins.
const CREDENTIALS: [(&str, &[&str]); 11] = [
    ("approle", &["role_id", "secret_id", "wrapped_secret_id"]),
    ("aws_iam", &["role_id", "key_id", "secret_id", "region", "assume_role_kwargs", "iam_server_id"]),
    ("azure", &["role_id", "key_id", "secret_id", "azure_tenant_id", "azure_resource"]),
    ("cert", &["cert_role"]),
    ("gcp", &["role_id", "gcp_key_path", "gcp_keyfile_dict", "gcp_scopes"]),
    ("github", &["token", "token_path"]),
    ("jwt", &["jwt_role", "jwt_token", "jwt_token_path"]),
    ("kubernetes", &["kubernetes_role", "kubernetes_jwt_path"]),
    ("ldap", &["username", "password"]),
    ("userpass", &["username", "password"]),
    ("token", &["token", "token_path"]),
];

/// Options that are valid until they are revoked or changed, and their better alternatives.
const LASTING: [(&str, &str, &str); 6] = [
    (
        "token",
        "a token",
        "Use a login that gets tokens by itself, such as approle or kubernetes (`strongroom vault approle`)",
    ),
    (
        "secret_id",
        "a long-lived secret",
        "Bind it to addresses and let it end (`strongroom vault approle`), or use the identity of pod or \
        machine: kubernetes, jwt, aws_iam, azure, gcp",
    ),
    ("password", "a password", "Use a login for machines, such as approle or kubernetes"),
    (
        "jwt_token",
        "a token of an identity provider",
        "Name the file that it is renewed in as `jwt_token_path`",
    ),
    (
        "gcp_keyfile_dict",
        "the key of a service account",
        "Use the identity of the pod or the machine: leave the key out",
    ),
    ("radius_secret", "the secret of the RADIUS server", "It is never sent: take it out"),
];

/// In each pair the first option takes precedence.
const RIVALS: [(&str, &str); 6] = [
    ("endpoint_url", "url"),
    ("token_path", "token"),
    ("wrapped_secret_id", "secret_id"),
    ("jwt_token", "jwt_token_path"),
    ("gcp_key_path", "gcp_keyfile_dict"),
    ("ca_bundle", "verify"),
];

/// Checks options and environment only.
pub(super) fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let Ok(settings) = VaultSettings::read(options, environment) else { return Vec::new() };
    let login = options.non_empty("auth_type").unwrap_or("token").trim().to_lowercase();
    let login = login.as_str();
    let mut findings = credentials(options, environment, login);
    findings.extend(Verify::read(options, "verify").is_off().then(|| unverified("verify")));
    findings.extend(address(&settings));
    findings.extend(rivals(options));
    findings.extend(without_effect(options, login));
    findings.extend(deprecated(options));
    findings.extend(engine_paths(options, &settings));
    findings.extend(version_in_address(&settings));
    findings.extend(repeated_mount(options, &settings));
    findings
}

/// Whether `key` belongs to a login that is not the configured one.
pub(super) fn plays_no_part(options: &Options, key: &str) -> bool {
    let login = options.non_empty("auth_type").unwrap_or("token");
    if key == "auth_mount_point" {
        return login == "token";
    }
    let of_logins = CREDENTIALS.iter().any(|(_, keys)| keys.contains(&key)) || key == "radius_secret";
    of_logins && !reads(login, key)
}

fn is_written(options: &Options, key: &str) -> bool {
    match options.get(key) {
        None | Some(OptionValue::Null) => false,
        Some(OptionValue::Text(_) | OptionValue::Scalar(_)) => options.non_empty(key).is_some(),
        Some(_) => true,
    }
}

/// A file takes precedence over a token, and is kept up to date by its writer.
fn credentials(options: &Options, environment: &Environment, login: &str) -> Vec<Finding> {
    let in_file = is_written(options, "token_path");
    let warning = |place: &str, what: &str, remedy: &str| {
        Finding::new(Severity::Warning, "static_keys", format!("{what} is in {place}"), remedy)
    };
    let mut findings: Vec<Finding> = LASTING
        .into_iter()
        .filter(|(key, ..)| is_written(options, key) && (reads(login, key) || *key == "radius_secret"))
        .filter(|(key, ..)| *key != "token" || !in_file)
        .map(|(key, what, remedy)| warning(&format!("`{key}` of backend_kwargs"), what, remedy))
        .collect();
    let of_environment = login == "token" && !in_file && !is_written(options, "token");
    if of_environment && environment.non_empty("VAULT_TOKEN").is_some() {
        let (_, what, remedy) = LASTING[0];
        findings.push(warning("VAULT_TOKEN", what, remedy));
    }
    findings
}

/// Whether `login` reads `key`.
fn reads(login: &str, key: &str) -> bool {
    // RADIUS reads the same two options as LDAP, so the table has only one row for both.
    let login = if login == "radius" { "ldap" } else { login };
    CREDENTIALS.iter().any(|(name, keys)| *name == login && keys.contains(&key))
}

fn address(settings: &VaultSettings) -> Option<Finding> {
    (settings.url.scheme() == "http" && !is_loopback(&settings.url)).then(|| {
        Finding::new(
            Severity::Warning,
            "plain_http",
            "secrets and the token go over plain http, readable on the way",
            "Use an https address, but for a server or Vault Agent on this very machine",
        )
    })
}

fn rivals(options: &Options) -> Vec<Finding> {
    let both = |(first, second): &(&str, &str)| is_written(options, first) && is_written(options, second);
    let described = |(first, second): (&str, &str)| {
        let text = format!("`{first}` and `{second}` are both set: `{first}` takes precedence");
        Finding::new(Severity::Note, "options", text, format!("Take `{second}` out"))
    };
    let is_switch = |(_, second): &(&str, &str)| {
        // A boolean `verify` either has a check of its own, or only confirms the default.
        *second == "verify" && matches!(options.get("verify"), Some(OptionValue::Boolean(_)))
    };
    RIVALS.into_iter().filter(both).filter(|pair| !is_switch(pair)).map(described).collect()
}

fn without_effect(options: &Options, login: &str) -> Vec<Finding> {
    let mut keys: Vec<&str> = CREDENTIALS.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
    keys.sort_unstable();
    keys.dedup();
    let unread = keys.into_iter().filter(|key| is_written(options, key) && !reads(login, key));
    let unread: Vec<String> = unread.map(|key| format!("`{key}`")).collect();
    if unread.is_empty() {
        return Vec::new();
    }
    let text = format!("the login `{}` does not look at {}", Shown(login), unread.join(", "));
    let remedy = "Check `auth_type`, and take out what is left of another login";
    vec![Finding::new(Severity::Warning, "options", text, remedy)]
}

fn deprecated(options: &Options) -> Option<Finding> {
    is_written(options, "global_secrets_path").then(|| {
        Finding::new(
            Severity::Note,
            "options",
            "`global_secrets_path` is deprecated: it is one more path of every kind",
            "Write lists as `connections_path`, `variables_path` and `config_path`",
        )
    })
}

/// The segments `data/` and `metadata/` belong to the engine and are added to each request.
fn engine_paths(options: &Options, settings: &VaultSettings) -> Vec<Finding> {
    if settings.version == Some(KvVersion::One) {
        return Vec::new();
    }
    let is_own = |segment: Option<&str>| matches!(segment, Some("data" | "metadata"));
    let mut wrong = Vec::new();
    if settings.mount.as_deref().is_some_and(|mount| mount.contains('/') && is_own(mount.rsplit('/').next()))
    {
        wrong.push("mount_point");
    }
    for key in ["connections_path", "variables_path", "config_path"] {
        let begins = |path: &str| is_own(collapse(path).split('/').next());
        let is_wrong = match options.get(key) {
            Some(OptionValue::Text(path)) => begins(path),
            Some(OptionValue::Scalar(scalar)) => begins(&scalar.text),
            Some(OptionValue::Json(Value::Array(paths))) => {
                paths.iter().filter_map(Value::as_str).any(begins)
            }
            _ => false,
        };
        wrong.extend(is_wrong.then_some(key));
    }
    let described = |key: &str| {
        let text = format!(
            "`{key}` holds `data` or `metadata`, which is added automatically for a KV engine of version 2"
        );
        Finding::new(
            Severity::Warning,
            "options",
            text,
            format!("Leave it out of `{key}`, unless a folder is called so"),
        )
    };
    wrong.into_iter().map(described).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json::parse;

    fn found(pairs: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Vec<String> {
        let mut options = Options::of_texts(pairs);
        if options.text("verify") == Some("false") {
            options.set("verify", OptionValue::Boolean(false));
        }
        if let Some(list) = options.text("variables_path").filter(|text| text.starts_with('[')) {
            let list = parse(&Text::from(list)).unwrap();
            options.set("variables_path", OptionValue::Json(list));
        }
        let environment = Environment::of(variables);
        let findings = check(&options, &environment);
        assert!(!format!("{findings:?}").contains("canary"), "{findings:?}");
        findings
            .iter()
            .map(|found| format!("{} {}: {}", found.severity.as_str(), found.check, found.evidence))
            .collect()
    }

    #[test]
    fn long_lived_credentials_are_reported_with_their_place() {
        let token = [("token", "canary")];
        assert_eq!(found(&token, &[]), ["warning static_keys: a token is in `token` of backend_kwargs"]);
        assert_eq!(
            found(&[], &[("VAULT_TOKEN", "canary")]),
            ["warning static_keys: a token is in VAULT_TOKEN"]
        );
        assert!(found(&[("token_path", "/t")], &[("VAULT_TOKEN", "canary")]).is_empty());
        let approle = [("auth_type", "approle"), ("role_id", "r"), ("secret_id", "canary")];
        assert_eq!(
            found(&approle, &[("VAULT_TOKEN", "canary")]),
            ["warning static_keys: a long-lived secret is in `secret_id` of backend_kwargs"]
        );
        let wrapped = [("auth_type", "approle"), ("role_id", "r"), ("wrapped_secret_id", "canary")];
        assert!(found(&wrapped, &[]).is_empty());
        let radius = [("auth_type", "radius"), ("username", "u"), ("password", "canary")];
        assert_eq!(found(&radius, &[]).len(), 1);
    }

    #[test]
    fn unprotected_connections_are_reported() {
        let open = [("url", "http://vault.example"), ("verify", "false"), ("token_path", "/t")];
        let checks: Vec<String> = found(&open, &[])
            .iter()
            .map(|text| text.split(':').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(checks, ["warning tls", "warning plain_http"]);
        assert!(found(&[("url", "http://127.0.0.1:8200"), ("token_path", "/t")], &[]).is_empty());
        let environment = [("VAULT_ADDR", "http://vault.example")];
        assert_eq!(found(&[("token_path", "/t")], &environment).len(), 1);
    }

    #[test]
    fn contradictions_are_reported() {
        let both = [("token", "canary"), ("token_path", "/t")];
        assert_eq!(
            found(&both, &[]),
            ["note options: `token_path` and `token` are both set: `token_path` takes precedence"]
        );
        let left = [
            ("auth_type", "kubernetes"),
            ("kubernetes_role", "r"),
            ("role_id", "r"),
            ("secret_id", "canary"),
        ];
        assert_eq!(
            found(&left, &[]),
            ["warning options: the login `kubernetes` does not look at `role_id`, `secret_id`"]
        );
        let old = [("token_path", "/t"), ("global_secrets_path", "x")];
        assert!(found(&old, &[])[0].starts_with("note options: `global_secrets_path` is deprecated"));
    }

    #[test]
    fn a_path_with_the_engines_own_segment_is_reported() {
        let path = |pairs: &[(&'static str, &str)]| {
            let all: Vec<_> = pairs.iter().copied().chain([("token_path", "/t")]).collect();
            found(&all, &[]).len()
        };
        assert_eq!(path(&[("mount_point", "secret/data")]), 1);
        assert_eq!(path(&[("connections_path", "/data/x"), ("variables_path", r#"["a", "metadata"]"#)]), 2);
        assert_eq!(path(&[("mount_point", "data"), ("connections_path", "database")]), 0);
    }
}
