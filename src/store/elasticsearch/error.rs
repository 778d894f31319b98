//! What refusals of Elasticsearch and OpenSearch mean. Their words are not shown, since they may hold what
//! was sent; the types of their errors are.
//!
//! Sources: answers of Elasticsearch 7.17.29 and 8.19.21 and of OpenSearch 2.11.1.

use crate::error::{Error, ErrorKind};
use crate::http::NoAnswerHints;
use crate::redact::Shown;
use crate::store::kit::answer::Answer;
use crate::store::kit::refusal::Refusal;
use crate::store::kit::vendor::Vendor;
use crate::value::json::{Object, Value};

use super::config::ADDRESS;

/// The service as its errors call it.
pub(super) const ELASTICSEARCH: Vendor = Vendor {
    name: "Elasticsearch or OpenSearch",
    inside: "Elasticsearch",
    server: "Elasticsearch",
    rejects: "Elasticsearch does not accept the login",
    address: ADDRESS.key,
};

/// What helps where no answer came.
pub(super) const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to Elasticsearch, and `timeout`",
    certificate: "Name the CA that signed it in `ca_bundle`, and check the host of `address`",
    dns: "Check the host of `address`, and DNS",
    connect: "Check the network, HTTPS_PROXY and `address`; with security it speaks https alone",
    request: "Check `address`",
};

/// Where and as whom was asked, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'text> {
    /// The index.
    pub(super) index: &'text str,
    /// The options with the login.
    pub(super) login: &'static str,
}

/// The type of an error, such as `index_not_found_exception`.
pub(super) fn type_of(members: &Object) -> Option<&str> {
    let written = members.get("error")?.as_object()?.get("type")?.as_str()?;
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (!written.is_empty() && written.len() <= 80 && written.bytes().all(is_letter)).then_some(written)
}

/// What an error means: its kind, what happened as the rest of a sentence, and what helps.
struct Meaning {
    kind: ErrorKind,
    what: String,
    hint: String,
}

impl Meaning {
    fn new(kind: ErrorKind, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, what: what.into(), hint: hint.into() }
    }
}

/// Errors that have a type of their own.
fn known(of: &str, asked: Asked<'_>) -> Option<Meaning> {
    let index = format!("`{}`", Shown(asked.index));
    Some(match of {
        "index_not_found_exception" => Meaning::new(
            ErrorKind::Config,
            format!("failed, since the index {index} does not exist"),
            "Correct `index`, or create it: docs/elasticsearch.md has the command",
        ),
        "index_closed_exception" => Meaning::new(
            ErrorKind::Config,
            format!("failed, since the index {index} is closed"),
            format!("Open it: POST /{}/_open", Shown(asked.index)),
        ),
        "cluster_block_exception" => Meaning::new(
            ErrorKind::Denied,
            format!("was denied: the index {index} or its cluster is blocked for reading"),
            "Take the block off (`index.blocks.read`), or wait for the cluster to recover",
        ),
        "illegal_argument_exception" => Meaning::new(
            ErrorKind::Config,
            "was refused as a request that this index cannot answer",
            "`index` must name one index whose `kind` and `name` are keywords: see docs/elasticsearch.md",
        ),
        "circuit_breaking_exception" => Meaning::new(
            ErrorKind::Throttled,
            "was throttled: Elasticsearch has too little memory for it (a circuit breaker)",
            "Ask less often (a longer `cache_ttl`), and give its nodes more memory",
        ),
        "es_rejected_execution_exception" | "rejected_execution_exception" => Meaning::new(
            ErrorKind::Throttled,
            "was throttled: the queue of Elasticsearch is full",
            "Ask less often (a longer `cache_ttl`), or set `rate_limit`",
        ),
        "no_shard_available_action_exception"
        | "unavailable_shards_exception"
        | "search_phase_execution_exception"
        | "shard_not_found_exception" => Meaning::new(
            ErrorKind::Unreachable,
            format!("failed: no copy of a shard of the index {index} is available (the index is red)"),
            "See GET /_cluster/allocation/explain; nodes may be down or full",
        ),
        "master_not_discovered_exception" => Meaning::new(
            ErrorKind::Unreachable,
            "failed: the cluster has no master",
            "Try again later, and see the logs of its nodes",
        ),
        _ => return None,
    })
}

/// Everything else, by its status.
fn by_status(status: u16, is_own: bool, asked: Asked<'_>) -> Meaning {
    let kind = ErrorKind::of_status(status);
    let what = match kind {
        ErrorKind::Denied if is_own => {
            format!("was denied: the login may not read the index `{}`", Shown(asked.index))
        }
        kind => ELASTICSEARCH.what_happened(kind, is_own).into_owned(),
    };
    let hint = match kind {
        ErrorKind::Denied => "Give it a role with the privilege `read` for this index".to_owned(),
        ErrorKind::Unauthenticated => {
            format!("Check {}: it may be wrong, expired, invalidated or of another cluster", asked.login)
        }
        ErrorKind::Malformed => ELASTICSEARCH.check_address(),
        ErrorKind::Throttled => "Ask less often (a longer `cache_ttl`), or set `rate_limit`".to_owned(),
        _ => "Try again later".to_owned(),
    };
    Meaning { kind, what, hint }
}

/// An answer that is an error, whatever was asked for.
pub(super) fn refused(answer: &Answer, subject: &str, asked: Asked<'_>) -> Error {
    let body = answer.object();
    let of = body.as_ref().and_then(type_of);
    let meaning = of.and_then(|of| known(of, asked));
    let meaning = meaning.unwrap_or_else(|| by_status(answer.status, of.is_some(), asked));
    let refusal = Refusal::of(answer).with_code(of.map(str::to_owned));
    refusal.to_error(meaning.kind, format!("{subject} {}", meaning.what)).with_hint(meaning.hint)
}

/// One document of many that has an error of its own.
pub(super) fn refused_document(document: &Object, subject: &str, asked: Asked<'_>) -> Error {
    let of = type_of(document);
    let meaning = of.and_then(|of| known(of, asked)).unwrap_or_else(|| by_status(500, of.is_some(), asked));
    let code = of.unwrap_or("unknown").to_owned();
    let error = Error::new(meaning.kind, format!("{subject} {}", meaning.what)).with_code(code);
    error.temporary_in_outage(None).with_hint(meaning.hint)
}

/// A search that some shards did not answer: names would be missing.
pub(super) fn incomplete(subject: &str) -> Error {
    let what = format!("{subject} is not complete: some shards of the index did not answer");
    Error::new(ErrorKind::Unreachable, what)
        .temporary(None)
        .with_hint("Try again later; the index may be red")
}

/// Whether an error says that the server has no such request, so that it is asked in another way.
pub(super) fn is_unknown_request(answer: &Answer) -> bool {
    let has_type = || answer.object().is_some_and(|body| type_of(&body).is_some());
    answer.status == 405 || matches!(answer.status, 400 | 404) && !has_type()
}

/// Whether Elasticsearch itself says so in the header that it has from 7.14 on.
pub(super) fn is_elasticsearch(answer: &Answer) -> bool {
    answer.header("x-elastic-product") == Some("Elasticsearch")
}

/// Whether an answer is that of a document that is not there.
pub(super) fn says_absent(members: &Object) -> bool {
    members.get("found").and_then(Value::as_bool) == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'static> = Asked { index: "strongroom", login: "`token`" };

    fn own(of: &str) -> String {
        format!(r#"{{"error": {{"type": "{of}", "reason": "canary"}}, "status": 0}}"#)
    }

    #[test]
    fn each_refusal_has_its_own_meaning_and_remedy() {
        for (status, body, kind, text) in [
            (
                404,
                own("index_not_found_exception"),
                ErrorKind::Config,
                "the index `strongroom` does not exist",
            ),
            (400, own("index_closed_exception"), ErrorKind::Config, "is closed"),
            (403, own("cluster_block_exception"), ErrorKind::Denied, "is blocked for reading"),
            (403, own("security_exception"), ErrorKind::Denied, "may not read the index `strongroom`"),
            (401, own("security_exception"), ErrorKind::Unauthenticated, "does not accept the login"),
            (401, String::new(), ErrorKind::Unauthenticated, "does not accept the login"),
            (429, own("circuit_breaking_exception"), ErrorKind::Throttled, "a circuit breaker"),
            (429, own("es_rejected_execution_exception"), ErrorKind::Throttled, "queue"),
            (503, own("no_shard_available_action_exception"), ErrorKind::Unreachable, "the index is red"),
            (503, own("master_not_discovered_exception"), ErrorKind::Unreachable, "no master"),
            (502, "<html>".to_owned(), ErrorKind::Unreachable, "failed inside"),
            (404, "<html>".to_owned(), ErrorKind::Malformed, "not understood"),
            (200, "[]".to_owned(), ErrorKind::Malformed, "not understood"),
        ] {
            let error = refused(&Answer::of(status, &[], &body), "reading `a`", ASKED);
            let whole = error.to_string();
            assert_eq!(error.kind(), kind, "{whole}");
            assert!(whole.contains(text) && !whole.contains("canary"), "{whole}");
            assert!(error.hint().is_some(), "{whole}");
            assert_eq!(error.is_temporary(), kind.is_outage(), "{whole}");
        }
    }

    #[test]
    fn a_document_of_many_may_be_refused_alone() {
        let document = Answer::of(200, &[], &own("no_shard_available_action_exception")).object().unwrap();
        let error = refused_document(&document, "reading `a`", ASKED);
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unreachable, true));
    }

    #[test]
    fn another_product_does_not_know_a_request() {
        for (status, body, is) in [
            (405, own("x"), true),
            (400, r#"{"error": "no handler found for uri"}"#.to_owned(), true),
            (404, own("index_not_found_exception"), false),
            (403, own("security_exception"), false),
            (400, own("illegal_argument_exception"), false),
        ] {
            assert_eq!(is_unknown_request(&Answer::of(status, &[], &body)), is, "{body}");
        }
    }
}
