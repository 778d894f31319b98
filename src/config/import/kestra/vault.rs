//! Vault.

use crate::config::import::block::{Block, Findings};
use crate::config::import::draft::Draft;
use crate::error::{Error, Result};
use crate::store::convention::Kind;
use crate::value::json::Value;

/// The logins of Kestra; one of them is written.
const LOGINS: [&str; 4] = ["token", "app-role", "password", "kubernetes"];

const TIMEOUTS: &str = "`timeout` is the time of a whole lookup here";

/// The registry name.
pub(super) const STORE: &str = "hashicorp_vault";

/// Where Kestra keeps secrets, if nothing says of which tenant and namespace.
pub(super) const WITHOUT_PLACE: &str = "Kestra's own secrets are at TENANT/NAMESPACE/NAME in Vault: \
--tenant and --namespace, or `path_template` with `path_tenant` and `path_namespace`, read them there";

/// The names that Kestra gives to the secrets of a tenant and a namespace, and its search in the parents.
pub(super) fn place(draft: &mut Draft, (tenant, namespace): (&str, &str)) -> Result<()> {
    if draft.store != STORE {
        return Err(Error::config("--tenant and --namespace are parts of Kestra's paths in Vault alone")
            .with_hint("Leave them out: other stores have the prefix that is configured"));
    }
    // Kestra has one secret for each name, of whatever kind.
    for kind in Kind::ALL {
        let key = format!("{}_path", kind.group());
        let own = draft.options.get(key.as_str()).and_then(Value::as_str).map(str::to_owned);
        let default = format!("/{}", kind.group());
        draft.put(&key, own.map(|path| path.strip_suffix(&default).unwrap_or(&path).to_owned()));
    }
    draft.put("path_template", Some("{tenant}/{namespace:/}/{name}"));
    draft.put("path_tenant", Some(tenant));
    draft.put("path_namespace", Some(namespace));
    draft.put("inherit", Some(true));
    Ok(())
}

pub(super) fn vault(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of(STORE);
    draft.put("url", table.required("address", found));
    draft.put("namespace", table.text("namespace", found));
    draft.put("mount_point", table.text("root-engine", found));
    draft.put("kv_engine_version", version(table, found));
    let written: Vec<_> = LOGINS.into_iter().filter(|login| table.has(login)).collect();
    if let [one, other, ..] = written[..] {
        table.fault::<()>(one, &format!("and `{other}` are two logins: write one of them"), found);
    }
    if written.is_empty() {
        let note = "has no login, so the token of VAULT_TOKEN is used; write one of";
        found.notes.push(format!("{} {note} {}", table.place(), LOGINS.join(", ")));
    }
    for login in LOGINS {
        if let Some(mut block) = table.block(login, found) {
            sign_in(login, &mut draft, &mut block, found);
            block.end(found);
        }
    }
    folder(&mut draft, table, found);
    for key in ["connect-timeout", "read-timeout"] {
        table.useless(key, TIMEOUTS, found);
    }
    draft
}

fn sign_in(login: &str, draft: &mut Draft, block: &mut Block<'_>, found: &mut Findings) {
    let method = match login {
        "app-role" => {
            draft.put("role_id", block.required("role-id", found));
            draft.put("secret_id", block.text("secret-id", found));
            "approle"
        }
        "password" => {
            draft.put("username", block.required("user", found));
            draft.put("password", block.required("password", found));
            "userpass"
        }
        "kubernetes" => {
            draft.put("kubernetes_role", block.required("role", found));
            "kubernetes"
        }
        _ => {
            draft.put("token", block.required("token", found));
            "token"
        }
    };
    draft.put("auth_type", Some(method));
    if login != "token" {
        let path = block.text("path", found);
        draft.put("auth_mount_point", path.filter(|path| path != method));
    }
}

fn version(table: &mut Block<'_>, found: &mut Findings) -> Option<Value> {
    let value = table.any("engine-version")?;
    match (value.as_i64(), value.as_str()) {
        (Some(number @ 1..=2), _) => Some(Value::from(number)),
        (_, Some("1")) => Some(Value::from(1)),
        (_, Some("2")) => Some(Value::from(2)),
        _ => table.fault("engine-version", "is neither 1 nor 2", found),
    }
}

/// What comes before the names below the mount.
fn folder(draft: &mut Draft, table: &mut Block<'_>, found: &mut Findings) {
    let parts: Vec<_> = ["secret-path-prefix", "prefix"]
        .into_iter()
        .filter_map(|key| Some((key, table.text(key, found)?)))
        .collect();
    let joined: Vec<_> = parts.iter().map(|(_, text)| text.trim_matches('/')).collect();
    let keys: Vec<_> = parts.iter().map(|(key, _)| format!("`{key}`")).collect();
    let place = format!("{} in {}", keys.join(" and "), table.place());
    draft.prefix(&place, (!joined.is_empty()).then(|| joined.join("/")).as_deref(), found);
}
