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
