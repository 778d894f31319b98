//! Searching for secrets by their names, and listing those below a folder (`/v2/secrets`).

use crate::error::Result;
use crate::store::{Description, Listing, Page};
use crate::value::json::Value;

use super::error::{self, SECRET_SERVER};
use super::record::Record;
use super::session::{Query, Session, understood};

const SECRETS: &str = "api/v2/secrets";

/// How many secrets a page has at most.
const PAGE: &str = "500";

/// Where the secrets of a backend are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Anywhere: names are paths.
    Paths,
    /// In the folder of this number: names are names.
    Folder(String),
}

impl Scope {
    /// The name of a secret as lookups have it; `None` for one that no lookup reads.
    fn name(&self, record: &Record) -> Option<String> {
        match self {
            Self::Paths => record.path(),
            Self::Folder(_) => record.name().map(str::to_owned),
        }
    }

    /// Whether the record may be that of the secret `name`. Secret Server ignores case.
    fn is_named(&self, record: &Record, name: &str) -> bool {
        let is = |text: &str, wanted: &str| text.to_lowercase() == wanted.to_lowercase();
        match self {
            Self::Folder(folder) => {
                let is_inside = record.folder_id().is_some_and(|id| id.to_string() == *folder);
                is_inside && record.name().is_some_and(|text| is(text, name))
            }
            Self::Paths => {
                let (folder, leaf) = name.rsplit_once('/').unwrap_or(("", name));
                // A server that does not say where a secret is may mean this one.
                let is_inside = record.folder().is_none_or(|text| is(&text, folder));
                is_inside && record.name().is_some_and(|text| is(text, leaf))
            }
        }
    }

    /// Whether a secret `name` was deactivated, which is what deletion means.
    pub(super) async fn is_deactivated(&self, session: &Session, name: &str, subject: &str) -> Result<bool> {
        let found = self.all(session, name, &[("filter.includeInactive", "true")], subject).await?;
        Ok(found.iter().any(Record::is_inactive))
    }

    /// The secret `name`, if the user can see it.
    pub(super) async fn find(&self, session: &Session, name: &str, subject: &str) -> Result<Option<Record>> {
        let mut found = self.all(session, name, &[], subject).await?;
        found.retain(|record| !record.is_inactive());
        let ids: Vec<_> = found.iter().filter_map(Record::id).collect();
        if ids.len() > 1 {
            return Err(error::ambiguous(&ids.iter().map(String::as_str).collect::<Vec<_>>(), subject));
        }
        Ok(found.pop())
    }

    async fn all(
        &self,
        session: &Session,
        name: &str,
        more: &Query<'_>,
        subject: &str,
    ) -> Result<Vec<Record>> {
        let leaf = match self {
            Self::Paths => name.rsplit_once('/').map_or(name, |(_, leaf)| leaf),
            Self::Folder(_) => name,
        };
        let exact = [("filter.searchText", leaf), ("filter.isExactMatch", "true")];
        let filter: Vec<_> = self.filter(&exact).into_iter().chain(more.iter().copied()).collect();
        let mut found = Vec::new();
        let mut skip = Some("0".to_owned());
        while let Some(from) = skip {
            let (records, next) = page(session, &filter, &from, subject).await?;
            found.extend(records.into_iter().filter(|record| self.is_named(record, name)));
            skip = next;
        }
        Ok(found)
    }

    fn filter<'text>(&'text self, more: &[(&'text str, &'text str)]) -> Vec<(&'text str, &'text str)> {
        let folder = match self {
            Self::Paths => None,
            Self::Folder(id) => Some(("filter.folderId", id.as_str())),
        };
        more.iter().copied().chain(folder).collect()
    }

    /// One page of the secrets whose names begin with `prefix`.
    pub(super) async fn list(&self, session: &Session, prefix: &str, at: Option<&Page>) -> Result<Listing> {
        let subject = "listing the names of secrets";
        let (folder, from) = match (at.and_then(|page| page.token().split_once(' ')), self) {
            (Some((folder, from)), _) => (folder.to_owned(), from.to_owned()),
            (None, Self::Folder(id)) => (id.clone(), "0".to_owned()),
            (None, Self::Paths) => match folder_of(session, prefix, subject).await? {
                Some(id) => (id, "0".to_owned()),
                None => return Ok(Listing::default()),
            },
        };
        let mut filter =
            vec![("filter.includeSubFolders", if *self == Self::Paths { "true" } else { "false" })];
        filter.extend((!folder.is_empty()).then_some(("filter.folderId", folder.as_str())));
        let (records, next) = page(session, &filter, &from, subject).await?;
        let described = |record: &Record| Some(record.description(&below(prefix, &self.name(record)?)?));
        let active = records.iter().filter(|record| !record.is_inactive());
        let mut secrets: Vec<Description> = active.filter_map(described).collect();
        secrets.sort_by(|left, right| left.name.cmp(&right.name));
        let next = next.map(|from| Page::new(format!("{folder} {from}")));
        Ok(Listing { secrets, next })
    }
}

/// The number of the folder that all names with this prefix are below; empty for all folders, and `None` for
/// one that is not there.
async fn folder_of(session: &Session, prefix: &str, subject: &str) -> Result<Option<String>> {
    let Some((folder, _)) = prefix.rsplit_once('/') else { return Ok(Some(String::new())) };
    let path = path_of(folder);
    let answer = session.ask("api/v1/folders/0", &[("folderPath", &path)], subject).await?;
    if answer.is_success() {
        let folder = understood(&answer, subject)?;
        let id = folder.get("id").and_then(Value::as_i64);
        return id.map(|id| Some(id.to_string())).ok_or_else(|| SECRET_SERVER.not_understood(subject));
    }
    if !error::is_kept_back(&answer) {
        return Err(error::refused(&answer, subject));
    }
    // The server says the same to one who may list nothing at all, and that is not an empty folder.
    page(session, &[("take", "1")], "0", subject).await.map(|_| None)
}

/// The name with `prefix` as the options have it, if it begins with that. Secret Server ignores case.
fn below(prefix: &str, name: &str) -> Option<String> {
    let (first, rest) = name.split_at_checked(prefix.len())?;
    first.eq_ignore_ascii_case(prefix).then(|| format!("{prefix}{rest}"))
}

/// The path as Secret Server writes it.
pub(super) fn path_of(name: &str) -> String {
    format!("\\{}", name.replace('/', "\\"))
}

/// One page of the secrets that the user can see, and where the next one begins.
async fn page(
    session: &Session,
    filter: &Query<'_>,
    skip: &str,
    subject: &str,
) -> Result<(Vec<Record>, Option<String>)> {
    let is_given = |key: &str| filter.iter().any(|(given, _)| *given == key);
    let take = (!is_given("take")).then_some(("take", PAGE));
    // Those that require a comment, a checkout or an approval are restricted.
    let always =
        [("filter.includeRestricted", "true"), ("filter.doNotCalculateTotal", "true"), ("skip", skip)];
    let query: Vec<_> = filter.iter().copied().chain(always).chain(take).collect();
    let answer = session.object(SECRETS, &query, subject).await?;
    let records = answer.get("records").and_then(Value::as_array);
    let records = records.ok_or_else(|| SECRET_SERVER.not_understood(subject))?;
    let has_next = answer.get("hasNext").and_then(Value::as_bool) == Some(true);
    let next = next_skip(skip, records.len()).filter(|_| has_next);
    Ok((records.iter().filter_map(Record::of).collect(), next))
}

/// Where the page after one of so many secrets begins; `None` after an empty one.
fn next_skip(skip: &str, count: usize) -> Option<String> {
    let next = skip.parse::<usize>().ok()?.checked_add(count)?;
    (count > 0).then(|| next.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_whole_and_without_case() {
        let record = Record::of_json(r#"{"name": "My DB", "folderId": 3, "folderPath": "\\Air\\conn"}"#);
        for (name, is) in
            [("air/conn/my db", true), ("conn/my db", false), ("air/conn/my", false), ("my db", false)]
        {
            assert_eq!(Scope::Paths.is_named(&record, name), is, "{name}");
        }
        let inside = |id: &str, name| Scope::Folder(id.to_owned()).is_named(&record, name);
        assert!(inside("3", "my db") && !inside("4", "my db") && !inside("3", "air/conn/my db"));
    }

    #[test]
    fn a_server_that_does_not_say_where_a_secret_is_may_mean_this_one() {
        let record = Record::of_json(r#"{"name": "a", "folderId": 3}"#);
        assert!(Scope::Paths.is_named(&record, "x/y/a") && !Scope::Paths.is_named(&record, "x/y/b"));
    }

    #[test]
    fn a_listed_name_has_the_prefix_as_it_is_configured() {
        assert_eq!(below("air/conn/", "Air/Conn/My DB").as_deref(), Some("air/conn/My DB"));
        assert_eq!(
            (below("air/", "ai"), below("a", "\u{e9}"), below("", "X").as_deref()),
            (None, None, Some("X"))
        );
    }

    #[test]
    fn a_page_begins_where_the_last_one_ended() {
        assert_eq!(next_skip("500", 100).as_deref(), Some("600"));
        assert_eq!((next_skip("500", 0), next_skip("x", 1)), (None, None));
    }

    #[test]
    fn paths_are_written_as_secret_server_writes_them() {
        assert_eq!((path_of("a/b c").as_str(), path_of("a").as_str()), ("\\a\\b c", "\\a"));
    }
}
