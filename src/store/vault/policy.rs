//! A policy that allows what a backend needs and nothing else.
//!
//! In version 2 of the engine values are below `data/`, names and dates below `metadata/`: `list` on `data/`
//! grants nothing. A rule that ends with `/*` also covers listing the folder itself, since the server adds
//! the slash. Sources: "Policies" and the KV API reference of Vault.

use std::fmt::Write;

use crate::redact::{Shown, is_harmful};
use crate::store::tools::PolicyRequest;
use crate::store::vault::config::{KvVersion, MOUNT_POINT, version};
use crate::store::vault::path::collapse;

/// The capabilities that a rule grants.
type Capabilities = &'static [&'static str];

/// The rules for lookups, listings and descriptions, and with `manages` for changes. In HCL.
pub(super) fn policy(request: &PolicyRequest) -> String {
    let mounts = Mounts::of(request);
    let mut text = String::new();
    if let Some(namespace) = request.options.non_empty("namespace").map(collapse) {
        let _ = writeln!(text, "# To be written in the namespace {}", Shown(&namespace));
    }
    let version = version(&request.options).ok().flatten();
    if version.is_none() {
        text.push_str("# For a KV engine of version 2; for one of version 1 write 1 as kv_engine_version\n");
    }
    let rules = rules(version.unwrap_or(KvVersion::Two), request.manages);
    let below = request.prefixes.iter().map(|(_, prefix)| (mounts.split(prefix), "*"));
    let whole = request.names.iter().map(|name| (mounts.split(name), ""));
    let mut written = Vec::new();
    for ((mount, path), end) in below.chain(whole) {
        for (part, capabilities) in rules {
            let rule = rule(&[&mount, part, &path], end, capabilities);
            // Kinds may share a path.
            if !written.contains(&rule) {
                text.push_str(&rule);
                written.push(rule);
            }
        }
    }
    text
}

/// The segments between mount and path, and the capabilities there.
fn rules(version: KvVersion, manages: bool) -> &'static [(&'static str, Capabilities)] {
    match (version, manages) {
        (KvVersion::One, false) => &[("", &["list", "read"])],
        (KvVersion::One, true) => &[("", &["create", "delete", "list", "read", "update"])],
        (KvVersion::Two, false) => &[("data", &["read"]), ("metadata", &["list", "read"])],
        (KvVersion::Two, true) => &[
            ("data", &["create", "delete", "patch", "read", "update"]),
            ("delete", &["update"]),
            ("undelete", &["update"]),
            ("metadata", &["create", "delete", "list", "patch", "read", "update"]),
        ],
    }
}

/// The mount that was given, and the configured one, which names begin with. `None` means the first segment
/// of each name.
struct Mounts {
    asked: Option<String>,
    configured: Option<String>,
}

impl Mounts {
    fn of(request: &PolicyRequest) -> Self {
        let own = |mount: &str| Some(collapse(mount)).filter(|mount| !mount.is_empty());
        let configured = request.options.prefix("mount_point", MOUNT_POINT).and_then(own);
        let asked = request.account.as_deref().and_then(own);
        Self { asked, configured }
    }

    /// Splits a name of the store into mount and path.
    fn split(&self, name: &str) -> (String, String) {
        let name = collapse(name);
        let mounts = [self.configured.as_deref(), self.asked.as_deref()];
        let below = |mount: &str| {
            let rest = name.strip_prefix(mount)?;
            if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
        };
        let path = mounts.into_iter().flatten().find_map(below);
        match (path, self.asked.as_deref().or(self.configured.as_deref())) {
            (Some(path), Some(mount)) => (mount.to_owned(), path.to_owned()),
            (_, Some(mount)) => (mount.to_owned(), name),
            (_, None) => {
                let (mount, path) = name.split_once('/').unwrap_or((&name, ""));
                (mount.to_owned(), path.to_owned())
            }
        }
    }
}

fn rule(segments: &[&str], end: &str, capabilities: Capabilities) -> String {
    let joined = collapse(&segments.join("/"));
    if let Some(reason) = fault(&joined, end) {
        return format!("# Left out, since {reason}: {}\n", Shown(&joined));
    }
    let path = if end.is_empty() { joined } else { format!("{joined}/{end}") };
    // A single secret has nothing to list.
    let used = capabilities.iter().filter(|capability| !end.is_empty() || **capability != "list");
    let listed: Vec<_> = used.map(|capability| quoted(capability)).collect();
    format!("path {} {{\n  capabilities = [{}]\n}}\n", quoted(&path), listed.join(", "))
}

/// Why a rule cannot name exactly `path`. A star is only special at the end.
fn fault(path: &str, end: &str) -> Option<&'static str> {
    if path.split('/').any(|segment| segment == "+") {
        Some("`+` means any segment in a policy")
    } else if path.contains("+*") || (end.is_empty() && path.ends_with('*')) {
        Some("`*` means anything in a policy")
    } else if path.contains("{{") || path.contains("${") {
        Some("it would be taken for a template")
    } else if path.chars().any(is_harmful) {
        Some("it holds a control character")
    } else {
        None
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::convention::Kind;
    use crate::store::options::{OptionValue, Options};
    use crate::value::json::Value;

    fn request(prefix: &str, options: &[(&'static str, OptionValue)]) -> PolicyRequest {
        let mut written = Options::default();
        for (key, value) in options {
            written.set(key, value.clone());
        }
        PolicyRequest {
            prefixes: vec![(Kind::Connection, prefix.to_owned())],
            options: written,
            ..PolicyRequest::default()
        }
    }

    fn paths(request: &PolicyRequest) -> Vec<String> {
        let text = policy(request);
        text.lines()
            .filter_map(|line| Some(line.strip_prefix("path \"")?.split('"').next()?.to_owned()))
            .collect()
    }

    #[test]
    fn reading_lists_on_metadata() {
        insta::assert_snapshot!(policy(&request("secret/connections/", &[])), @r#"
        path "secret/data/connections/*" {
          capabilities = ["read"]
        }
        path "secret/metadata/connections/*" {
          capabilities = ["list", "read"]
        }
        "#);
    }

    #[test]
    fn managing_changes_versions_and_destroys_none() {
        let managed = PolicyRequest { manages: true, ..request("secret/c/", &[]) };
        assert_eq!(
            paths(&managed),
            ["secret/data/c/*", "secret/delete/c/*", "secret/undelete/c/*", "secret/metadata/c/*"]
        );
    }

    #[test]
    fn the_mount_of_a_name_is_not_a_part_of_its_path() {
        let mount = ("mount_point", OptionValue::Text("/kv/team/".to_owned()));
        let first = ("kv_engine_version", OptionValue::Json(Value::from(1)));
        let mut old = request("kv/team/af/", &[mount.clone(), first]);
        old.names = vec!["kv/team/all".to_owned()];
        assert_eq!(paths(&old), ["kv/team/af/*", "kv/team/all"]);
        let mut elsewhere = request("kv/team/af/", std::slice::from_ref(&mount));
        elsewhere.account = Some("other".to_owned());
        assert_eq!(paths(&elsewhere)[0], "other/data/af/*");
        assert_eq!(paths(&request("kv/team/", &[mount]))[0], "kv/team/data/*");
        let mut shared = request("secret/all/", &[]);
        shared.prefixes.push((Kind::Variable, "secret/all/".to_owned()));
        assert_eq!(paths(&shared), ["secret/data/all/*", "secret/metadata/all/*"]);
        let free = request("m/connections/", &[("mount_point", OptionValue::Null)]);
        assert_eq!(paths(&free), ["m/data/connections/*", "m/metadata/connections/*"]);
    }

    #[test]
    fn a_name_is_one_text_and_never_a_pattern() {
        let odd = policy(&request("secret/a\" {}\\ é/", &[]));
        assert!(odd.starts_with("path \"secret/data/a\\\" {}\\\\ é/*\" {\n"), "{odd}");
        for path in ["a/+/b", "a+*", "{{identity.entity.id}}", "${x}", "a\n}\npath \"*\" {"] {
            let text = policy(&request(&format!("secret/{path}/"), &[]));
            assert!(text.lines().all(|line| line.starts_with("# Left out, since ")), "{text}");
        }
        assert_eq!(paths(&request("secret/a*/", &[]))[0], "secret/data/a*/*");
        let bundle = PolicyRequest { names: vec!["secret/all*".to_owned()], ..request("secret/a/", &[]) };
        assert!(
            policy(&bundle).contains("# Left out, since `*` means anything in a policy: secret/data/all*\n")
        );
    }
}
