//! The names of secrets, by `ListSecrets`.
//!
//! Source: `ListSecrets` and `Filter` in the API reference.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::operation::list_secrets::builders::ListSecretsFluentBuilder;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};

use super::SecretsManager;
use super::describe::of_entry;
use super::error::list_error;
use crate::error::Result;
use crate::store::aws::store::List;
use crate::store::tags::TagRule;
use crate::store::{Listing, Page};

/// The most names in one answer.
const LARGEST_PAGE: i32 = 100;

/// The most characters in the value of a filter.
const LONGEST_FILTER: usize = 512;

impl List for SecretsManager {
    /// One page of the secrets whose names begin with `prefix`, without those scheduled for deletion.
    async fn list(
        &self,
        prefix: &str,
        tags: &[TagRule],
        page: Option<&Page>,
        region: &str,
    ) -> Result<Listing> {
        let answer = request(&self.client, prefix, tags, page).send().await;
        answer.map(|answer| descriptions(answer, prefix)).map_err(|error| list_error(&error, prefix, region))
    }
}

/// The request for one page.
fn request(client: &Client, prefix: &str, tags: &[TagRule], page: Option<&Page>) -> ListSecretsFluentBuilder {
    let request = client.list_secrets().max_results(LARGEST_PAGE).include_planned_deletion(false);
    let filters: Vec<Filter> = name_filter(prefix).into_iter().chain(tag_filters(tags)).collect();
    let request = request.set_filters((!filters.is_empty()).then_some(filters));
    request.set_next_token(page.map(|page| page.token().to_owned()))
}

/// AWS compares exactly, but emulators do not (ministack ignores case), and the filter may be shorter than
/// the prefix; so the names are checked again.
fn descriptions(answer: ListSecretsOutput, prefix: &str) -> Listing {
    let entries = answer.secret_list.unwrap_or_default();
    let secrets = entries.into_iter().filter_map(of_entry);
    let next = answer.next_token.map(Page::new);
    Listing { secrets: secrets.filter(|secret| secret.name.as_str().starts_with(prefix)).collect(), next }
}

/// Filters on the beginnings of key and value of the first tag: the reference does not say what two filters
/// of the same sort mean together.
fn tag_filters(tags: &[TagRule]) -> impl Iterator<Item = Filter> {
    let key = tags.first().map(|tag| (FilterNameStringType::TagKey, tag.key.as_str()));
    let value = tags.first().and_then(|tag| Some((FilterNameStringType::TagValue, tag.value.as_deref()?)));
    key.into_iter().chain(value).filter_map(|(key, begin)| filter(key, begin))
}

/// A filter on the beginning of the name, with as much of `prefix` as a filter can hold; `None` if that is
/// nothing.
fn name_filter(prefix: &str) -> Option<Filter> {
    filter(FilterNameStringType::Name, prefix)
}

fn filter(key: FilterNameStringType, begin: &str) -> Option<Filter> {
    let value: String = begin.chars().take(LONGEST_FILTER).take_while(|letter| can_filter(*letter)).collect();
    // An exclamation mark at the beginning would mean "not".
    let is_usable = !value.is_empty() && !value.starts_with('!');
    is_usable.then(|| Filter::builder().key(key).values(value).build())
}

/// The characters that the API reference allows in the value of a filter.
fn can_filter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " :_@/+=.-!".contains(letter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;
    use crate::store::Inspect;
    use crate::store::aws::testing::{Memory, refusal, store};

    #[tokio::test]
    async fn a_page_names_the_next_one_and_only_what_begins_so() {
        let memory = Memory::new(|_, request| {
            let names =
                if request["NextToken"] == "second" { vec!["a/2"] } else { vec!["a/1", "A/x", "b/1"] };
            let next = if request["NextToken"].is_null() { json!("second") } else { json!(null) };
            let list: Vec<_> = names.iter().map(|name| json!({"Name": name})).collect();
            (200, json!({"SecretList": list, "NextToken": next}))
        });
        let store = store::<SecretsManager>(&memory);
        let first = store.list("a/", None).await.unwrap();
        assert_eq!(first, Listing::of_names(["a/1"], Some(Page::new("second"))));
        let second = store.list("a/", first.next.as_ref()).await.unwrap();
        assert_eq!(second, Listing::of_names(["a/2"], None));
        let filters = json!([{"Key": "name", "Values": ["a/"]}]);
        let asked = json!({"Filters": filters, "MaxResults": 100, "IncludePlannedDeletion": false});
        assert_eq!(memory.calls()[0], ("ListSecrets".to_owned(), asked));
    }

    #[tokio::test]
    async fn the_first_tag_is_asked_for() {
        let memory = Memory::new(|_, _| (200, json!({})));
        let tag =
            |key: &str, value: Option<&str>| TagRule { key: key.into(), value: value.map(str::to_owned) };
        let store = store::<SecretsManager>(&memory);
        store.list_tagged("a/", &[tag("team", Some("x")), tag("env", None)], None).await.unwrap();
        store.list_tagged("", &[tag("env", None)], None).await.unwrap();
        let filters = [
            json!([
                {"Key": "name", "Values": ["a/"]},
                {"Key": "tag-key", "Values": ["team"]},
                {"Key": "tag-value", "Values": ["x"]}
            ]),
            json!([{"Key": "tag-key", "Values": ["env"]}]),
        ];
        let asked: Vec<_> = memory.calls().iter().map(|(_, request)| request["Filters"].clone()).collect();
        assert_eq!(asked, filters);
    }

    #[tokio::test]
    async fn a_listing_that_is_denied_is_an_error() {
        let memory = Memory::new(|_, _| refusal(400, "AccessDeniedException"));
        let error = store::<SecretsManager>(&memory).list("a\n", None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        insta::assert_snapshot!(error, @r"listing the secrets that begin with `a\n` was denied: canary (ListSecrets: AccessDeniedException). Allow this identity secretsmanager:ListSecrets on `*` in test: it cannot be allowed for single secrets");
    }

    #[tokio::test]
    async fn an_answer_without_optional_members_is_empty() {
        let memory = Memory::new(|_, _| (200, json!({})));
        assert_eq!(store::<SecretsManager>(&memory).list("", None).await.unwrap(), Listing::default());
        assert_eq!(memory.calls()[0].1["Filters"], json!(null));
    }

    #[test]
    fn a_filter_holds_what_it_can_of_the_prefix() {
        let value = |prefix: &str| name_filter(prefix).map(|filter| filter.values().join("|"));
        assert_eq!(value("airflow/connections/").as_deref(), Some("airflow/connections/"));
        assert_eq!(value("rds!db-1").as_deref(), Some("rds!db-1"));
        assert_eq!(value("a/\u{fc}b").as_deref(), Some("a/"));
        assert_eq!(value(&"x".repeat(600)).map(|value| value.len()), Some(512));
        assert_eq!((value(""), value("!a"), value("\u{fc}")), (None, None, None));
    }
}
