//! Tests of the filter on a store with tags, which notes what it is asked.

use std::sync::Mutex;

use super::*;
use crate::store::tags::TagRule;

/// Its secrets are `name: tags`; the value is the name.
#[derive(Debug, Default)]
struct Tagged {
    secrets: Vec<(&'static str, &'static [(&'static str, &'static str)])>,
    asked: Mutex<Vec<String>>,
}

impl Tagged {
    fn note(&self, what: &str, name: &str) {
        self.asked.lock().unwrap().push(format!("{what} {name}"));
    }

    fn of(&self, name: &str) -> Option<Description> {
        let (name, tags) = self.secrets.iter().find(|(known, _)| *known == name)?;
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Some(Description { tags, ..Description::of(*name) })
    }
}

#[async_trait]
impl Store for Tagged {
    fn info(&self) -> &StoreInfo {
        &StoreInfo { name: "tagged", title: "Tagged" }
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        self.note("get", name.as_str());
        Ok(self.of(name.as_str()).map(|_| SecretValue::text(name.as_str())))
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        self.note("many", &names.iter().map(SecretName::as_str).collect::<Vec<_>>().join(","));
        names
            .iter()
            .map(|name| Some(Ok(self.of(name.as_str()).map(|_| SecretValue::text(name.as_str())))))
            .collect()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Inspect for Tagged {
    async fn list(&self, prefix: &str, _page: Option<&Page>) -> Result<Listing> {
        self.note("list", prefix);
        let names = self.secrets.iter().map(|(name, _)| *name).filter(|name| name.starts_with(prefix));
        Ok(Listing { secrets: names.filter_map(|name| self.of(name)).collect(), next: None })
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        self.note("describe", name.as_str());
        Ok(self.of(name.as_str()))
    }
}

const SECRETS: [(&str, &[(&str, &str)]); 3] =
    [("p-a", &[("team", "x")]), ("p-b", &[("team", "x"), ("draft", "1")]), ("q-c", &[("team", "y")])];

fn filtered(rules: FilterRules, lists_tags: bool) -> (Filter, Arc<Tagged>) {
    let store = Arc::new(Tagged { secrets: SECRETS.to_vec(), ..Tagged::default() });
    (Filter::new(Arc::<Tagged>::clone(&store), rules, lists_tags), store)
}

fn tags() -> FilterRules {
    let rule =
        |key: &str, value: Option<&str>| TagRule { key: key.to_owned(), value: value.map(str::to_owned) };
    FilterRules {
        required: vec![rule("team", Some("x"))],
        excluded: vec![rule("draft", None)],
        keeps_prefix: true,
        ..FilterRules::default()
    }
}

fn prefix(keeps_prefix: bool) -> FilterRules {
    FilterRules { prefix: "p-".to_owned(), keeps_prefix, ..FilterRules::default() }
}

async fn read(filter: &Filter, name: &str) -> Option<String> {
    filter.get(&name.into()).await.unwrap().map(|value| value.expose().to_owned())
}

async fn listed(filter: &Filter, prefix: &str) -> Vec<String> {
    let listing = filter.list(prefix, None).await.unwrap();
    listing.secrets.iter().map(|secret| secret.name.as_str().to_owned()).collect()
}

#[tokio::test]
async fn the_value_of_a_secret_with_other_tags_is_not_even_read() {
    let (filter, store) = filtered(tags(), true);
    assert_eq!(read(&filter, "p-a").await.as_deref(), Some("p-a"));
    for name in ["p-b", "q-c", "gone"] {
        assert_eq!(read(&filter, name).await, None);
    }
    let asked = ["describe p-a", "get p-a", "describe p-b", "describe q-c", "describe gone"];
    assert_eq!(*store.asked.lock().unwrap(), asked);
    assert!(filter.describe(&"p-b".into()).await.unwrap().is_none());
    assert_eq!(store.asked.lock().unwrap().len(), asked.len() + 1, "described once");
    assert!(filter.describe(&"p-a".into()).await.unwrap().is_some());
    // Several names are left to single reads.
    assert_eq!(filter.get_many(&["p-a".into(), "p-b".into()]).await.iter().flatten().count(), 0);
    assert_eq!(filter.batch_size(), NonZeroUsize::MIN);
}

#[tokio::test]
async fn a_listing_has_what_a_lookup_would_find() {
    let (filter, store) = filtered(tags(), true);
    assert_eq!(listed(&filter, "").await, ["p-a"]);
    assert_eq!(*store.asked.lock().unwrap(), ["list "]);
    // Without tags in the listing each secret is described.
    let (filter, store) = filtered(tags(), false);
    assert_eq!(listed(&filter, "p-").await, ["p-a"]);
    assert_eq!(*store.asked.lock().unwrap(), ["list p-", "describe p-a", "describe p-b"]);
}

#[tokio::test]
async fn names_outside_a_prefix_cost_nothing() {
    let (filter, store) = filtered(prefix(true), true);
    assert_eq!((read(&filter, "p-a").await.as_deref(), read(&filter, "q-c").await), (Some("p-a"), None));
    let many = filter.get_many(&["q-c".into(), "p-b".into(), "p-gone".into()]).await;
    let many: Vec<_> = many.into_iter().map(|answer| answer.unwrap().unwrap().is_some()).collect();
    assert_eq!(many, [false, true, false]);
    assert_eq!(*store.asked.lock().unwrap(), ["get p-a", "many p-b,p-gone"]);
    assert_eq!(listed(&filter, "").await, ["p-a", "p-b"]);
    assert_eq!(listed(&filter, "p-b").await, ["p-b"]);
    assert!(listed(&filter, "q").await.is_empty());
}

#[tokio::test]
async fn a_prefix_that_is_not_kept_is_put_before_each_name() {
    let (filter, store) = filtered(prefix(false), true);
    assert_eq!((read(&filter, "a").await.as_deref(), read(&filter, "p-a").await), (Some("p-a"), None));
    assert_eq!(*store.asked.lock().unwrap(), ["get p-a", "get p-p-a"]);
    assert_eq!(listed(&filter, "").await, ["a", "b"]);
}

#[tokio::test]
async fn the_reason_is_known() {
    let (filter, _store) = filtered(tags(), true);
    let why = async |filter: &Filter, name: &str| {
        filter.why_absent(&name.into()).await.unwrap().map(|finding| finding.evidence)
    };
    let tag = why(&filter, "p-b").await.unwrap();
    insta::assert_snapshot!(tag, @"`p-b` exists, but `excluded_tags` leaves out `draft`");
    assert_eq!(why(&filter, "gone").await, None);
    let (filter, _store) = filtered(prefix(true), true);
    let name = why(&filter, "q-c").await.unwrap();
    insta::assert_snapshot!(name, @"`q-c` does not begin with `p-`, as `filter_on_prefix` asks");
}
