//! Mistakes in an address or a path because of which no secret can be found.

use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::options::{OptionValue, Options};
use crate::store::tools::{Finding, Severity};
use crate::store::vault::config::VaultSettings;
use crate::store::vault::path::collapse;
use crate::value::json::Value;

/// An address that ends with the version of the API, which is added anyway.
pub(super) fn version_in_address(settings: &VaultSettings) -> Option<Finding> {
    let path = settings.url.path().trim_end_matches('/');
    path.ends_with("/v1").then(|| {
        Finding::new(
            Severity::Problem,
            "url",
            "the address of Vault ends in `/v1`, which is added automatically: `/v1/v1/...` is asked for",
            "Leave `/v1` out of `url`",
        )
    })
}

/// Paths that begin with the mount, which is put in front of them anyway.
pub(super) fn repeated_mount(options: &Options, settings: &VaultSettings) -> Vec<Finding> {
    let Some(mount) = settings.mount.as_deref() else { return Vec::new() };
    let begins = |path: &str| below(mount, &collapse(path));
    let is_wrong = |key: &&str| match options.get(key) {
        Some(OptionValue::Text(path)) => begins(path),
        Some(OptionValue::Json(Value::Array(paths))) => paths.iter().filter_map(Value::as_str).any(begins),
        _ => false,
    };
    let described = |key: &str| {
        Finding::new(
            Severity::Warning,
            "options",
            format!("`{key}` begins with the mount `{}`, which is put before it", Shown(mount)),
            format!("Leave the mount out of `{key}`, unless a folder is called so"),
        )
    };
    ["connections_path", "variables_path", "config_path"]
        .iter()
        .filter(|key| is_wrong(key))
        .map(|key| described(key))
        .collect()
}

/// The mistake because of which `name` is absent, if it is one of these.
pub(super) fn why_absent(settings: &VaultSettings, name: &SecretName) -> Option<Finding> {
    if let Some(finding) = version_in_address(settings) {
        return Some(Finding { severity: Severity::Warning, ..finding });
    }
    let (mount, name) = (settings.mount.as_deref()?, collapse(name.as_str()));
    let path = name.strip_prefix(mount)?.strip_prefix('/')?;
    below(mount, path).then(|| {
        Finding::new(
            Severity::Warning,
            "path",
            format!(
                "the path `{}` in the mount `{}` begins with the mount once more",
                Shown(path),
                Shown(mount)
            ),
            "Leave the mount out of the path, in `connections_path`, `variables_path` or `config_path`",
        )
    })
}

fn below(mount: &str, path: &str) -> bool {
    path == mount || path.strip_prefix(mount).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::environment::Environment;

    fn settings(pairs: &[(&'static str, &str)]) -> (Options, VaultSettings) {
        let options = Options::of_texts(pairs);
        let settings = VaultSettings::read(&options, &Environment::default()).unwrap();
        (options, settings)
    }

    #[test]
    fn the_version_is_not_part_of_the_address() {
        for (url, is_wrong) in [
            ("https://v:8200/v1", true),
            ("https://v:8200/v1/", true),
            ("https://v/proxy", false),
            ("https://v1", false),
        ] {
            assert_eq!(version_in_address(&settings(&[("url", url)]).1).is_some(), is_wrong, "{url}");
        }
        let (_, settings) = settings(&[("url", "https://v/v1")]);
        assert_eq!(why_absent(&settings, &"secret/connections/a".into()).unwrap().check, "url");
    }

    #[test]
    fn a_mount_in_a_path_is_reported() {
        let (options, settings) = settings(&[
            ("mount_point", "kv"),
            ("connections_path", "/kv/connections"),
            ("variables_path", "kvx"),
        ]);
        let found = repeated_mount(&options, &settings);
        insta::assert_snapshot!(found[0].evidence, @"`connections_path` begins with the mount `kv`, which is \
        put before it");
        assert_eq!(found.len(), 1);
        assert_eq!(why_absent(&settings, &"kv/kv/connections/a".into()).unwrap().check, "path");
        assert_eq!(why_absent(&settings, &"kv/connections/a".into()), None);
    }
}
