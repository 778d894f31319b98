//! What is refused before any call.

use crate::backend::{Backend, Plan, plan};
use crate::config::{RawOptions, RawValue, configure};
use crate::error::ErrorKind;
use crate::process::Clock;
use crate::store::Removal;
use crate::store::convention::{Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::registry::find;

const LOOKUP: Lookup<'static> = Lookup { kind: Kind::Variable, id: "a", team: None };

async fn refusal(store: &str, options: &[(&str, &str)]) -> (ErrorKind, String) {
    let raw: RawOptions =
        options.iter().map(|(key, text)| ((*key).to_owned(), RawValue::Text((*text).to_owned()))).collect();
    let settings = configure(find(store).unwrap(), &raw, Environment::default()).unwrap().settings;
    let Plan::Ask(route) = plan(&settings, LOOKUP, || false).unwrap() else { panic!("no route") };
    let backend = Backend::open(settings, Clock::System).unwrap();
    let error = backend.delete(&route, Removal::default(), true).await.unwrap_err();
    assert_eq!(backend.check_writable().unwrap_err().kind(), error.kind());
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_store_that_only_reads_cannot_be_changed() {
    let (kind, text) = refusal("memory", &[]).await;
    assert_eq!(kind, ErrorKind::Unsupported);
    insta::assert_snapshot!(text, @"Memory cannot be written to (memory write). Change the secret with the \
    tools of the store");
}

#[tokio::test]
async fn a_backend_that_is_read_only_changes_nothing() {
    let (kind, text) = refusal("memory", &[("read_only", "yes")]).await;
    assert_eq!(kind, ErrorKind::Config);
    assert!(text.starts_with("the backend is `read_only`"), "{text}");
}
