//! Secrets without a required tag: a policy with a condition on the tag refuses them to Airflow.

use crate::cli::policy::Tag;
use crate::redact::Shown;
use crate::store::Description;
use crate::store::StoreEntry;
use crate::store::tools::{Finding, Severity};

/// The most names that are shown.
const SHOWN: usize = 10;

/// The names in `listed` that lack one of the tags.
pub(super) fn without(listed: &[(String, Description)], wanted: &[Tag]) -> Vec<String> {
    let lacks = |described: &Description| wanted.iter().any(|tag| !described.tags.contains(tag));
    let names = listed.iter().filter(|(_, described)| lacks(described));
    names.map(|(_, described)| described.name.to_string()).collect()
}

/// The finding about `untagged` among `count` secrets; `None` if no tag is required.
pub(super) fn judged(
    entry: &StoreEntry,
    wanted: &[Tag],
    count: usize,
    untagged: &[String],
) -> Option<Finding> {
    let words: Vec<_> = wanted.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let words = words.join(", ");
    let title = entry.info.title;
    if wanted.is_empty() || count == 0 {
        return None;
    }
    if !entry.tools.lists_tags {
        return Some(Finding::new(
            Severity::Note,
            "tags",
            format!("a listing of {title} shows no tags"),
            "Look with the tools of the store",
        ));
    }
    if untagged.is_empty() {
        return Some(Finding::fine("tags", format!("{count} secrets have the tag {}", Shown(&words))));
    }
    let shown: Vec<_> = untagged.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if untagged.len() > shown.len() { " and more" } else { "" };
    Some(Finding::new(
        Severity::Warning,
        "tags",
        format!(
            "{} of {count} secrets lack the tag {}: {}{more}",
            untagged.len(),
            Shown(&words),
            shown.join(", ")
        ),
        "Tag them; a policy with a condition on the tag refuses them",
    ))
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::store::registry::find;
    use crate::store::tools::Tools;

    #[test]
    fn secrets_without_the_tag_are_reported_where_a_listing_shows_tags() {
        let wanted = [("team".to_owned(), "data".to_owned())];
        let tagged = Description { tags: wanted.to_vec(), ..Description::of("p/a") };
        let other = Description { tags: vec![("team".to_owned(), "x".to_owned())], ..Description::of("p/b") };
        let listed = [("a".to_owned(), tagged), ("b".to_owned(), other)];
        let untagged = without(&listed, &wanted);
        let memory = find("memory").unwrap();
        let listing = StoreEntry { tools: Tools { lists_tags: true, ..memory.tools }, ..*memory };
        let found = judged(&listing, &wanted, 2, &untagged).unwrap();
        assert_eq!(found.severity, Severity::Warning);
        insta::assert_snapshot!(found.evidence, @"1 of 2 secrets lack the tag team=data: `p/b`");
        let memory = judged(find("memory").unwrap(), &wanted, 2, &untagged).unwrap();
        assert_eq!(memory.severity, Severity::Note);
        assert_eq!(judged(find("memory").unwrap(), &[], 2, &without(&listed, &[])), None);
    }
}
