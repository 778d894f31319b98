//! The names of secrets and what is known about each, by `ListSecrets`.

use google_cloud_secretmanager_v1::model::ListSecretsResponse;

use crate::error::Result;
use crate::store::tags::TagRule;
use crate::store::{Description, Listing, Page};

use super::CloudSecretManager;
use super::describe::of_secret;
use super::error::list_error;
use super::name::is_letter;

/// Names in one page. 25,000 would be allowed, but with their labels they make an answer of several
/// megabytes.
const PAGE_SIZE: i32 = 1000;

impl CloudSecretManager {
    /// One page of the secrets whose names begin with `prefix`, with what the answer tells of each: its
    /// versions are not in it.
    pub(super) async fn list_page(
        &self,
        prefix: &str,
        tags: &[TagRule],
        page: Option<&Page>,
    ) -> Result<Listing> {
        let project = self.log_in().await?;
        let request = self.client.list_secrets().set_parent(self.place.parent(&project));
        let request = request.set_page_size(PAGE_SIZE).set_filter(filter(prefix, tags));
        let answer = request.set_page_token(page.map_or("", Page::token)).send().await;
        answer.map(|answer| listing(answer, prefix)).map_err(|error| list_error(&error, prefix, &project))
    }
}

/// `name:` matches anywhere in the name ("Filter secrets" in the documentation of Secret Manager), so the
/// names are checked again. For a prefix that no name can have there is no filter.
fn filter(prefix: &str, tags: &[TagRule]) -> String {
    let is_usable = !prefix.is_empty() && prefix.chars().all(is_letter);
    let name = is_usable.then(|| format!("name:{prefix}"));
    name.into_iter().chain(tags.iter().filter_map(label)).collect::<Vec<_>>().join(" AND ")
}

/// `labels.key=value`; none for what no label can be, such as an annotation.
fn label(tag: &TagRule) -> Option<String> {
    let value = tag.value.as_deref().unwrap_or("*");
    let is_label = |text: &str| !text.is_empty() && text.chars().all(is_letter);
    (is_label(&tag.key) && (value == "*" || is_label(value))).then(|| format!("labels.{}:{value}", tag.key))
}

fn listing(answer: ListSecretsResponse, prefix: &str) -> Listing {
    let begins = |secret: &Description| secret.name.as_str().starts_with(prefix);
    let secrets = answer.secrets.into_iter().map(of_secret).filter(begins).collect();
    let next = Some(answer.next_page_token).filter(|token| !token.is_empty()).map(Page::new);
    Listing { secrets, next }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::SecretName;

    #[test]
    fn a_page_has_the_names_that_begin_so_and_names_the_next_one() {
        let answer = json!({
            "secrets": [{"name": "projects/1/secrets/a-1"}, {"name": "projects/1/locations/l/secrets/b-a-2"}],
            "nextPageToken": "t"
        });
        let page = listing(serde_json::from_value(answer).unwrap(), "a-");
        assert_eq!(page.readable().map(SecretName::as_str).collect::<Vec<_>>(), ["a-1"]);
        assert_eq!(page.next, Some(Page::new("t")));
        assert_eq!(listing(ListSecretsResponse::new(), ""), Listing::default());
    }

    #[test]
    fn labels_are_asked_for_and_annotations_are_not() {
        let tag =
            |key: &str, value: Option<&str>| TagRule { key: key.into(), value: value.map(str::to_owned) };
        let tags = [tag("team", Some("data")), tag("env", None), tag("annotations/team", Some("Data"))];
        assert_eq!(filter("a-", &tags), "name:a- AND labels.team:data AND labels.env:*");
        assert_eq!(filter("", &tags[..1]), "labels.team:data");
    }

    #[test]
    fn only_what_a_name_can_hold_is_asked_for() {
        assert_eq!(
            (filter("a-B_", &[]), filter("", &[]), filter("a OR b", &[])),
            ("name:a-B_".into(), String::new(), String::new())
        );
    }
}
