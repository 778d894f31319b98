//! Databases: sealed values in one table of PostgreSQL, MySQL, MariaDB or H2.
//!
//! The table is one of its own, which `strongroom jdbc schema` describes and this store never makes; nothing
//! of Airflow's own database is touched. What a record is sealed with is in `crate::sealed`.
//!
//! | file | what it does |
//! |---|---|
//! | `config.rs` | options |
//! | `convention.rs` | names that fit into the table |
//! | `error.rs` | what codes mean, and what helps |
//! | `guide.rs` | `strongroom jdbc schema` |
//! | `hosts.rs` | several hosts: which is tried first |
//! | `inspect.rs` | listing, describing, `strongroom doctor` |
//! | `mysql.rs` | the connection to MySQL and MariaDB |
//! | `policy.rs` | the grant of `strongroom policy` |
//! | `postgres.rs` | the connection to PostgreSQL and H2 |
//! | `settings.rs` | what options and the parameters of the address mean |
//! | `table.rs` | the table and the statements that read it |

mod config;
mod convention;
mod error;
mod guide;
mod hosts;
mod inspect;
#[cfg(feature = "mysql")]
mod mysql;
mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod settings;
mod table;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::sealed::{Keys, Record};
use crate::store::environment::Environment;
use crate::store::kit::database_url::Dialect;
use crate::store::kit::files::WatchedFiles;
use crate::store::kit::sealing::{self, no_place, place};
use crate::store::options::Options;
use crate::store::tools::Tools;
use crate::store::{Inspect, OptionRules, SecretName, Store, StoreEntry, StoreInfo};
use crate::value::SecretValue;

use self::convention::convention;
use self::error::Fault;
use self::settings::Settings;
use self::table::{Statement, reading};

const INFO: StoreInfo = StoreInfo { name: "jdbc", title: "JDBC" };

/// What the registry needs to know of this store.
pub const ENTRY: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.jdbc.JdbcBackend",
    options: config::OPTIONS,
    variables: config::VARIABLES,
    convention: |options| Ok(Arc::new(convention(options))),
    rules: OptionRules { check: check_options, ..OptionRules::NONE },
    tools: Tools {
        words: &["jdbc", "sql"],
        about: "Databases: the grant of the table, which `strongroom jdbc schema` prints",
        lists_tags: true,
        check: inspect::check,
        policy: Some(policy::POLICY),
        guides: Some(guide::GUIDES),
        ..Tools::NONE
    },
    open,
};

/// How many names one statement has. Each is a parameter, of which PostgreSQL takes 65,535.
const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// One row: each column as text.
type Row = Vec<Option<String>>;

/// The connection of the dialect.
#[derive(Debug)]
enum Connection {
    #[cfg(feature = "postgres")]
    Postgres(postgres::Postgres),
    #[cfg(feature = "mysql")]
    MySql(mysql::MySql),
}

/// One table, as one user.
#[derive(Debug)]
struct Jdbc {
    settings: Settings,
    connection: Connection,
    keys: Keys,
    files: WatchedFiles,
}

impl Jdbc {
    async fn ask(&self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        match &self.connection {
            #[cfg(feature = "postgres")]
            Connection::Postgres(postgres) => postgres.rows(&self.settings, statement).await,
            #[cfg(feature = "mysql")]
            Connection::MySql(mysql) => mysql.rows(&self.settings, statement).await,
        }
    }

    /// The rows of a statement, or the error of what is done with them.
    async fn rows(&self, statement: &Statement, subject: &str) -> Result<Vec<Row>> {
        self.ask(statement).await.map_err(|fault| fault.to_error(subject, &self.settings))
    }

    /// The records of names with a kind, with one statement: the name of each, and what is in its row.
    async fn records(
        &self,
        names: &[&SecretName],
        subject: &str,
    ) -> Result<Vec<(SecretName, Result<Record>)>> {
        let places: Vec<_> = names.iter().filter_map(|name| place(name)).collect();
        let places: Vec<_> = places.iter().map(|place| (place.kind, place.name)).collect();
        let statement = reading(self.settings.dialect, &self.settings.table, &places);
        let rows = self.rows(&statement, subject).await?;
        rows.into_iter()
            .map(|row| record(row).ok_or_else(|| Fault::Odd.to_error(subject, &self.settings)))
            .collect()
    }

    fn open(&self, name: &SecretName, record: Result<Record>) -> Result<SecretValue> {
        let place = place(name).ok_or_else(|| no_place(name))?;
        self.keys.open(&record?, place)
    }

    async fn read(&self, name: &SecretName, subject: &str) -> Result<Option<SecretValue>> {
        if place(name).is_none() {
            return Err(no_place(name));
        }
        let found = self.records(&[name], subject).await?;
        // A collation may take other letters for the same: only the very name counts.
        let own = found.into_iter().find(|(found, _)| found == name);
        own.map(|(name, record)| self.open(&name, record)).transpose()
    }

    /// Many names with one statement, in their order.
    async fn read_all(&self, names: &[SecretName]) -> Result<Vec<Result<Option<SecretValue>>>> {
        let with_kind: Vec<_> = names.iter().filter(|name| place(name).is_some()).collect();
        let mut found = Vec::new();
        if !with_kind.is_empty() {
            found = self.records(&with_kind, &format!("reading {} values", with_kind.len())).await?;
        }
        let answer = |name: &SecretName| {
            if place(name).is_none() {
                return Err(no_place(name));
            }
            let own = found.iter().find(|(found, _)| found == name);
            own.map(|(name, record)| self.open(name, record.clone())).transpose()
        };
        Ok(names.iter().map(answer).collect())
    }
}

/// The name of a row and its record; `None` if the row is not one of the columns that were asked for.
fn record(row: Row) -> Option<(SecretName, Result<Record>)> {
    let [kind, name, version, format, key_id, sealed] = <[Option<String>; 6]>::try_from(row).ok()?;
    let (kind, name) = (kind?, name?);
    let full = SecretName::from(format!("{kind}/{name}"));
    let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let whole = || {
        Some(Record {
            format: number(format)?,
            key_id: key_id?,
            place: Some((kind, name)),
            version: number(version)?,
            sealed: sealed?,
        })
    };
    let record = whole().ok_or_else(|| {
        Error::new(ErrorKind::Malformed, format!("the row of `{full}` is no sealed record")).with_hint(
            "Write it with `strongroom seal --format sql`, into the columns of `strongroom jdbc schema`",
        )
    });
    Some((full, record))
}

#[async_trait]
impl Store for Jdbc {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let read = self.read(name, &format!("reading `{name}`")).await;
        read.map_err(|error| error.with_operation("read"))
    }

    async fn get_many(&self, names: &[SecretName]) -> Vec<Option<Result<Option<SecretValue>>>> {
        let with_operation = |error: Error| error.with_operation("read");
        match self.read_all(names).await {
            Ok(answers) => answers.into_iter().map(|answer| Some(answer.map_err(with_operation))).collect(),
            Err(error) => vec![Some(Err(with_operation(error))); names.len()],
        }
    }

    fn batch_size(&self) -> NonZeroUsize {
        BATCH
    }

    fn reads_together(&self) -> bool {
        true
    }

    fn is_outdated(&self) -> bool {
        self.files.have_changed()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

fn open(options: &Options, environment: &Environment) -> Result<Arc<dyn Store>> {
    let mut files = WatchedFiles::default();
    let keys = sealing::keys(options, environment, &mut files)?;
    let settings = Settings::read(options, environment)?;
    let connection = match settings.dialect {
        #[cfg(feature = "postgres")]
        Dialect::PostgreSql | Dialect::H2 => {
            Connection::Postgres(postgres::Postgres::open(&settings, &mut files)?)
        }
        #[cfg(feature = "mysql")]
        Dialect::MySql => Connection::MySql(mysql::MySql::open(&settings, &mut files)?),
        #[cfg(not(all(feature = "postgres", feature = "mysql")))]
        other => {
            let what = format!("this build of Strongroom has no client for {}", other.title());
            return Err(Error::new(ErrorKind::Unsupported, what)
                .with_hint("Use the wheel that is published, or build it with its feature"));
        }
    };
    Ok(Arc::new(Jdbc { settings, connection, keys, files }))
}

/// What can never work. A missing address is an error of lookups, since the variable may be set in other
/// processes only.
fn check_options(options: &Options, environment: &Environment) -> Result<()> {
    sealing::check(options, environment)?;
    match settings::written(options, environment) {
        Some(_) => Settings::read(options, environment).map(drop),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_record_or_says_what_it_is_not() {
        let row = |columns: [Option<&str>; 6]| {
            columns.iter().map(|column| column.map(str::to_owned)).collect::<Row>()
        };
        let whole = [Some("variable"), Some("a"), Some("2"), Some("1"), Some("k"), Some("AA==")];
        let (name, read) = record(row(whole)).unwrap();
        assert_eq!((name.as_str(), read.unwrap().version), ("variable/a", 2));
        for place in 2..6 {
            let mut broken = whole;
            broken[place] = None;
            let (_, read) = record(row(broken)).unwrap();
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Malformed, "{place}");
        }
        assert!(record(vec![None]).is_none());
    }
}
