//! Finding secrets by folder and title, and listing them (`secrets-safe/secrets`).

use std::collections::BTreeMap;

use crate::error::Result;
use crate::store::kit::answer::Answer;
use crate::store::{Description, Listing, Page};

use super::error::{self, SECRETS_SAFE};
use super::record::Record;
use super::session::{Query, Session};

/// Where secrets are, below the address.
pub(super) const SECRETS: &str = "secrets-safe/secrets";

/// How many secrets a page has at most.
const PAGE: usize = 1000;

/// Where the secrets of a backend are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Anywhere: names are paths.
    Paths,
    /// In the folder with this id: names are titles.
    Folder(String),
}

impl Scope {
    /// The name of a secret as lookups have it; `None` for one that no lookup reads.
    fn name(&self, record: &Record) -> Option<String> {
        match self {
            Self::Paths => record.path(),
            Self::Folder(id) => {
                let is_inside = record.folder_id().is_some_and(|folder| folder.eq_ignore_ascii_case(id));
                record.title().filter(|_| is_inside).map(str::to_owned)
            }
        }
    }

    /// Whether the record is that of the secret `name`. Password Safe may ignore case, and answer with more
    /// than was asked for.
    fn is_named(&self, record: &Record, name: &str) -> bool {
        match self {
            Self::Folder(_) => self.name(record).is_some_and(|title| is_alike(&title, name)),
            Self::Paths => {
                let (folder, title) = split(name);
                // A title alone is looked for in all folders, and an answer that does not say may mean this
                // one.
                let is_inside =
                    folder.is_empty() || record.folder().is_none_or(|text| is_alike(text, folder));
                is_inside && record.title().is_some_and(|text| is_alike(text, title))
            }
        }
    }

    /// The secret `name`, with its value unless that is a file.
    pub(super) async fn find(&self, session: &Session, name: &str, subject: &str) -> Result<Option<Record>> {
        let mut query = match self {
            Self::Paths => {
                let (folder, title) = split(name);
                let path = (!folder.is_empty()).then_some([("path", folder), ("separator", "/")]);
                let mut query: Vec<_> = path.into_iter().flatten().collect();
                query.push(("title", title));
                query
            }
            Self::Folder(id) => vec![("folderId", id.as_str()), ("title", name)],
        };
        query.push(("decrypt", "true"));
        let (mut found, _) = page(session, &query, subject).await?;
        found.retain(|record| self.is_named(record, name));
        self.only(found, name, subject)
    }

    /// The one that is meant: spelled like the name if another is spelled in another way.
    fn only(&self, mut found: Vec<Record>, name: &str, subject: &str) -> Result<Option<Record>> {
        let is_exact = |record: &Record| record.title() == Some(self.title(name));
        if found.len() > 1 && found.iter().any(is_exact) {
            found.retain(is_exact);
        }
        if found.len() > 1 {
            let ids: Vec<_> = found.iter().filter_map(Record::id).collect();
            return Err(error::ambiguous(&ids, subject));
        }
        Ok(found.pop())
    }

    fn title<'name>(&self, name: &'name str) -> &'name str {
        match self {
            Self::Paths => split(name).1,
            Self::Folder(_) => name,
        }
    }

    /// One page of the secrets whose names begin with `prefix`. A path selects one folder and not those below
    /// it, so all secrets that the user may see are asked for, without their values.
    pub(super) async fn list(&self, session: &Session, prefix: &str, at: Option<&Page>) -> Result<Listing> {
        let from = at.map_or("0", Page::token);
        let limit = PAGE.to_string();
        let mut query = vec![("decrypt", "false"), ("limit", &*limit), ("offset", from)];
        if let Self::Folder(id) = self {
            query.push(("folderId", id));
        }
        let (records, total) = page(session, &query, "listing the names of secrets").await?;
        let next = next_offset(from, records.len(), total);
        // Two of one name are one line: `describe` and lookups say that there are two.
        let chosen: BTreeMap<String, Description> = records
            .iter()
            .filter_map(|record| {
                let name = below(prefix, &self.name(record)?)?;
                let description = record.description(&name);
                Some((name, description))
            })
            .collect();
        Ok(Listing { secrets: chosen.into_values().collect(), next: next.map(Page::new) })
    }
}

/// Folder and title.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

fn is_alike(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// The name with `prefix` as the options have it, if it begins with that. Password Safe may ignore case.
fn below(prefix: &str, name: &str) -> Option<String> {
    let (first, rest) = name.split_at_checked(prefix.len())?;
    first.eq_ignore_ascii_case(prefix).then(|| format!("{prefix}{rest}"))
}

/// The secrets of an answer, and how many there are in all, where it says so.
async fn page(session: &Session, query: &Query<'_>, subject: &str) -> Result<(Vec<Record>, Option<usize>)> {
    let answer = session.ask(SECRETS, query, subject).await?;
    if error::is_absent(&answer) {
        return Ok((Vec::new(), None));
    }
    if !answer.is_success() {
        return Err(error::refused(&answer, subject));
    }
    secrets(&answer).ok_or_else(|| SECRETS_SAFE.not_understood(subject))
}

/// A list up to version 3.1 of the API, and an object with a list from 3.2 on.
fn secrets(answer: &Answer) -> Option<(Vec<Record>, Option<usize>)> {
    let body = answer.json()?;
    let total = body.as_object().and_then(|body| body.get("TotalCount")?.as_i64());
    let listed = match body.as_object() {
        Some(body) => body.get("Data")?.as_array()?,
        None => body.as_array()?,
    };
    let records = listed.iter().cloned().map(Record::of).collect::<Option<Vec<_>>>()?;
    Some((records, total.and_then(|total| usize::try_from(total).ok())))
}

/// Where the page after one of so many secrets begins; `None` after the last one.
fn next_offset(from: &str, count: usize, total: Option<usize>) -> Option<String> {
    let next = from.parse::<usize>().ok()?.checked_add(count)?;
    let is_more = total.map_or(count >= PAGE, |total| next < total);
    (count > 0 && is_more).then(|| next.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const ID: &str = "9b7d1c6e-0000-4000-8000-00000000000f";

    #[test]
    fn names_are_compared_whole_and_without_case() {
        let json = format!(r#"{{"Title": "My DB", "FolderId": "{ID}", "FolderPath": "Air/Conn"}}"#);
        let record = Record::of_json(&json);
        for (name, is) in [
            ("air/conn/my db", true),
            ("conn/my db", false),
            ("air/conn/my", false),
            ("my db", true),
            ("air/my db", false),
        ] {
            assert_eq!(Scope::Paths.is_named(&record, name), is, "{name}");
        }
        let inside = |id: &str, name| Scope::Folder(id.to_owned()).is_named(&record, name);
        assert!(inside(&ID.to_uppercase(), "my db") && !inside(ID, "air/conn/my db"));
        assert!(!inside("9b7d1c6e-0000-4000-8000-000000000001", "my db"));
    }

    #[test]
    fn one_that_is_spelled_exactly_is_meant_and_two_are_an_error() {
        let record = |title: &str| Record::of_json(&format!(r#"{{"Id": "{ID}", "Title": "{title}"}}"#));
        let only = |titles: &[&str]| {
            Scope::Paths.only(titles.iter().map(|title| record(title)).collect(), "f/a", "reading `f/a`")
        };
        assert!(only(&[]).unwrap().is_none());
        assert_eq!(only(&["A"]).unwrap().unwrap().title(), Some("A"));
        assert_eq!(only(&["A", "a"]).unwrap().unwrap().title(), Some("a"));
        for titles in [["a", "a"], ["A", "A"]] {
            let error = only(&titles).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(
                error.to_string().contains(&format!("2 secrets have the title (ids {ID}, {ID})")),
                "{error}"
            );
        }
    }

    #[test]
    fn an_answer_is_a_list_or_an_object_with_one() {
        let counts =
            |body: &str| secrets(&Answer::of(200, &[], body)).map(|(found, total)| (found.len(), total));
        assert_eq!(counts("[{}, {}]"), Some((2, None)));
        assert_eq!(counts(r#"{"TotalCount": 7, "Data": [{}]}"#), Some((1, Some(7))));
        assert_eq!(counts(r#"{"Data": []}"#), Some((0, None)));
        for body in ["<html>", "7", "[7]", "{}", r#"{"Data": null}"#] {
            assert_eq!(counts(body), None, "{body}");
        }
    }

    #[test]
    fn a_page_begins_where_the_last_one_ended() {
        for (from, count, total, next) in [
            ("0", PAGE, None, Some("1000")),
            ("0", PAGE - 1, None, None),
            ("1000", 5, Some(1006), Some("1005")),
            ("1000", 5, Some(1005), None),
            ("1000", 0, Some(9999), None),
            ("x", PAGE, None, None),
        ] {
            assert_eq!(next_offset(from, count, total).as_deref(), next, "{from} {count} {total:?}");
        }
    }

    #[test]
    fn a_listed_name_has_the_prefix_as_it_is_configured() {
        assert_eq!(below("air/conn/", "Air/Conn/My DB").as_deref(), Some("air/conn/My DB"));
        assert_eq!((below("air/", "ai"), below("a", "\u{e9}")), (None, None));
    }
}
