//! `strongroom jdbc schema`: the statements that make the table and let a user read it. Makes no call.

use crate::error::{Error, Result};
use crate::store::environment::Environment;
use crate::store::kit::database_url::Dialect;
use crate::store::options::Options;
use crate::store::tools::{Guide, GuideRequest, GuideStep, GuideSteps, Guides};
use crate::value::Text;
use crate::value::json::Value;

use super::policy::table;
use super::settings;
use super::table::{Table, grant, schema};

/// What is printed of this store.
pub(super) const GUIDES: Guides = Guides {
    about: "The table of sealed values in a database: print its statements",
    long_about: "The table of sealed values in a database: print its statements.\n\nMakes no call, and no \
    backend ever makes a table: run the statements as a user who may.",
    examples: "Examples:\n  strongroom jdbc schema\n  strongroom jdbc schema --print-commands --role-name \
    airflow_reader | psql DATABASE\n  strongroom jdbc schema --mount mysql",
    all: &[Guide {
        word: "schema",
        about: "The statements of the table, and of a grant to read it",
        long_about: "The statements of the table, and of a grant to read it.\n\n`--mount` is the database: \
        postgresql, mysql, mariadb or h2; without it that of the configured `url`, or all of them. \
        `--role-name` is the user who may read. Makes no call.",
        name,
        write,
    }],
};

/// The user who may read.
fn name(asked: Option<&str>, manages: bool) -> Result<String> {
    let name = asked.unwrap_or(if manages { "airflow_manage" } else { "airflow" });
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Error::config("`--role-name` is not a name that can be used"));
    }
    Ok(name.to_owned())
}

fn write(request: &GuideRequest<'_>) -> GuideSteps {
    let configured = request.configured;
    let asked = request.account.and_then(Dialect::of_word);
    let of_url = configured.and_then(|(options, environment)| dialect(options, environment));
    let every = [Dialect::PostgreSql, Dialect::MySql, Dialect::H2];
    let dialects = asked.or(of_url).map_or_else(|| every.to_vec(), |dialect| vec![dialect]);
    let table = configured.map_or_else(Table::usual, |(options, _)| table(options));
    let manages = request.policy.contains("INSERT");
    let statements = |dialect| {
        let (make, allow) = purposes(dialect);
        [(make, schema(dialect, &table)), (allow, grant(dialect, &table, request.name, manages))]
    };
    let steps = dialects.into_iter().flat_map(statements);
    let step =
        |(purpose, text): (&'static str, String)| GuideStep { purpose, command: text.trim_end().to_owned() };
    GuideSteps { steps: steps.map(step).collect(), options: kwargs(request) }
}

fn dialect(options: &Options, environment: &Environment) -> Option<Dialect> {
    settings::written(options, environment)?.ok().map(|url| url.dialect)
}

const fn purposes(dialect: Dialect) -> (&'static str, &'static str) {
    match dialect {
        Dialect::PostgreSql => ("the table in PostgreSQL", "who may read it; the user has to exist"),
        Dialect::MySql => {
            ("the table in MySQL or MariaDB", "who may read it, from any host; the user has to exist")
        }
        Dialect::H2 => ("the table in H2", "who may read it; the user has to exist"),
    }
}

fn kwargs(request: &GuideRequest<'_>) -> Vec<(String, Value)> {
    let text = |text: &str| Value::String(Text::from(text));
    if !request.written.is_empty() {
        return request.written.clone();
    }
    vec![
        ("url".to_owned(), text("jdbc:postgresql://HOST:5432/DATABASE")),
        ("username".to_owned(), text(request.name)),
        ("sealing_key_file".to_owned(), text("/etc/airflow/sealing.key")),
    ]
}
