//! The names of parameters, by `DescribeParameters`.
//!
//! Source: `DescribeParameters` and `ParameterStringFilter` in the API reference. `GetParametersByPath` lists
//! too, but with the values.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::describe_parameters::DescribeParametersOutput;
use aws_sdk_ssm::operation::describe_parameters::builders::DescribeParametersFluentBuilder;
use aws_sdk_ssm::types::ParameterStringFilter;

use super::SystemsManager;
use super::describe::of_entry;
use super::error::list_error;
use crate::error::Result;
use crate::store::aws::store::List;
use crate::store::tags::TagRule;
use crate::store::{Listing, Page};

/// The most names in one answer.
const LARGEST_PAGE: i32 = 50;

/// The most characters in the value of a filter.
const LONGEST_FILTER: usize = 1024;

impl List for SystemsManager {
    /// One page of the parameters whose names begin with `prefix`.
    /// A filter on tags would not say which ones a parameter has, so they are read in any case.
    async fn list(&self, prefix: &str, _: &[TagRule], page: Option<&Page>, region: &str) -> Result<Listing> {
        let answer = request(&self.client, prefix, page).send().await;
        answer.map(|answer| descriptions(answer, prefix)).map_err(|error| list_error(&error, prefix, region))
    }
}

/// The request for one page.
pub(super) fn request(client: &Client, prefix: &str, page: Option<&Page>) -> DescribeParametersFluentBuilder {
    let request = client.describe_parameters().max_results(LARGEST_PAGE);
    let request = request.set_parameter_filters(name_filter(prefix).map(|filter| vec![filter]));
    request.set_next_token(page.map(|page| page.token().to_owned()))
}

/// The filter may be shorter than the prefix, so the names are checked again.
fn descriptions(answer: DescribeParametersOutput, prefix: &str) -> Listing {
    let entries = answer.parameters.unwrap_or_default();
    let secrets = entries.into_iter().filter_map(of_entry);
    // AWS ends some of its listings with an empty token.
    let next = answer.next_token.filter(|token| !token.is_empty()).map(Page::new);
    Listing { secrets: secrets.filter(|secret| secret.name.as_str().starts_with(prefix)).collect(), next }
}

/// A filter on the beginning of the name, with as much of `prefix` as a name can contain; `None` if that is
/// nothing.
fn name_filter(prefix: &str) -> Option<ParameterStringFilter> {
    let is_letter = |letter: &char| letter.is_ascii_alphanumeric() || "_.-/".contains(*letter);
    let value: String = prefix.chars().take(LONGEST_FILTER).take_while(is_letter).collect();
    // A filter of slashes alone would not narrow the listing.
    let is_usable = value.chars().any(|letter| letter != '/');
    let filter = ParameterStringFilter::builder().key("Name").option("BeginsWith").values(value);
    filter.build().ok().filter(|_| is_usable)
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
            let (names, next) = match request["NextToken"].as_str() {
                None => (vec!["/a/1", "/A/x", "/b/1"], json!("second")),
                _ => (vec!["/a/2"], json!("")),
            };
            let list: Vec<_> = names.iter().map(|name| json!({"Name": name})).collect();
            (200, json!({"Parameters": list, "NextToken": next}))
        });
        let store = store::<SystemsManager>(&memory);
        let first = store.list("/a/", None).await.unwrap();
        assert_eq!(first, Listing::of_names(["/a/1"], Some(Page::new("second"))));
        let second = store.list("/a/", first.next.as_ref()).await.unwrap();
        assert_eq!(second, Listing::of_names(["/a/2"], None));
        let filters = json!([{"Key": "Name", "Option": "BeginsWith", "Values": ["/a/"]}]);
        let asked = json!({"ParameterFilters": filters, "MaxResults": 50});
        assert_eq!(memory.calls()[0], ("DescribeParameters".to_owned(), asked));
    }

    #[tokio::test]
    async fn a_listing_that_is_denied_is_an_error() {
        let memory = Memory::new(|_, _| refusal(400, "AccessDeniedException"));
        let error = store::<SystemsManager>(&memory).list("/a\n", None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        insta::assert_snapshot!(error, @r"listing the parameters that begin with `/a\n` was denied: canary (DescribeParameters: AccessDeniedException). Allow this identity ssm:DescribeParameters on `*` in test: it cannot be allowed for single parameters");
    }

    #[tokio::test]
    async fn an_answer_without_optional_members_is_empty() {
        let memory = Memory::new(|_, _| (200, json!({})));
        assert_eq!(store::<SystemsManager>(&memory).list("", None).await.unwrap(), Listing::default());
        assert_eq!(memory.calls()[0].1["ParameterFilters"], json!(null));
    }

    #[test]
    fn a_filter_holds_what_it_can_of_the_prefix() {
        let value = |prefix: &str| name_filter(prefix).map(|filter| filter.values().join("|"));
        assert_eq!(value("/airflow/connections/").as_deref(), Some("/airflow/connections/"));
        assert_eq!(value("/a/\u{fc}b").as_deref(), Some("/a/"));
        assert_eq!(value("/a:b").as_deref(), Some("/a"));
        assert_eq!(value(&"x".repeat(2000)).map(|value| value.len()), Some(1024));
        assert_eq!((value(""), value("/"), value("\u{fc}")), (None, None, None));
    }
}
