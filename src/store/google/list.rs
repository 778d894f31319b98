//! The names of secrets and what is known about each, by `ListSecrets`.

use google_cloud_secretmanager_v1::model::ListSecretsResponse;

use crate::error::Result;
use crate::store::{Description, Descriptions, Names, Page};

use super::CloudSecretManager;
use super::describe::of_secret;
use super::error::list_error;
use super::name::is_letter;

/// Names in one page. 25,000 would be allowed, but with their labels they make an answer of several
/// megabytes.
const PAGE_SIZE: i32 = 1000;

impl CloudSecretManager {
    /// One page of the names that begin with `prefix`.
    pub(super) async fn list_names(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        self.list_descriptions(prefix, page).await.map(Names::from)
    }

    /// The same page with what the answer reports about each secret; it does not include versions.
    pub(super) async fn list_descriptions(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        let project = self.log_in().await?;
        let request = self.client.list_secrets().set_parent(self.place.parent(&project));
        let request = request.set_page_size(PAGE_SIZE).set_filter(filter(prefix));
        let answer = request.set_page_token(page.map_or("", Page::token)).send().await;
        answer
            .map(|answer| descriptions(answer, prefix))
            .map_err(|error| list_error(&error, prefix, &project))
    }
}

/// `name:` matches anywhere in the name ("Filter secrets" in the documentation of Secret Manager), so the
/// names are checked again. For a prefix that no name can have there is no filter.
fn filter(prefix: &str) -> String {
    if prefix.is_empty() || !prefix.chars().all(is_letter) { String::new() } else { format!("name:{prefix}") }
}

fn descriptions(answer: ListSecretsResponse, prefix: &str) -> Descriptions {
    // The filter also finds names that contain the prefix further on.
    let begins = |secret: &Description| secret.name.as_str().starts_with(prefix);
    let secrets = answer.secrets.into_iter().map(of_secret).filter(begins).collect();
    let next = Some(answer.next_page_token).filter(|token| !token.is_empty()).map(Page::new);
    Descriptions { secrets, next }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_the_names_that_begin_so_and_names_the_next_one() {
        let answer = json!({
            "secrets": [{"name": "projects/1/secrets/a-1"}, {"name": "projects/1/locations/l/secrets/b-a-2"}],
            "nextPageToken": "t"
        });
        let page = descriptions(serde_json::from_value(answer).unwrap(), "a-");
        assert_eq!(Names::from(page), Names { names: vec!["a-1".into()], next: Some(Page::new("t")) });
        assert_eq!(descriptions(ListSecretsResponse::new(), ""), Descriptions::default());
    }

    #[test]
    fn only_what_a_name_can_hold_is_asked_for() {
        assert_eq!(
            (filter("a-B_"), filter(""), filter("a OR b")),
            ("name:a-B_".into(), String::new(), String::new())
        );
    }
}
