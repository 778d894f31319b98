//! `kestra.secret` of Kestra: a type, a table of that name, and a cache.
//!
//! Sources: kestra.io, "External Secrets Manager", and the keys of the full reference. Keys are camel,
//! kebab or
//! snake case, as Kestra reads them.

mod clouds;
mod vault;
mod vendors;

use crate::config::import::block::{Block, Findings, Spelling, nearest, plain};
use crate::config::import::draft::Draft;
use crate::config::import::shape::{object, text};
use crate::config::import::{Asked, Tool, not_yet};
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::value::json::{Object, Value};

type Reader = fn(&mut Block<'_>, &mut Findings) -> Draft;

/// The types that there is a store for.
const TYPES: [(&str, &str, Reader); 12] = [
    ("aws-secret-manager", "aws_secrets_manager", clouds::secrets_manager),
    ("aws-ssm-parameter-store", "aws_systems_manager", clouds::parameter_store),
    ("azure-key-vault", "azure_key_vault", clouds::azure),
    ("google-secret-manager", "google_secret_manager", clouds::google),
    ("vault", "hashicorp_vault", vault::vault),
    ("doppler", "doppler", vendors::doppler),
    ("1password", "onepassword_connect", vendors::onepassword),
    ("delinea", "delinea", vendors::delinea),
    ("cyberark", "cyberark", vendors::cyberark),
    ("beyondtrust", "beyondtrust", vendors::beyondtrust),
    ("elasticsearch", "elasticsearch", vendors::elasticsearch),
    ("jdbc", "jdbc", vendors::jdbc),
];

/// The types that there is no store for yet, with what they are called.
const LATER: [(&str, &str); 1] = [("bitwarden", "Bitwarden Secrets Manager")];

/// Keys of every type that concern what Kestra does beyond reading.
const WRITES: &str = "these tags are given to secrets that are written, and Strongroom only reads";
const ISOLATION: &str = "it concerns the services of Kestra";
const READS: &str = "Strongroom only reads";

/// Whether `word` is a type of Kestra.
pub(super) fn has_type(word: &str) -> bool {
    words().any(|known| plain(known) == plain(word)) || registered(word).is_some()
}

fn words() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(word, ..)| *word).chain(LATER.iter().map(|(word, _)| *word))
}

/// The type with this registry name.
fn registered(store: &str) -> Option<&'static str> {
    TYPES.iter().find(|(_, name, _)| *name == store).map(|(word, ..)| *word)
}

/// Whether these are Kestra's keys.
pub(super) fn is_meant(members: &Object) -> bool {
    let is_table = |secret: &Object| {
        let has_table = || secret.iter().any(|(key, _)| key.to_str().is_some_and(is_word));
        secret.contains_key("type") && has_table()
    };
    members.contains_key("kestra")
        || object(members, "secret").is_some()
        || is_table(members)
        || text(members, "type").is_some_and(|word| has_type(word) && !members.contains_key("config"))
}

fn is_word(key: &str) -> bool {
    words().any(|known| plain(known) == plain(key))
}

/// Reads a whole configuration of Kestra, or the part of it that begins at `secret`, or what is in that.
pub(super) fn read(members: &Object, asked: Asked<'_>, found: &mut Findings) -> Result<Draft> {
    let mut place = "`kestra.secret`";
    let sources = object(members, "datasources");
    let mut members = members;
    let mut cluster = None;
    if let Some(kestra) = members.get("kestra") {
        members = inner(kestra, "kestra")?;
        cluster = members.get("elasticsearch").and_then(Value::as_object);
        let Some(secret) = members.get("secret") else {
            return Err(Error::config("`secret` is missing in `kestra`")
                .with_hint("Write `kestra: {secret: {type: ...}}`"));
        };
        members = inner(secret, "kestra.secret")?;
    } else if let Some(secret) = members.get("secret") {
        place = "`secret`";
        members = inner(secret, "secret")?;
    }
    let mut draft = of_secret(&mut Block::new(place, Spelling::Relaxed, members, found), asked.kind, found)?;
    if let Some(cluster) = cluster.filter(|_| draft.store == "elasticsearch") {
        let table = Block::new("`kestra.elasticsearch`", Spelling::Relaxed, cluster, found);
        vendors::cluster(&mut draft, table, found);
    }
    vendors::datasource(&mut draft, sources, found);
    match asked.place {
        Some(place) => vault::place(&mut draft, place)?,
        None if draft.store == vault::STORE => found.notes.push(vault::WITHOUT_PLACE.to_owned()),
        None => {}
    }
    Ok(draft)
}

fn inner<'a>(value: &'a Value, place: &str) -> Result<&'a Object> {
    value.as_object().ok_or_else(|| {
        let kind = super::block::kind_of(value);
        Error::config(format!("`{place}` is {kind}, not an object"))
    })
}

fn of_secret(secret: &mut Block<'_>, kind: Option<&str>, found: &mut Findings) -> Result<Draft> {
    let word = type_word(secret, kind, found)?;
    let Some(word) = word else { return Err(Error::config("`kestra.secret` has no usable `type`")) };
    if let Some((word, title)) = LATER.iter().find(|(known, _)| *known == word) {
        return Err(not_yet(Tool::Kestra, word, title));
    }
    let Some((word, _, reader)) = TYPES.iter().find(|(known, ..)| *known == word) else {
        return Err(Error::internal("a type of Kestra without a reader"));
    };
    let Some(mut table) = table_of(secret, word, found) else {
        return Err(Error::config(format!("`{word}` is no table")));
    };
    let mut draft = reader(&mut table, found);
    common(&mut table, found);
    filters(&mut table, &mut draft);
    table.end(found);
    cache(secret, &mut draft, found);
    rest(secret, word, found);
    Ok(draft)
}

/// The table of the type. It may be left out where nothing in it is required.
fn table_of<'a>(secret: &mut Block<'a>, word: &'static str, found: &mut Findings) -> Option<Block<'a>> {
    if secret.has(word) {
        return secret.block(word, found);
    }
    let others: Vec<_> =
        words().filter(|other| secret.has(other)).map(|other| format!("`{other}`")).collect();
    if others.is_empty() {
        return Some(secret.without(word, found));
    }
    let what = format!("is missing, but {} is there: `type` and table have to agree", others.join(", "));
    secret.fault(word, &what, found)
}

/// The type that is written, or the only one that has a table.
fn type_word(
    secret: &mut Block<'_>,
    kind: Option<&str>,
    found: &mut Findings,
) -> Result<Option<&'static str>> {
    let tables: Vec<_> = words().filter(|word| secret.has(word)).collect();
    let asked = kind.map(str::to_owned);
    let written = match (secret.has("type"), asked) {
        (false, Some(asked)) => {
            secret.mark("type");
            asked
        }
        (false, None) => {
            let meant =
                if let [only] = tables[..] { format!(": write `type: {only}`") } else { String::new() };
            secret.mark("type");
            secret.fault::<()>("type", &format!("is missing{meant}"), found);
            return Ok(None);
        }
        (true, _) => match secret.required("type", found) {
            Some(written) => written,
            None => return Ok(None),
        },
    };
    let of_word = words().find(|word| plain(word) == plain(&written));
    let known = of_word.or_else(|| registered(&written)).map(Some);
    known.ok_or_else(|| no_type(secret.place(), &written))
}

fn no_type(place: &str, written: &str) -> Error {
    let known: Vec<_> = words().collect();
    let near = nearest(written, &known).map(|near| format!("Did you mean `{near}`? ")).unwrap_or_default();
    Error::config(format!("`type` in {place} is `{}`, which Kestra has not", Shown(written)))
        .with_hint(format!("{near}The types are {}", known.join(", ")))
}

/// The keys that every type has.
fn common(table: &mut Block<'_>, found: &mut Findings) {
    if let Some(tags) = table.peek("tags")
        && tags.as_object().is_none()
        && !tags.is_null()
    {
        table.fault::<()>("tags", "is not an object of texts", found);
    }
    table.useless("tags", WRITES, found);
    table.useless("read-only", READS, found);
}

/// Which secrets are left out. The tags are below `tags`, or written as they are.
fn filters(table: &mut Block<'_>, draft: &mut Draft) {
    for (key, option) in [("filter-on-tags", "filter_on_tags"), ("excluded-tags", "excluded_tags")] {
        let written = table.any(key);
        let below = written.and_then(Value::as_object).and_then(|filter| filter.get("tags"));
        draft.put(option, below.or(written).cloned());
    }
    draft.put("filter_on_prefix", table.any("filter-on-prefix").cloned());
}

/// `cache` of Kestra: off unless it is enabled.
fn cache(secret: &mut Block<'_>, draft: &mut Draft, found: &mut Findings) {
    let Some(mut cache) = secret.block("cache", found) else { return };
    let is_on = cache.boolean("enabled", found).unwrap_or(false);
    let most = cache.any("maximum-size").cloned();
    let time = cache.any("expire-after-write").cloned();
    let is_count = |value: &Value| match value.as_str() {
        Some(text) => text.parse::<u64>().is_ok(),
        None => value.as_i64().is_some_and(|count| count >= 0),
    };
    if most.as_ref().is_some_and(|most| !is_count(most)) {
        cache.fault::<()>("maximum-size", "is no whole number", found);
    }
    let is_time = |value: &Value| match value.as_str() {
        Some(text) => crate::config::parse_duration(text).is_some(),
        None => value.as_i64().is_some_and(|count| count >= 0),
    };
    if time.as_ref().is_some_and(|time| !is_time(time)) {
        cache.fault::<()>("expire-after-write", "is no duration such as 60s or PT60S", found);
    }
    if is_on {
        draft.put("cache_max_entries", most);
        draft.put("cache_ttl", time);
    } else {
        draft.put("cache_ttl", Some(0));
    }
    cache.end(found);
}

/// What is beside the table.
fn rest(secret: &mut Block<'_>, word: &'static str, found: &mut Findings) {
    for other in words().filter(|other| *other != word) {
        secret.useless(other, &format!("`type` is {word}"), found);
    }
    secret.useless("isolation", ISOLATION, found);
    secret.useless("read-only", READS, found);
    secret.useless("encoding", "values are read as they are stored", found);
    secret.end(found);
}
