//! Listing: a search in pages, at one point in time where the server has such.
//!
//! Only listings search. A lookup reads by id, which shows what was just written and needs no mapping.

use serde_json::{Value as Json, json};

use crate::error::Result;
use crate::moment;
use crate::store::kit::answer::Answer;
use crate::store::kit::sealing::place;
use crate::store::{Description, Listing, Page, SecretName};
use crate::value::json::{self, Object, Value};

use super::api::Api;
use super::error::{ELASTICSEARCH, incomplete, is_elasticsearch, is_unknown_request};

/// How many names a page has.
const PAGE: usize = 1000;

/// How long a point in time is kept after each page.
const KEEP: &str = "1m";

const SUBJECT: &str = "listing the names of secrets";

/// Where a listing continues.
#[derive(Debug)]
struct Cursor {
    point: Point,
    after: Option<Json>,
}

/// The point in time that pages are of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Point {
    Elasticsearch(String),
    OpenSearch(String),
    /// The server has none, or the login may not use it.
    Present,
}

impl Cursor {
    fn of(page: &Page) -> Option<Self> {
        let Json::Array(parts) = serde_json::from_str(page.token()).ok()? else { return None };
        let id = || Some(parts.get(1)?.as_str()?.to_owned());
        let point = match parts.first()?.as_str()? {
            "elasticsearch" => Point::Elasticsearch(id()?),
            "opensearch" => Point::OpenSearch(id()?),
            _ => Point::Present,
        };
        Some(Self { point, after: parts.get(2).cloned() })
    }

    fn page(&self) -> Page {
        let (word, id) = match &self.point {
            Point::Elasticsearch(id) => ("elasticsearch", id.as_str()),
            Point::OpenSearch(id) => ("opensearch", id.as_str()),
            Point::Present => ("present", ""),
        };
        Page::new(json!([word, id, self.after]).to_string())
    }
}

/// The records whose names begin with `prefix`, which begins with a kind.
pub(super) async fn list(api: &Api, prefix: &str, page: Option<&Page>) -> Result<Listing> {
    let name = SecretName::from(prefix);
    let Some(place) = place(&name) else { return Ok(Listing::default()) };
    let cursor = match page.and_then(Cursor::of) {
        Some(cursor) => cursor,
        None => Cursor { point: open(api).await?, after: None },
    };
    let wanted = json!([{"term": {"kind": place.kind}}, {"prefix": {"name": place.name}}]);
    let answer = ask(api, &cursor, &wanted).await?;
    let hits = answer.get("hits").and_then(Value::as_object).and_then(|hits| hits.get("hits"));
    let hits = hits.and_then(Value::as_array).ok_or_else(|| ELASTICSEARCH.not_understood(SUBJECT))?;
    // One more than a page was asked for, so that a listing that ends with a page needs no other request.
    let (shown, more) = hits.split_at_checked(PAGE).unwrap_or((hits, &[]));
    let secrets = shown.iter().filter_map(|hit| described(hit, prefix)).collect();
    let next = (!more.is_empty()).then(|| following(&cursor, &answer, shown)).flatten();
    if next.is_none() {
        close(api, &cursor.point).await;
    }
    Ok(Listing { secrets, next })
}

/// A point in time. The two products have different requests for it; older ones have none.
async fn open(api: &Api) -> Result<Point> {
    let keep = [("keep_alive", KEEP)];
    let first = api.post(&api.path("_pit"), &keep, None, SUBJECT).await?;
    if !is_refused(&first) {
        return Ok(Point::Elasticsearch(id(api, &first, "id")?));
    }
    if is_elasticsearch(&first) {
        return Ok(Point::Present);
    }
    let second = api.post(&api.path("_search/point_in_time"), &keep, None, SUBJECT).await?;
    if !is_refused(&second) {
        return Ok(Point::OpenSearch(id(api, &second, "pit_id")?));
    }
    Ok(Point::Present)
}

/// Whether there is no such request, or not for this login.
fn is_refused(answer: &Answer) -> bool {
    is_unknown_request(answer) || answer.status == 403
}

fn id(api: &Api, answer: &Answer, key: &str) -> Result<String> {
    let body = api.understood(answer, SUBJECT)?;
    let id = body.get(key).and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| ELASTICSEARCH.not_understood(SUBJECT))
}

async fn ask(api: &Api, cursor: &Cursor, wanted: &Json) -> Result<Object> {
    let mut body = json!({
        "size": PAGE + 1,
        "query": {"bool": {"filter": wanted}},
        "sort": [{"name": {"order": "asc", "unmapped_type": "keyword"}}],
        "_source": {"excludes": ["sealed"]},
        "track_total_hits": false,
    });
    let path = match &cursor.point {
        Point::Elasticsearch(id) | Point::OpenSearch(id) => {
            body["pit"] = json!({"id": id, "keep_alive": KEEP});
            "_search".to_owned()
        }
        Point::Present => api.path("_search"),
    };
    if let Some(after) = &cursor.after {
        body["search_after"] = after.clone();
    }
    let answer = api.post(&path, &[], Some(&body), SUBJECT).await?;
    let answer = api.understood(&answer, SUBJECT)?;
    if is_partial(&answer) { Err(incomplete(SUBJECT)) } else { Ok(answer) }
}

/// Whether a part of the index did not answer.
fn is_partial(answer: &Object) -> bool {
    let shards = answer.get("_shards").and_then(Value::as_object);
    let failed = shards.and_then(|shards| shards.get("failed")).and_then(Value::as_i64);
    failed.unwrap_or_default() > 0 || answer.get("timed_out").and_then(Value::as_bool) == Some(true)
}

/// The next page: after the last record of this one. The id of a point in time may change.
fn following(cursor: &Cursor, answer: &Object, hits: &[Value]) -> Option<Page> {
    let sort = hits.last()?.as_object()?.get("sort")?;
    let after = serde_json::from_str(json::write(sort).to_str()?).ok()?;
    let renewed = answer.get("pit_id").and_then(Value::as_str).map(str::to_owned);
    let point = match (&cursor.point, renewed) {
        (Point::Elasticsearch(_), Some(id)) => Point::Elasticsearch(id),
        (Point::OpenSearch(_), Some(id)) => Point::OpenSearch(id),
        (point, _) => point.clone(),
    };
    Some(Cursor { point, after: Some(after) }.page())
}

async fn close(api: &Api, point: &Point) {
    match point {
        Point::Elasticsearch(id) => api.delete("_pit", &json!({"id": id})).await,
        Point::OpenSearch(id) => api.delete("_search/point_in_time", &json!({"pit_id": [id]})).await,
        Point::Present => {}
    }
}

/// A record of a page, if it is one.
fn described(hit: &Value, prefix: &str) -> Option<Description> {
    let hit = hit.as_object()?;
    let id = hit.get("_id")?.as_str()?;
    let members = hit.get("_source")?.as_object()?;
    id.starts_with(prefix).then(|| description(id.into(), members))
}

/// What a document says besides its value.
pub(super) fn description(name: SecretName, members: &Object) -> Description {
    let text = |key: &str| members.get(key).and_then(Value::as_str);
    Description {
        version: members.get("version").and_then(Value::as_i64).map(|version| version.to_string()),
        key: text("key_id").map(str::to_owned),
        created: text("created").and_then(moment::read),
        changed: text("changed").and_then(moment::read),
        tags: tags(members),
        ..Description::of(name)
    }
}

/// Tags are an object of texts, or texts such as `team=data`.
fn tags(members: &Object) -> Vec<(String, String)> {
    match members.get("tags") {
        Some(Value::Object(tags)) => tags
            .iter()
            .filter_map(|(key, value)| Some((key.to_str()?.to_owned(), value.as_str()?.to_owned())))
            .collect(),
        Some(Value::Array(tags)) => tags
            .iter()
            .filter_map(Value::as_str)
            .map(|tag| tag.split_once('=').unwrap_or((tag, "")))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;

    fn members(text: &str) -> Object {
        json::parse(&Text::from(text)).unwrap().into_object().unwrap()
    }

    #[test]
    fn a_page_says_where_the_next_one_begins() {
        for point in [Point::Elasticsearch("a".to_owned()), Point::OpenSearch("b".to_owned()), Point::Present]
        {
            let cursor = Cursor { point: point.clone(), after: Some(json!(["x", 5])) };
            let again = Cursor::of(&cursor.page()).unwrap();
            assert_eq!((again.point, again.after), (point, Some(json!(["x", 5]))));
        }
        assert!(Cursor::of(&Page::new("other")).is_none());
        let cursor = Cursor { point: Point::Elasticsearch("a".to_owned()), after: None };
        let answer = members(r#"{"pit_id": "b", "hits": [{"sort": ["n", 7]}]}"#);
        let next = following(&cursor, &answer, answer.get("hits").unwrap().as_array().unwrap()).unwrap();
        let next = Cursor::of(&next).unwrap();
        assert_eq!((next.point, next.after), (Point::Elasticsearch("b".to_owned()), Some(json!(["n", 7]))));
    }

    #[test]
    fn a_search_that_lacks_shards_is_not_complete() {
        for (text, is) in [
            (r#"{"_shards": {"failed": 0}, "timed_out": false}"#, false),
            (r#"{"_shards": {"failed": 1}}"#, true),
            (r#"{"timed_out": true}"#, true),
            ("{}", false),
        ] {
            assert_eq!(is_partial(&members(text)), is, "{text}");
        }
    }

    #[test]
    fn a_description_has_no_value() {
        let of = |text: &str| description("variable/a".into(), &members(text));
        let found =
            of(r#"{"version": 3, "key_id": "k", "changed": "2026-11-29T10:00:00Z", "sealed": "canary",
            "tags": {"team": "data"}}"#);
        assert_eq!((found.version.as_deref(), found.key.as_deref()), (Some("3"), Some("k")));
        assert!(found.changed.is_some() && !format!("{found:?}").contains("canary"));
        assert_eq!(found.tags, [("team".to_owned(), "data".to_owned())]);
        assert_eq!(of(r#"{"tags": ["team=data", "x"]}"#).tags.len(), 2);
    }
}
