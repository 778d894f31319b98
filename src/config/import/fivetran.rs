//! The external secrets manager of Fivetran: a type, and a `config` with its keys.
//!
//! Source: fivetran.com, "External Secrets Manager" of the REST API.

use crate::config::import::block::{Block, Findings, Spelling, nearest};
use crate::config::import::draft::{Draft, checked_vault};
use crate::config::import::shape::{object, text};
use crate::config::import::{Tool, not_yet};
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::value::json::{Object, Value};

const AWS: &str = "AWS_SECRET_MANAGER";
const AZURE: &str = "AZURE_KEY_VAULT";
const VAULT: &str = "HASHICORP_VAULT";

/// The types, each with its registry name here.
const TYPES: [(&str, &str); 3] =
    [(AWS, "aws_secrets_manager"), (AZURE, "azure_key_vault"), (VAULT, "hashicorp_vault")];

/// What Fivetran's dashboard offers besides, without documented keys.
const GOOGLE: &str = "GOOGLE_SECRET_MANAGER";

/// What says that a manager is one of a hybrid deployment; both words are in the documentation.
const HYBRID: [&str; 2] = ["is_hybrid_deployment_compatible", "is_hybrid_deployment"];

/// Whether `word` is a type of Fivetran.
pub(super) fn has_type(word: &str) -> bool {
    type_of(word).is_some()
}

fn type_of(word: &str) -> Option<&'static str> {
    let is_meant = |(name, store): &&(&str, &str)| name.eq_ignore_ascii_case(word) || *store == word;
    TYPES.iter().find(is_meant).map(|(name, _)| *name)
}

/// Whether these are Fivetran's keys.
pub(super) fn is_meant(members: &Object) -> bool {
    let manager = unwrapped(members);
    let is_type = |word: &str| {
        let plain = word.to_ascii_uppercase();
        plain == GOOGLE || type_of(word).is_some() || nearest(word, &[AWS, AZURE, VAULT]).is_some()
    };
    text(manager, "type").is_some_and(is_type)
        || (object(manager, "config").is_some() && !manager.contains_key("secretStorageType"))
}

/// What the API answers with has the manager in `data`.
fn unwrapped(members: &Object) -> &Object {
    object(members, "data").filter(|_| !members.contains_key("config")).unwrap_or(members)
}

/// Reads a manager.
pub(super) fn read(members: &Object, kind: Option<&str>, found: &mut Findings) -> Result<Draft> {
    let manager = unwrapped(members);
    if manager.get("items").is_some_and(|items| matches!(items, Value::Array(_))) {
        return Err(Error::config("this is a list of external secrets managers of Fivetran")
            .with_hint("Write one of its items"));
    }
    let is_bare = kind.is_some() && !manager.contains_key("config") && !manager.contains_key("type");
    let mut outer = Block::new("Fivetran's external secrets manager", Spelling::Exact, manager, found);
    if is_bare {
        // The keys of `config` alone.
        return Ok(of_type(named(kind, None)?, Spelled { outer, is_hybrid: false }, found));
    }
    let is_hybrid = HYBRID.map(|key| outer.boolean(key, found)).contains(&Some(true));
    for key in ["id", "created_at", "updated_at"] {
        outer.mark(key);
    }
    let name = outer.text("name", found);
    let written = outer.required("type", found);
    let Some(config) = outer.block("config", found) else {
        if !outer.has("config") {
            outer.fault::<()>("config", "is missing", found);
        }
        outer.end(found);
        return Err(Error::config("it has no `config`"));
    };
    outer.end(found);
    let Some(written) = written.as_deref().or(kind) else { return Err(Error::config("it has no `type`")) };
    let name_of_type = named(kind, Some(written))?;
    let draft = of_type(name_of_type, Spelled { outer: config, is_hybrid }, found);
    Ok(Draft { name, ..draft })
}

fn named(kind: Option<&str>, written: Option<&str>) -> Result<&'static str> {
    let word = written.or(kind).unwrap_or_default();
    if word.eq_ignore_ascii_case(GOOGLE) {
        return Err(not_yet(Tool::Fivetran, GOOGLE, "Google Secret Manager"));
    }
    type_of(word).ok_or_else(|| {
        let known = TYPES.map(|(name, _)| name);
        let near = nearest(word, &known).map(|near| format!("Did you mean `{near}`? ")).unwrap_or_default();
        Error::config(format!("Fivetran has no external secrets manager of type `{}`", Shown(word)))
            .with_hint(format!("{near}The types are {}", known.join(", ")))
    })
}

/// The keys of one manager.
struct Spelled<'a> {
    outer: Block<'a>,
    is_hybrid: bool,
}

impl Spelled<'_> {
    /// A key that is required unless the deployment is a hybrid one.
    fn saas(&mut self, key: &'static str, found: &mut Findings) -> Option<String> {
        if self.is_hybrid || self.outer.peek(key).is_some() {
            return if self.is_hybrid {
                self.outer.text(key, found)
            } else {
                self.outer.required(key, found)
            };
        }
        self.outer.mark(key);
        let what = "is missing: Fivetran asks for it unless the deployment is a hybrid one, which \
                    \"is_hybrid_deployment_compatible\": true beside `config` says";
        self.outer.fault(key, what, found)
    }
}

fn of_type(name: &'static str, mut spelled: Spelled<'_>, found: &mut Findings) -> Draft {
    let draft = match name {
        AWS => aws(&mut spelled, found),
        AZURE => azure(&mut spelled, found),
        _ => vault(&mut spelled, found),
    };
    spelled.outer.end(found);
    draft
}

fn aws(spelled: &mut Spelled<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("aws_secrets_manager");
    let role = spelled.outer.required("role_arn", found);
    if role.is_some() {
        found.notes.push(
            "`role_arn`: Fivetran assumes the role with an account of its own, and Strongroom with the \
            identity of \
             the process: the trust policy of the role has to name it"
                .to_owned(),
        );
    }
    draft.put("role_arn", role);
    draft
}

fn azure(spelled: &mut Spelled<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("azure_key_vault");
    let address = spelled.outer.required("vault_url", found);
    draft.put("vault_url", checked_vault(&mut spelled.outer, "vault_url", address, found));
    let tenant = spelled.saas("tenant_id", found);
    if tenant.is_some() {
        found.notes.push(
            "`tenant_id`: Fivetran reads with an application of its own in that tenant; write `client_id` \
            and \
             `client_secret` of yours, or leave it to a workload or managed identity"
                .to_owned(),
        );
    }
    draft.put("tenant_id", tenant);
    draft
}

fn vault(spelled: &mut Spelled<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("hashicorp_vault");
    draft.put("url", spelled.outer.required("vault_address", found));
    let (role, secret) = (spelled.saas("role_id", found), spelled.saas("secret_id", found));
    let one_of = |has: &Option<String>, other: &Option<String>| has.is_some() && other.is_none();
    if spelled.is_hybrid && one_of(&secret, &role) {
        spelled.outer.fault::<()>("role_id", "is missing beside `secret_id`", found);
    }
    let is_approle = role.is_some();
    draft.put("auth_type", is_approle.then_some("approle"));
    draft.put("role_id", role);
    draft.put("secret_id", secret);
    draft.put("namespace", spelled.outer.text("namespace", found));
    if !is_approle {
        let note = "no login is written: the token of VAULT_TOKEN is used, or write `auth_type`";
        found.notes.push(note.to_owned());
    }
    draft
}
