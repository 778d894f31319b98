//! What the policies of a token allow below one path, according to `sys/capabilities-self`.

use crate::redact::Shown;
use crate::store::convention::Kind;
use crate::store::tools::{Finding, Severity};
use crate::store::vault::config::KvVersion;
use crate::value::json::{Object, Value};

/// The capabilities that lookups never need.
const WRITING: [&str; 5] = ["create", "update", "patch", "delete", "sudo"];

/// Sample paths that represent everything below the path of a kind.
#[derive(Debug)]
pub(super) struct Below {
    /// The kind that the path belongs to.
    pub(super) kind: Kind,
    /// The version of the engine.
    pub(super) version: KvVersion,
    /// Where a value is read.
    pub(super) value: String,
    /// Where the metadata of a secret is read.
    pub(super) metadata: String,
    /// Where names are listed, with the slash that the server adds.
    pub(super) folder: String,
    /// The same without the slash: a rule for exactly that path allows listing too.
    pub(super) bare_folder: String,
}

impl Below {
    /// The paths to ask for.
    pub(super) fn paths(&self) -> [&str; 4] {
        [&self.value, &self.metadata, &self.folder, &self.bare_folder]
    }
}

/// The rule that a policy lacks.
fn rule(path: &str, capability: &str) -> String {
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    format!(
        "Give a policy of this login `path \"{}/*\" {{ capabilities = [\"{capability}\"] }}`: see \
        `strongroom policy vault`",
        Shown(folder)
    )
}

/// Reading is needed; listing and describing are not.
pub(super) fn judged(below: &Below, granted: &Object) -> Vec<Finding> {
    let has = |path: &str, wanted: &str| {
        capabilities(granted, path).any(|capability| capability == wanted || capability == "root")
    };
    let lists = has(&below.folder, "list") || has(&below.bare_folder, "list");
    let asked = [
        ("reading", has(&below.value, "read"), &below.value, "read", Severity::Problem),
        ("listing", lists, &below.folder, "list", Severity::Note),
        ("describing", has(&below.metadata, "read"), &below.metadata, "read", Severity::Note),
    ];
    // Version 1 has no metadata: the listing is the only description.
    let asked = &asked[..if below.version == KvVersion::One { 2 } else { 3 }];
    let allowed: Vec<&str> =
        asked.iter().filter(|(_, is_allowed, ..)| *is_allowed).map(|(word, ..)| *word).collect();
    let mut findings = Vec::new();
    if !allowed.is_empty() {
        let text =
            format!("{} in `{}`: {} allowed", below.kind.plural(), Shown(&below.folder), allowed.join(", "));
        findings.push(Finding::fine("permissions", text));
    }
    findings.extend(asked.iter().filter(|(_, is_allowed, ..)| !is_allowed).map(
        |(word, _, path, capability, severity)| {
            let needed = if *severity == Severity::Note { "; lookups do not need it" } else { "" };
            let text = format!("{}: {word} in `{}` is not allowed{needed}", below.kind.plural(), Shown(path));
            Finding::new(*severity, "permissions", text, rule(path, capability))
        },
    ));
    findings.extend(writing(below, granted));
    findings
}

/// Permissions beyond those of lookups are worth knowing.
fn writing(below: &Below, granted: &Object) -> Option<Finding> {
    let more: Vec<&str> = capabilities(granted, &below.value).filter(|word| WRITING.contains(word)).collect();
    (!more.is_empty()).then(|| {
        Finding::new(
            Severity::Note,
            "permissions",
            format!("{}: more than reading is allowed: {}", below.kind.plural(), more.join(", ")),
            "Lookups only read: give them a token with the policy that `strongroom policy vault` prints",
        )
    })
}

fn capabilities<'granted>(granted: &'granted Object, path: &str) -> impl Iterator<Item = &'granted str> {
    let listed = granted.get(path).and_then(Value::as_array).unwrap_or_default();
    listed.iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use crate::value::json::parse;

    fn granted(version: KvVersion, json: &str) -> Vec<String> {
        let below = Below {
            kind: Kind::Variable,
            version,
            value: "m/data/v/p".to_owned(),
            metadata: "m/metadata/v/p".to_owned(),
            folder: "m/metadata/v/".to_owned(),
            bare_folder: "m/metadata/v".to_owned(),
        };
        let json = parse(&Text::from(json)).unwrap();
        let findings = judged(&below, json.as_object().unwrap());
        findings.iter().map(|found| format!("{} {}", found.severity.as_str(), found.evidence)).collect()
    }

    #[test]
    fn each_operation_is_judged_separately() {
        let all = r#"{"m/data/v/p": ["read"], "m/metadata/v/p": ["read"], "m/metadata/v": ["list"]}"#;
        assert_eq!(
            granted(KvVersion::Two, all),
            ["ok variables in `m/metadata/v/`: reading, listing, describing allowed"]
        );
        assert_eq!(
            granted(KvVersion::Two, r#"{"m/data/v/p": ["deny"], "m/metadata/v/": ["list"]}"#),
            [
                "ok variables in `m/metadata/v/`: listing allowed",
                "problem variables: reading in `m/data/v/p` is not allowed",
                "note variables: describing in `m/metadata/v/p` is not allowed; lookups do not need it"
            ]
        );
        assert_eq!(
            granted(KvVersion::One, r#"{"m/data/v/p": ["update", "read"]}"#),
            [
                "ok variables in `m/metadata/v/`: reading allowed",
                "note variables: listing in `m/metadata/v/` is not allowed; lookups do not need it",
                "note variables: more than reading is allowed: update"
            ]
        );
        let root = r#"{"m/data/v/p": ["root"], "m/metadata/v/p": ["root"], "m/metadata/v": ["root"]}"#;
        assert_eq!(granted(KvVersion::Two, root).len(), 1);
    }
}
