//! Documents for Vault: text made of names alone.
//!
//! Source: the KV API of Vault (in version 2 listing and metadata are on `metadata/`, values on `data/`).

use std::fmt::Write;

use crate::store::convention::Kind;
use crate::store::options::Options;
use crate::store::tools::PolicyRequest;
use crate::value::json::Value as Json;

/// The prefixes of the official class.
pub(super) fn usual_prefixes() -> Vec<(Kind, String)> {
    let words = ["connections", "variables", "config"];
    Kind::ALL.into_iter().zip(words).map(|(kind, word)| (kind, format!("{word}/"))).collect()
}

/// What the KV engine is: where, and whether it is of version 1, which has values and names in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Engine {
    pub(super) mount: String,
    is_first: bool,
}

impl Engine {
    /// The mount that is asked for, else that of the options, else the usual one.
    pub(super) fn of(asked: Option<&str>, options: Option<&Options>) -> Self {
        let configured = options.and_then(|options| options.non_empty("mount_point"));
        let mount = asked.or(configured).unwrap_or("secret").trim_matches('/').to_owned();
        let version = options.and_then(|options| options.json("kv_engine_version"));
        Self { mount, is_first: version.is_some_and(is_one) }
    }

    /// A name as the store has it, without the mount that it begins with.
    fn below<'name>(&self, name: &'name str, configured: Option<&str>) -> &'name str {
        let mounts = configured.into_iter().chain([self.mount.as_str()]);
        let mut without = mounts.filter_map(|mount| name.strip_prefix(mount)?.strip_prefix('/'));
        without.next().unwrap_or(name).trim_matches('/')
    }

    fn values(&self, path: &str) -> String {
        if self.is_first { format!("{}/{path}", self.mount) } else { format!("{}/data/{path}", self.mount) }
    }

    fn names(&self, path: &str) -> String {
        if self.is_first {
            format!("{}/{path}", self.mount)
        } else {
            format!("{}/metadata/{path}", self.mount)
        }
    }
}

fn is_one(version: &Json) -> bool {
    version.as_i64() == Some(1) || version.as_str() == Some("1")
}

/// A policy for the KV engine. In version 2 the values are below `data/`, names and dates below `metadata/`: listing on
/// `data/` grants nothing. `configured` is the mount that the names of `request` begin with.
pub(super) fn vault(request: &PolicyRequest, engine: &Engine, configured: Option<&str>) -> String {
    let values: &[&str] =
        if request.manages { &["create", "read", "update", "patch", "delete"] } else { &["read"] };
    let names: &[&str] = if request.manages {
        &["create", "list", "read", "update", "patch", "delete"]
    } else {
        &["list", "read"]
    };
    let mut text = String::new();
    for (_, prefix) in &request.prefixes {
        let path = engine.below(prefix, configured);
        let below = if path.is_empty() { "*".to_owned() } else { format!("{path}/*") };
        if engine.is_first {
            rule(&mut text, &engine.values(&below), names);
        } else {
            rule(&mut text, &engine.values(&below), values);
            rule(&mut text, &engine.names(&below), names);
        }
        if !path.is_empty() {
            // A listing of the folder itself asks without the slash.
            rule(&mut text, &engine.names(path), &["list"]);
        }
    }
    for name in &request.names {
        rule(&mut text, &engine.values(engine.below(name, configured)), values);
    }
    text
}

fn rule(text: &mut String, path: &str, capabilities: &[&str]) {
    let listed: Vec<_> = capabilities.iter().map(|capability| quoted(capability)).collect();
    let _ = writeln!(text, "path {} {{\n  capabilities = [{}]\n}}", quoted(path), listed.join(", "));
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    fn request(manages: bool) -> PolicyRequest {
        PolicyRequest {
            manages,
            prefixes: usual_prefixes().into_iter().take(1).collect(),
            names: Vec::new(),
            tags: Vec::new(),
            keys: Vec::new(),
            account: None,
            region: None,
        }
    }

    fn engine(kwargs: &[(&'static str, OptionValue)]) -> Engine {
        let mut options = Options::default();
        for (key, value) in kwargs {
            options.set(key, value.clone());
        }
        Engine::of(None, Some(&options))
    }

    #[test]
    fn vault_lists_on_metadata() {
        let usual = Engine::of(None, None);
        insta::assert_snapshot!(vault(&request(false), &usual, None), @r#"
        path "secret/data/connections/*" {
          capabilities = ["read"]
        }
        path "secret/metadata/connections/*" {
          capabilities = ["list", "read"]
        }
        path "secret/metadata/connections" {
          capabilities = ["list"]
        }
        "#);
        assert!(
            vault(&request(true), &usual, None)
                .contains(r#"["create", "read", "update", "patch", "delete"]"#)
        );
    }

    #[test]
    fn the_mount_of_a_name_is_not_a_part_of_its_path() {
        let mut request = request(false);
        request.prefixes = vec![(Kind::Connection, "kv/team/af/".to_owned())];
        request.names = vec!["kv/team/all".to_owned()];
        let first = engine(&[
            ("mount_point", OptionValue::Text("/kv/team/".to_owned())),
            ("kv_engine_version", OptionValue::Json(Json::from(1))),
        ]);
        insta::assert_snapshot!(vault(&request, &first, Some("kv/team")), @r#"
        path "kv/team/af/*" {
          capabilities = ["list", "read"]
        }
        path "kv/team/af" {
          capabilities = ["list"]
        }
        path "kv/team/all" {
          capabilities = ["read"]
        }
        "#);
        let elsewhere = vault(&request, &Engine::of(Some("other"), None), Some("kv/team"));
        assert!(elsewhere.starts_with("path \"other/data/af/*\""), "{elsewhere}");
    }
}
