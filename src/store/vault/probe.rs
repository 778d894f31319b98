//! What the login may do, for `strongroom doctor`: the token, the engine at the mount, the capabilities below
//! the paths.
//!
//! A refused request is never a problem: lookups do not need it. Sources: `auth/token/lookup-self` and
//! `sys/capabilities-self` in the API reference.

use serde_json::json;

use crate::redact::Shown;
use crate::store::convention::Kind;
use crate::store::tools::{Finding, Severity};
use crate::store::vault::Vault;
use crate::store::vault::call::{Call, Own};
use crate::store::vault::capabilities::{Below, judged};
use crate::store::vault::config::KvVersion;
use crate::store::vault::diagnosis::{Engine, engine, engine_call};
use crate::store::vault::path::collapse;
use crate::store::vault::server::Reply;
use crate::store::vault::token_state::state;
use crate::value::json::{Object, Value};

/// A name that no secret has, to find out what is allowed below a path.
const PROBE: &str = "strongroom_doctor_probe";

/// The remedy for an answer that is neither yes nor no.
const NO_INFORMATION: &str = "Ask again; if it stays so, check `url`, proxies and the load of the server";

impl Vault {
    /// Makes at most four requests and a login: health, token, engine, capabilities.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let health = self.health().await;
        let mut findings = health.findings;
        if !health.answers {
            return findings;
        }
        match self.token_findings().await {
            Ok(found) => findings.extend(found),
            Err(failed) => {
                findings.push(failed);
                return findings;
            }
        }
        let Some(mount) = &self.settings.mount else {
            findings.push(Finding::new(
                Severity::Note,
                "engine",
                "`mount_point` is null, so each id names the mount that is asked, and none is known without \
                one",
                "Try `strongroom explain connection MOUNT/ID`; with one mount alone write it as \
                `mount_point`",
            ));
            return findings;
        };
        let (found, version) = self.engine_finding(mount).await;
        findings.extend(found);
        if let Some(version) = version {
            findings.extend(self.permissions(mount, version).await);
        }
        findings
    }

    /// An error is a failed login.
    async fn token_findings(&self) -> Result<Vec<Finding>, Finding> {
        let (token, _) = self.access.tokens.get(&self.access.server).await.map_err(|error| {
            Finding::new(Severity::Problem, "identity", error.message(), error.hint().unwrap_or_default())
        })?;
        let asked = async {
            let call = Call::of(&Own::get("auth/token/lookup-self"))?;
            self.access.server.ask(&call, Some(token.secret())).await
        };
        let reply = asked.await.ok();
        let json = reply.as_ref().filter(|reply| reply.is_success()).and_then(Reply::json);
        Ok(match data(json.as_ref()) {
            Some(data) => state(data, self.access.tokens.is_fixed(), token.is_counted()),
            None => vec![self.token_unseen(reply.as_ref())],
        })
    }

    /// If each id names its mount, no lookup has yet shown that the token works: then this matters more than
    /// a note.
    fn token_unseen(&self, reply: Option<&Reply>) -> Finding {
        let found = unanswered(
            "token",
            reply,
            "the token may not look at itself, or is not known to the server any more",
            "The policy `default` allows `auth/token/lookup-self`; if lookups are refused too, log in anew",
        );
        let severity = if self.settings.mount.is_none() { Severity::Warning } else { found.severity };
        Finding { severity, ..found }
    }

    /// The answer of the server to a request of ours; if the token has few uses, another login may be needed
    /// for it.
    async fn asked(&self, call: Result<Call, crate::http::TransportError>) -> Option<Reply> {
        let (token, _) = self.access.tokens.get(&self.access.server).await.ok()?;
        self.access.server.ask(&call.ok()?, Some(token.secret())).await.ok()
    }

    /// The engine that is mounted, and the version to continue with; `None` if it is not a KV engine.
    async fn engine_finding(&self, mount: &str) -> (Option<Finding>, Option<KvVersion>) {
        let reply = self.asked(engine_call(mount)).await;
        let configured = self.settings.version;
        match reply.as_ref().and_then(engine) {
            Some(Engine::Kv(version)) if configured.is_none_or(|configured| configured == version) => {
                let text = format!("at `{}` is a KV engine of version {}", Shown(mount), version.number());
                (Some(Finding::fine("engine", text)), Some(version))
            }
            Some(Engine::Kv(version)) => (Some(other_version(mount, version)), Some(version)),
            Some(Engine::Other) => {
                let text = format!("at `{}` is another engine than KV", Shown(mount));
                let remedy = "Check `mount_point` with `vault secrets list`";
                (Some(Finding::new(Severity::Problem, "engine", text, remedy)), None)
            }
            None => {
                let text = format!("nothing is reported about the mount `{}`", Shown(mount));
                let remedy = "Either nothing is mounted there (`vault secrets list`; check `mount_point` and \
                `namespace`), or no policy of this login names a path below it: see `strongroom policy \
                vault`";
                (Some(unanswered("engine", reply.as_ref(), &text, remedy)), configured)
            }
        }
    }

    async fn permissions(&self, mount: &str, version: KvVersion) -> Vec<Finding> {
        let below: Vec<Below> =
            self.folders.iter().map(|(kind, folder)| below(*kind, mount, folder, version)).collect();
        let paths: Vec<&str> = below.iter().flat_map(Below::paths).collect();
        if paths.is_empty() {
            return Vec::new();
        }
        let reply =
            self.asked(Call::of(&Own::post("sys/capabilities-self", &json!({ "paths": paths })))).await;
        let json = reply.as_ref().filter(|reply| reply.is_success()).and_then(Reply::json);
        match data(json.as_ref()) {
            Some(data) => below.iter().flat_map(|below| judged(below, data)).collect(),
            None => vec![unanswered(
                "permissions",
                reply.as_ref(),
                "the token may not ask what it may do",
                "The policy `default` allows `sys/capabilities-self`; lookups do not need it",
            )],
        }
    }
}

fn below(kind: Kind, mount: &str, folder: &str, version: KvVersion) -> Below {
    let path = folder.strip_prefix(mount).unwrap_or(folder);
    let at = |part: &str, name: &str| collapse(&format!("{mount}/{part}/{path}/{name}"));
    let (values, names) = match version {
        KvVersion::One => ("", ""),
        KvVersion::Two => ("data", "metadata"),
    };
    Below {
        kind,
        version,
        value: at(values, PROBE),
        metadata: at(names, PROBE),
        folder: format!("{}/", at(names, "")),
        bare_folder: at(names, ""),
    }
}

/// The mount has another version than lookups expect.
fn other_version(mount: &str, version: KvVersion) -> Finding {
    let mount = Shown(mount);
    let text = match version {
        KvVersion::One => format!(
            "by default Airflow uses `kv_engine_version` 2, but the secrets at `{mount}` were written using \
            version 1: lookups find none of them"
        ),
        KvVersion::Two => format!(
            "`kv_engine_version` is 1, but the secrets at `{mount}` were written using version 2: lookups \
            find none of them"
        ),
    };
    let remedy = format!("Write {}, or auto, as `kv_engine_version` in backend_kwargs", version.number());
    Finding::new(Severity::Problem, "engine", text, remedy)
}

/// A request without an answer: `text` and `remedy` are for a refused one.
fn unanswered(check: &'static str, reply: Option<&Reply>, text: &str, remedy: &str) -> Finding {
    let (evidence, remedy) = match reply.map(|reply| reply.status) {
        Some(status @ (401 | 403 | 404)) => (format!("{text} (HTTP {status})"), remedy),
        Some(status) => (format!("no information: the server answers with HTTP {status}"), NO_INFORMATION),
        None => ("no information: the server gives no answer".to_owned(), NO_INFORMATION),
    };
    Finding::new(Severity::Note, check, evidence, remedy)
}

fn data(json: Option<&Value>) -> Option<&Object> {
    json?.as_object()?.get("data")?.as_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_and_a_failure_are_both_notes_and_distinguished() {
        let answered =
            |status, body| unanswered("token", Some(&Reply::of(status, body)), "it may not", "Allow it");
        let (refused, failed) = (answered(403, "{}"), answered(500, r#"{"errors": ["canary"]}"#));
        assert_eq!((refused.severity, refused.evidence.as_str()), (Severity::Note, "it may not (HTTP 403)"));
        assert_eq!(refused.remedy, "Allow it");
        assert_eq!(failed.evidence, "no information: the server answers with HTTP 500");
        assert_eq!((failed.severity, failed.remedy.as_str()), (Severity::Note, NO_INFORMATION));
        assert_eq!(unanswered("token", None, "", "").evidence, "no information: the server gives no answer");
    }

    #[test]
    fn the_paths_are_those_of_the_engine() {
        let second = below(Kind::Variable, "a/b", "a/b/v/w/", KvVersion::Two);
        assert_eq!(second.value, "a/b/data/v/w/strongroom_doctor_probe");
        assert_eq!(
            (second.folder.as_str(), second.bare_folder.as_str()),
            ("a/b/metadata/v/w/", "a/b/metadata/v/w")
        );
        let first = below(Kind::Variable, "a", "a/", KvVersion::One);
        assert_eq!((first.value.as_str(), first.folder.as_str()), ("a/strongroom_doctor_probe", "a/"));
    }

    #[test]
    fn a_mount_of_another_version_is_described_in_airflows_words() {
        let finding = other_version("kv", KvVersion::One);
        insta::assert_snapshot!(finding.evidence, @"by default Airflow uses `kv_engine_version` 2, but the \
        secrets at `kv` were written using version 1: lookups find none of them");
        insta::assert_snapshot!(finding.remedy, @"Write 1, or auto, as `kv_engine_version` in \
        backend_kwargs");
        assert!(other_version("kv", KvVersion::Two).evidence.starts_with("`kv_engine_version` is 1, but"));
    }
}
