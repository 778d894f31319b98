//! The tables of vendors whose services speak REST.

use crate::config::import::block::{Block, Findings};
use crate::config::import::draft::Draft;
use crate::value::json::{Object, Value};

use super::READS;
use super::clouds::prefix;

pub(super) fn doppler(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("doppler");
    draft.put("token", table.required("token", found));
    draft.put("project", table.text("project", found));
    draft.put("config", table.text("config", found));
    draft.put("secret_name_prefix", table.text("secret-name-prefix", found));
    draft
}

pub(super) fn onepassword(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("onepassword_connect");
    draft.put("address", table.required("address", found));
    draft.put("token", table.required("token", found));
    draft.put("vault_id", table.required("vault-id", found));
    prefix(&mut draft, table, found);
    draft
}

/// The folder and the template are those of new secrets; but what Kestra writes is in that folder.
pub(super) fn delinea(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("delinea");
    draft.put("address", table.required("address", found));
    draft.put("username", table.required("username", found));
    draft.put("password", table.required("password", found));
    draft.put("domain", table.text("domain", found));
    draft.put("folder_id", table.any("folder-id").cloned());
    table.useless("secret-template-id", READS, found);
    prefix(&mut draft, table, found);
    draft
}

/// The platform is that of new accounts. A name has no folders, so slashes of the prefix become dashes.
pub(super) fn cyberark(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("cyberark");
    draft.put("address", table.required("address", found));
    draft.put("username", table.required("username", found));
    draft.put("password", table.required("password", found));
    draft.put("safe_name", table.text("safe-name", found));
    draft.put("verify", table.boolean("validate-certs", found));
    table.useless("platform-id", READS, found);
    table.useless("use-proxy", "HTTPS_PROXY and NO_PROXY say which proxy is used", found);
    let key = if table.has("secret-path-prefix") { "secret-path-prefix" } else { "prefix" };
    let place = format!("`{key}` in {}", table.place());
    let [path, prefix] = ["secret-path-prefix", "prefix"].map(|key| table.text(key, found));
    let prefix = path.or(prefix).map(|prefix| prefix.trim_matches('/').replace('/', "-"));
    draft.prefix(&place, prefix.as_deref(), found);
    draft
}

/// The owner is that of new secrets; but what Kestra writes is in that folder.
pub(super) fn beyondtrust(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("beyondtrust");
    draft.put("address", table.required("address", found));
    draft.put("api_key", table.required("api-key", found));
    draft.put("run_as", table.required("run-as", found));
    draft.put("folder_id", table.text("folder-id", found));
    draft.put("api_version", table.text("api-version", found));
    table.useless("owner-id", READS, found);
    table.useless("owner-type", READS, found);
    prefix(&mut draft, table, found);
    draft
}

/// What Kestra has written is in a format that only Kestra knows.
const OWN_FORMAT: &str = "is taken as the key, and Kestra's own records are in a format that only Kestra \
    knows: seal the values again, as docs/sealed-values.md describes";

pub(super) fn elasticsearch(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("elasticsearch");
    let secret = table.required("secret", found);
    if secret.as_ref().is_some_and(|secret| secret.trim().chars().count() < 32) {
        table.fault::<()>("secret", "has fewer than 32 characters", found);
    }
    if secret.is_some() {
        found.notes.push(table.sentence("secret", OWN_FORMAT));
    }
    draft.put("sealing_key", secret);
    prefix(&mut draft, table, found);
    draft
}

/// The cluster that Kestra itself works with, which is beside `secret`.
pub(super) fn cluster(draft: &mut Draft, mut table: Block<'_>, found: &mut Findings) {
    table.useless("defaults", "the index of the records is `index` here", found);
    table.useless("indices", "the index of the records is `index` here", found);
    if let Some(mut client) = table.block("client", found) {
        let hosts = client.any("http-hosts");
        let first = hosts.and_then(|hosts| hosts.as_array().map_or(Some(hosts), |all| all.first()));
        if hosts.and_then(Value::as_array).is_some_and(|all| all.len() > 1) {
            let note = "has several addresses, and the first one is taken: name one that finds them all";
            found.notes.push(client.sentence("http-hosts", note));
        }
        draft.put("address", first.and_then(Value::as_str));
        if let Some(mut login) = client.block("basic-auth", found) {
            draft.put("username", login.required("username", found));
            draft.put("password", login.required("password", found));
            login.end(found);
        }
        let is_unverified = client.boolean("trust-all-ssl", found) == Some(true);
        draft.put("verify", is_unverified.then_some(false));
        client.end(found);
    }
    table.end(found);
}

/// The key of sealed values, and the database, which Kestra itself takes from `datasources`.
pub(super) fn jdbc(table: &mut Block<'_>, found: &mut Findings) -> Draft {
    let mut draft = Draft::of("jdbc");
    draft.put("url", table.text("url", found));
    draft.put("username", table.text("username", found));
    draft.put("password", table.text("password", found));
    table.useless("driver-class-name", DRIVER, found);
    draft.put("sealing_key", table.required("secret", found));
    prefix(&mut draft, table, found);
    draft
}

const DRIVER: &str = "no class of Java is loaded";

/// The database of `datasources`, for a table that does not name its own, and what to know of both.
pub(super) fn datasource(draft: &mut Draft, sources: Option<&Object>, found: &mut Findings) {
    if draft.store != "jdbc" {
        return;
    }
    found.notes.push(SEALED_AGAIN.to_owned());
    if draft.options.contains_key("url") {
        return;
    }
    let with_url = |source: &&Object| source.get("url").and_then(Value::as_str).is_some();
    let sources: Vec<_> =
        sources.into_iter().flatten().filter_map(|(_, source)| source.as_object()).collect();
    match *sources.into_iter().filter(with_url).collect::<Vec<_>>() {
        [only] => {
            for key in ["url", "username", "password"] {
                draft.put(key, only.get(key).and_then(Value::as_str));
            }
        }
        _ => found.notes.push(NO_URL.to_owned()),
    }
}

const SEALED_AGAIN: &str = "Kestra's own table has a format that is not published: make the table of \
    `strongroom jdbc schema` and seal the values again, with a key of `strongroom key`";

const NO_URL: &str = "`url` has to be added: Kestra has the address of its database in `datasources`, and \
    there is not exactly one here";
