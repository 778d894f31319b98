//! `strongroom list`: the names that a backend could answer for, never a value.

use std::collections::HashMap;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::dates::{age, iso};
use crate::cli::output::{Report, columns};
use crate::cli::progress::Progress;
use crate::cli::setup::{Client, Setup, Source};
use crate::cli::subject::KindWord;
use crate::error::{ErrorKind, Result};
use crate::redact::Shown;
use crate::store::Description;
use crate::store::convention::Kind;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only these kinds; without any, all three.
    #[arg(value_name = "KIND")]
    kinds: Vec<KindWord>,
    /// Stop after so many names of each kind; without it, all of them are listed.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

/// Ids with what is known about each.
pub(super) type Listed = Vec<(String, Description)>;

/// One secret in the list.
struct Entry {
    /// The member of a chain that has it.
    member: Option<String>,
    kind: Kind,
    id: String,
    described: Description,
}

/// Lists the names below the backend's own prefixes, page by page, within the rate limit.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let setup = Setup::read(source)?;
    let mut members: Vec<_> = setup.members().into_iter().map(|(name, own)| (Some(name), own)).collect();
    let mut warnings = setup.warned();
    if setup.settings.chain.is_none() {
        members.push((None, setup));
    }
    let mut entries = Vec::new();
    for (member, setup) in members {
        match (of_store(&setup, member.as_deref(), arguments), member) {
            (Ok((found, heard)), _) => {
                entries.extend(found);
                warnings.extend(heard);
            }
            // The others are listed nevertheless.
            (Err(error), Some(member)) if error.kind() == ErrorKind::Unsupported => {
                warnings.push(format!("warning: {}", error.in_member(Shown(&member))));
            }
            (Err(error), _) => return Err(error),
        }
    }
    // Of an id that several members have, the first is looked up.
    let mut known = HashMap::new();
    entries.retain(|entry: &Entry| {
        let first = known.entry((entry.kind, entry.id.clone())).or_insert_with(|| entry.member.clone());
        *first == entry.member
    });
    warnings.extend(repeated(&entries));
    let text = as_text(&entries, SystemTime::now());
    let json = json!({"secrets": entries.iter().map(as_json).collect::<Vec<_>>()});
    Ok(Report { warnings, ..Report::done(text, json) })
}

/// The secrets of one store that lookups reach, and the lines for the standard error.
fn of_store(setup: &Setup, member: Option<&str>, arguments: &Arguments) -> Result<(Vec<Entry>, Vec<String>)> {
    let client = setup.open()?;
    let wanted = |kind: &Kind| {
        arguments.kinds.is_empty() || arguments.kinds.iter().any(|word| Kind::from(*word) == *kind)
    };
    let (mut entries, mut warnings) = (Vec::new(), Vec::new());
    for kind in Kind::ALL.into_iter().filter(wanted) {
        let limit = arguments.limit.unwrap_or(usize::MAX);
        let (found, heard) = secrets(setup, &client, kind, limit)?;
        let is_asked = |(id, _): &(String, Description)| setup.settings.routing.may_ask(kind, id);
        let member = || member.map(str::to_owned);
        let found = found.into_iter().filter(is_asked);
        entries.extend(found.map(|(id, described)| Entry { member: member(), kind, id, described }));
        warnings.extend(heard.iter().map(|heard| format!("warning: {heard}")));
    }
    Ok((entries, warnings))
}

/// The ids of a kind with what is known about each, at most `limit`; none for a kind that is switched off.
pub(super) fn names(
    setup: &Setup,
    client: &Client,
    kind: Kind,
    limit: usize,
) -> Result<(Listed, Vec<String>)> {
    let (mut found, warnings) = secrets(setup, client, kind, limit)?;
    found.dedup_by(|later, earlier| later.0 == earlier.0);
    Ok((found, warnings))
}

/// The same; an id comes once more for each further secret that the store has under its name.
fn secrets(setup: &Setup, client: &Client, kind: Kind, limit: usize) -> Result<(Listed, Vec<String>)> {
    let (mut found, mut warnings) = (Listed::new(), Vec::new());
    if let Some(error) = setup.settings.unlisted(kind) {
        return Err(error);
    }
    let progress = Progress::without_end(kind.plural());
    for prefix in setup.settings.prefixes(kind) {
        let before = found.len();
        let mut page = None;
        loop {
            let (listed, heard) = client.run(client.backend.list(&prefix, page.as_ref()))?;
            let listed = listed?;
            warnings.extend(heard);
            progress.advance(listed.count);
            found.extend(listed.secrets);
            page = listed.next;
            if page.is_none() || found.len() - before >= limit {
                break;
            }
        }
    }
    // Of a repeated id the first is looked up: the sort is stable and keeps the order of the prefixes.
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found.dedup_by(|later, earlier| later.0 == earlier.0 && !are_two(&later.1, &earlier.1));
    found.truncate(limit);
    Ok((found, warnings))
}

/// Whether the store has two secrets under one name.
fn are_two(one: &Description, other: &Description) -> bool {
    one.name == other.name && one.id.is_some() && one.id != other.id
}

/// What is to be said of names that the store has several secrets for, as far as they can be read.
fn repeated(entries: &[Entry]) -> Vec<String> {
    let of_name = |entry: &Entry| (entry.kind, entry.member.clone(), entry.described.name.clone());
    let alike = entries.chunk_by(|one, other| of_name(one) == of_name(other));
    let readable = alike.map(|alike| alike.iter().filter(|entry| entry.described.is_readable()));
    let several = readable.map(Iterator::collect::<Vec<_>>).filter(|alike| alike.len() > 1);
    several.filter_map(|alike| Some(warning(alike.len(), &alike.first()?.described, &alike))).collect()
}

fn warning(count: usize, described: &Description, alike: &[&Entry]) -> String {
    let ids: Vec<_> = alike
        .iter()
        .filter_map(|entry| entry.described.id.as_deref())
        .map(|id| Shown(id).to_string())
        .collect();
    format!(
        "warning: {count} secrets in the store have the name `{}`: {}. Rename or delete all of them but one",
        described.name,
        ids.join(", ")
    )
}

fn as_json(entry: &Entry) -> Value {
    let mut json = description_as_json(&entry.described);
    json["kind"] = json!(entry.kind.as_str());
    json["id"] = json!(entry.id);
    if let Some(member) = &entry.member {
        json["member"] = json!(member);
    }
    json
}

/// A description as JSON: `name`, `store_id`, `version`, `form`, `key`, `state`, `created`, `changed`,
/// `accessed`, `expires`, `deleted`, `tags`.
pub(super) fn description_as_json(described: &Description) -> Value {
    let tags: serde_json::Map<_, _> =
        described.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    json!({
        "name": described.name.as_str(),
        "store_id": described.id,
        "version": described.version,
        "form": described.form,
        "key": described.key,
        "state": described.state,
        "created": described.created.map(iso),
        "changed": described.changed.map(iso),
        "accessed": described.accessed.map(iso),
        "expires": described.expires.map(iso),
        "deleted": described.deleted.map(iso),
        "tags": tags,
    })
}

fn as_text(entries: &[Entry], now: SystemTime) -> String {
    let has_states = entries.iter().any(|entry| !entry.described.is_readable());
    let state = |state: &str| has_states.then(|| state.to_owned());
    let has_members = entries.iter().any(|entry| entry.member.is_some());
    let member = |member: &str| has_members.then(|| Shown(member).to_string());
    let row = |first: [String; 4], state: Option<String>, member: Option<String>, last: String| {
        first.into_iter().chain(state).chain(member).chain([last]).collect::<Vec<_>>()
    };
    let mut rows = vec![row(
        ["KIND", "ID", "NAME IN THE STORE", "CHANGED"].map(str::to_owned),
        state("STATE"),
        member("STORE"),
        "TAGS".to_owned(),
    )];
    rows.extend(entries.iter().map(|entry| {
        let changed = entry.described.changed.or(entry.described.created);
        let changed = changed.map_or_else(String::new, |changed| format!("{} ago", age(changed, now)));
        let name = entry.described.name.as_str().to_owned();
        let first = [entry.kind.as_str().to_owned(), entry.id.clone(), name, changed];
        let state = state(entry.described.state.unwrap_or_default());
        row(first, state, member(entry.member.as_deref().unwrap_or_default()), tags(&entry.described))
    }));
    columns(&rows)
}

/// Tags on one line.
pub(super) fn tags(described: &Description) -> String {
    let tags: Vec<_> = described.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    tags.join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn several_secrets_of_one_name_are_told_apart_and_reported() {
        let entry = |name: &str, id: &str, state| Entry {
            member: None,
            kind: Kind::Variable,
            id: "a".to_owned(),
            described: Description { id: Some(id.to_owned()), state, ..Description::of(name) },
        };
        let [one, two, archived, other] = [
            entry("p/a", "1", None),
            entry("p/a", "2", None),
            entry("p/a", "3", Some("archived")),
            entry("q/a", "4", None),
        ];
        assert!(are_two(&one.described, &two.described) && !are_two(&one.described, &other.described));
        assert!(!are_two(&one.described, &one.described));
        assert!(repeated(&[entry("p/a", "1", None), entry("p/a", "3", Some("archived"))]).is_empty());
        assert_eq!(
            repeated(&[one, two, archived, other]),
            ["warning: 2 secrets in the store have the name `p/a`: 1, 2. Rename or delete all of them \
                but one"]
        );
    }

    #[test]
    fn a_list_has_kind_id_name_age_and_tags() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_368_200);
        let described = Description {
            changed: Some(now - Duration::from_secs(7200)),
            tags: vec![("team".to_owned(), "a".to_owned()), ("env".to_owned(), "x".to_owned())],
            ..Description::of("p/smtp")
        };
        let entry = Entry { member: None, kind: Kind::Connection, id: "smtp".to_owned(), described };
        insta::assert_snapshot!(as_text(&[entry], now), @r"
        KIND        ID    NAME IN THE STORE  CHANGED  TAGS
        connection  smtp  p/smtp             2h ago   team=a env=x
        ");
    }
}
