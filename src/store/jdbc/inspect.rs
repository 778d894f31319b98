//! What the table shows of its values without opening them.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::error::Result;
use crate::redact::Shown;
use crate::store::convention::Kind;
use crate::store::environment::Environment;
use crate::store::kit::checks::{impossible_names, unverified};
use crate::store::kit::database_url::Dialect;
use crate::store::kit::sealing::{self, place};
use crate::store::kit::trust::{VERIFY, Verify};
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity};
use crate::store::{Description, Inspect, Listing, Page, SecretName};
use crate::value::json::{self, Value};

use super::convention::convention;
use super::error::Fault;
use super::settings::{self, Settings};
use super::table::{PAGE, Statement, describing, listing};
use super::{Jdbc, Row};

/// A row of a description, and whether the newest version is a deletion.
fn described(row: Row) -> Option<(Description, bool)> {
    let [kind, name, version, key, tags, created, changed, deleted] =
        <[Option<String>; 8]>::try_from(row).ok()?;
    let described = Description {
        version,
        form: Some("sealed".to_owned()),
        key,
        created: created.as_deref().and_then(moment),
        changed: changed.as_deref().and_then(moment),
        deleted: deleted.as_deref().and_then(moment),
        tags: tags.as_deref().map(tags_of).unwrap_or_default(),
        ..Description::of(format!("{}/{}", kind?, name?))
    };
    Some((described, deleted.is_some()))
}

fn moment(seconds: &str) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))
}

/// The members of an object that are texts, numbers or truth values.
fn tags_of(text: &str) -> Vec<(String, String)> {
    let parsed = json::parse(&text.into());
    let Ok(Value::Object(tags)) = &parsed else { return Vec::new() };
    let shown = |value: &Value| match value.as_str() {
        Some(text) => Some(text.to_owned()),
        None if value.as_object().is_some() || value.as_array().is_some() || value.is_null() => None,
        None => json::write(value).to_str().map(str::to_owned),
    };
    tags.iter().filter_map(|(key, value)| Some((key.to_str()?.to_owned(), shown(value)?))).collect()
}

impl Jdbc {
    async fn described(&self, name: &SecretName) -> Result<Option<(Description, bool)>> {
        let Some(place) = place(name) else { return Ok(None) };
        let statement = describing(self.settings.dialect, &self.settings.table, place.kind, place.name);
        let rows = self.rows(&statement, &format!("looking for `{name}`")).await;
        let rows = rows.map_err(|error| error.with_operation("describe"))?;
        Ok(rows.into_iter().filter_map(described).find(|(found, _)| found.name == *name))
    }

    /// A page of one kind, and the name after which the next one begins.
    async fn page(
        &self,
        kind: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<(Vec<Description>, Option<String>)> {
        let statement = listing(self.settings.dialect, &self.settings.table, kind, prefix, after);
        let rows = self.rows(&statement, "listing the names of values").await?;
        let is_full = rows.len() >= PAGE;
        let secrets: Vec<_> = rows.into_iter().filter_map(described).map(|(secret, _)| secret).collect();
        let last = secrets.last().filter(|_| is_full).map(|last| last.name.as_str().to_owned());
        Ok((secrets, last))
    }

    /// One value of one row.
    async fn only(&self, text: &str) -> Result<Option<String>, Fault> {
        let rows = self.ask(&Statement::new(self.settings.dialect, text)).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    async fn version(&self) -> Result<Finding> {
        let text = match self.settings.dialect {
            Dialect::PostgreSql => {
                "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)"
            }
            Dialect::MySql => "SELECT CONCAT(@@version_comment, ' ', @@version)",
            Dialect::H2 => "SELECT STRINGTOUTF8(CONCAT('H2 ', H2VERSION()))",
        };
        let found = self
            .only(text)
            .await
            .map_err(|fault| fault.to_error("asking for the version", &self.settings))?;
        Ok(Finding::fine("version", format!("the server is {}", Shown(&found.unwrap_or_default()))))
    }

    /// A table whose names are compared without regard to case has one row where there have to be two.
    async fn collation(&self) -> Option<Finding> {
        if self.settings.dialect != Dialect::MySql {
            return None;
        }
        let table = self.settings.table.shown();
        let (schema, name) =
            table.split_once('.').map_or(("", table.as_str()), |(schema, name)| (schema, name));
        let schema = if schema.is_empty() { "DATABASE()".to_owned() } else { format!("'{schema}'") };
        let text = format!(
            "SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {schema} AND \
            TABLE_NAME = '{name}' AND COLUMN_NAME = 'name'"
        );
        let found = self.only(&text).await.ok().flatten()?;
        (!found.ends_with("_bin")).then(|| {
            let evidence = format!(
                "the names of `{table}` have the collation {}, which does not tell all letters apart",
                Shown(&found)
            );
            Finding::new(
                Severity::Warning,
                "collation",
                evidence,
                "Give the columns the collation utf8mb4_bin",
            )
        })
    }
}

#[async_trait]
impl Inspect for Jdbc {
    /// One kind after another. A page is the name after which the next one begins; a kind alone begins with
    /// its first.
    async fn list(&self, prefix: &str, page: Option<&Page>) -> Result<Listing> {
        let begins =
            |kind: &&str| prefix.starts_with(&format!("{kind}/")) || format!("{kind}/").starts_with(prefix);
        let kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).filter(begins).collect();
        let (now, after) = match page.and_then(|page| page.token().split_once('/')) {
            Some((kind, after)) => (kind, Some(after).filter(|after| !after.is_empty())),
            None => (kinds.first().copied().unwrap_or_default(), None),
        };
        let Some(place) = kinds.iter().position(|kind| *kind == now) else { return Ok(Listing::default()) };
        let below = prefix.strip_prefix(&format!("{now}/")).unwrap_or_default();
        let (secrets, last) =
            self.page(now, below, after).await.map_err(|error| error.with_operation("list"))?;
        let next = last.or_else(|| kinds.get(place + 1).map(|kind| format!("{kind}/")));
        Ok(Listing { secrets, next: next.map(Page::new) })
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<Description>> {
        let found = self.described(name).await?;
        Ok(found.filter(|(_, is_deleted)| !is_deleted).map(|(described, _)| described))
    }

    async fn why_absent(&self, name: &SecretName) -> Result<Option<Finding>> {
        let deleted = self.described(name).await?.filter(|(_, is_deleted)| *is_deleted);
        Ok(deleted.map(|(described, _)| {
            let version = described.version.unwrap_or_default();
            let evidence =
                format!("version {} of `{name}`, the newest, is marked as deleted", Shown(&version));
            let remedy = "Set its `deleted_at` to null, or write a newer version";
            Finding::new(Severity::Warning, "deleted", evidence, remedy)
        }))
    }

    fn identity(&self) -> Option<String> {
        let settings = &self.settings;
        let hosts: Vec<_> = settings.hosts.iter().map(ToString::to_string).collect();
        let user = settings.user.as_deref().unwrap_or("the system's user");
        let database = settings.database.as_deref().unwrap_or("the user's own database");
        Some(format!(
            "{} of {} `{}` on {}, table `{}`, sslmode {}",
            Shown(user),
            settings.dialect.title(),
            Shown(database),
            hosts.join(", "),
            settings.table.shown(),
            settings.mode.as_str()
        ))
    }

    async fn diagnose(&self) -> Vec<Finding> {
        let version = match self.version().await {
            Ok(found) => found,
            Err(error) => return vec![Finding::of("connection", &error)],
        };
        std::iter::once(version).chain(self.collation().await).collect()
    }
}

/// What is noteworthy in the options.
pub(super) fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let mut found = sealing::noteworthy(options, environment);
    found.extend(impossible_names(&convention(options)));
    if Verify::read(options, VERIFY.key).is_off() {
        found.push(unverified(VERIFY.key));
    }
    match Settings::read(options, environment) {
        Ok(settings) => found.extend(of_settings(&settings)),
        Err(error) => found.push(Finding::of("url", &error)),
    }
    if let Some(Ok(url)) = settings::written(options, environment) {
        found.extend(parameters(&settings::without_effect(&url)));
    }
    found
}

fn of_settings(settings: &Settings) -> Vec<Finding> {
    let open = settings.is_open().then(|| {
        let evidence = format!(
            "`sslmode` is {}: names and logins can be read on the way, or answered by somebody else; values \
            are sealed in any case",
            settings.mode.as_str()
        );
        let remedy = "Write `sslmode: verify-full`, with the CA in `ca_bundle`";
        Finding::new(Severity::Warning, "tls", evidence, remedy)
    });
    let h2 = (settings.dialect == Dialect::H2).then(|| {
        let evidence = "H2 is asked through its server for PostgreSQL, which has no encryption and sees only \
            databases that were made with MODE=PostgreSQL, DATABASE_TO_LOWER=TRUE and \
            DEFAULT_NULL_ORDERING=HIGH";
        let remedy = "Keep it on this machine or in one pod, and use PostgreSQL elsewhere";
        Finding::new(Severity::Note, "h2", evidence, remedy)
    });
    open.filter(|_| settings.dialect != Dialect::H2).into_iter().chain(h2).collect()
}

fn parameters(without_effect: &[&str]) -> Option<Finding> {
    let names: Vec<_> = without_effect.iter().map(|name| format!("`{}`", Shown(name))).collect();
    (!names.is_empty()).then(|| {
        let evidence = format!("parameters of `url` that have no effect: {}", names.join(", "));
        Finding::new(Severity::Note, "url", evidence, "Nothing, if they concern the driver of Java alone")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_described() {
        let columns = ["variable", "a", "3", "k", r#"{"team": "x", "n": 5, "o": {}}"#, "10", "20"];
        let mut row: Row = columns.iter().map(|text| Some((*text).to_owned())).collect();
        row.push(None);
        let (found, is_deleted) = described(row.clone()).unwrap();
        assert_eq!(
            (found.name.as_str(), found.version.as_deref(), is_deleted),
            ("variable/a", Some("3"), false)
        );
        assert_eq!(found.tags, [("team".to_owned(), "x".to_owned()), ("n".to_owned(), "5".to_owned())]);
        row[7] = Some("30".to_owned());
        assert!(described(row).unwrap().1);
        assert!(tags_of("[]").is_empty() && tags_of("canary").is_empty());
    }

    #[test]
    fn the_options_are_judged() {
        let checks = |pairs: &[(&'static str, &str)]| {
            let with_key = [pairs, &[("sealing_key", "q8Zr2Lw0vXn5Tj7Ck1Hs4Gd9Fb3Mp6Yu")]].concat();
            let found = check(&Options::of_texts(&with_key), &Environment::default());
            found.iter().map(|finding| finding.check).collect::<Vec<_>>()
        };
        assert!(checks(&[("url", "postgres://h/d")]).is_empty());
        assert_eq!(checks(&[("url", "postgres://h/d?sslmode=require&foo=1")]), ["tls", "url"]);
        assert!(checks(&[("url", "postgres://127.0.0.1/d?sslmode=disable")]).is_empty());
        assert_eq!(checks(&[("url", "postgres://h/d"), ("dialect", "h2")]), ["h2"]);
        assert_eq!(checks(&[]), ["url"]);
    }
}
