//! The tables of vendors whose services speak REST.

use crate::config::import::block::{Block, Findings};
use crate::config::import::draft::Draft;

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
