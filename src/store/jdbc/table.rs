//! The table with the sealed values: its name, its columns, and the statements that read it.

use std::fmt::Write;

use crate::error::{Error, Result};
use crate::store::kit::database_url::Dialect;

use super::config::TABLE;

/// The longest name that all of them can have.
const LONGEST: usize = 63;

/// The name of the table, perhaps with that of its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table(Vec<String>);

impl Table {
    /// Letters, digits and underscores, with at most one dot.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let is_name = |part: &&str| (1..=LONGEST).contains(&part.len()) && part.chars().all(is_letter);
        let parts: Vec<_> = text.split('.').collect();
        if parts.len() > 2 || !parts.iter().all(is_name) {
            return Err(Error::config("`table` is not a name of a table that can be used")
                .with_hint("Letters, digits and underscores, and a schema with a dot before it if needed"));
        }
        Ok(Self(parts.into_iter().map(str::to_owned).collect()))
    }

    /// The one where none is named.
    pub(super) fn usual() -> Self {
        Self(vec![TABLE.default_text().to_owned()])
    }

    /// As it is written in messages.
    pub(super) fn shown(&self) -> String {
        self.0.join(".")
    }

    /// As it is written in a statement.
    pub(super) fn quoted(&self, dialect: Dialect) -> String {
        let quote = if dialect == Dialect::MySql { '`' } else { '"' };
        let parts: Vec<_> = self.0.iter().map(|part| format!("{quote}{part}{quote}")).collect();
        parts.join(".")
    }
}

/// A statement with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    dialect: Dialect,
    pub(super) text: String,
    /// Empty for MySQL: there they are in the text, in hexadecimal, which takes one round trip less than a
    /// prepared statement and cannot be misread in any mode of the server.
    pub(super) parameters: Vec<String>,
}

impl Statement {
    pub(super) fn new(dialect: Dialect, text: impl Into<String>) -> Self {
        Self { dialect, text: text.into(), parameters: Vec::new() }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A value at this place.
    fn value(&mut self, value: &str) {
        let written = match self.dialect {
            Dialect::MySql => literal(value),
            Dialect::PostgreSql | Dialect::H2 => {
                self.parameters.push(value.to_owned());
                // H2 does not derive the type of a parameter everywhere.
                let place = self.parameters.len();
                if self.dialect == Dialect::H2 {
                    format!("CAST(${place} AS VARCHAR)")
                } else {
                    format!("${place}")
                }
            }
        };
        self.push(&written);
    }
}

fn literal(value: &str) -> String {
    let mut digits = String::with_capacity(2 * value.len());
    for byte in value.bytes() {
        // Writing into a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    if digits.is_empty() { "''".to_owned() } else { format!("_utf8mb4 x'{digits}' COLLATE utf8mb4_bin") }
}

/// A column as text.
fn column(dialect: Dialect, expression: &str) -> String {
    match dialect {
        Dialect::PostgreSql => format!("CAST({expression} AS text)"),
        Dialect::MySql => expression.to_owned(),
        // Texts in binary are what it cannot send.
        Dialect::H2 => format!("STRINGTOUTF8(CAST({expression} AS VARCHAR))"),
    }
}

fn seconds(dialect: Dialect, expression: &str) -> String {
    match dialect {
        Dialect::MySql => format!("FLOOR(UNIX_TIMESTAMP({expression}))"),
        Dialect::PostgreSql | Dialect::H2 => {
            format!("CAST(FLOOR(EXTRACT(EPOCH FROM {expression})) AS bigint)")
        }
    }
}

/// What opens a value.
pub(super) const SEALED: [&str; 6] = ["kind", "name", "version", "format", "key_id", "sealed"];

fn select(dialect: Dialect, table: &Table, expressions: &[String]) -> Statement {
    let columns: Vec<_> = expressions.iter().map(|expression| column(dialect, expression)).collect();
    let text = format!("SELECT {} FROM {} s WHERE ", columns.join(", "), table.quoted(dialect));
    Statement::new(dialect, text)
}

fn newest(statement: &mut Statement, table: &Table) {
    let table = table.quoted(statement.dialect);
    statement.push(&format!(
        " AND s.version = (SELECT MAX(n.version) FROM {table} n WHERE n.kind = s.kind AND n.name = s.name)"
    ));
}

/// The newest versions of these names, each a kind and a name, but for those that are deleted.
pub(super) fn reading(dialect: Dialect, table: &Table, names: &[(&str, &str)]) -> Statement {
    let mut statement = select(dialect, table, &SEALED.map(|column| format!("s.{column}")));
    let mut kinds: Vec<_> = names.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    statement.push("(");
    for (place, kind) in kinds.into_iter().enumerate() {
        statement.push(if place == 0 { "(s.kind = " } else { " OR (s.kind = " });
        statement.value(kind);
        statement.push(" AND s.name IN (");
        let of_kind = names.iter().filter(|(of, _)| *of == kind);
        for (place, (_, name)) in of_kind.enumerate() {
            statement.push(if place == 0 { "" } else { ", " });
            statement.value(name);
        }
        statement.push("))");
    }
    statement.push(") AND s.deleted_at IS NULL");
    newest(&mut statement, table);
    statement
}

/// What a description is made of.
fn described(dialect: Dialect) -> Vec<String> {
    let columns = ["kind", "name", "version", "key_id", "tags"].map(|column| format!("s.{column}"));
    let moments = ["created_at", "updated_at", "deleted_at"];
    columns.into_iter().chain(moments.map(|column| seconds(dialect, &format!("s.{column}")))).collect()
}

/// The newest version of one name, deleted or not.
pub(super) fn describing(dialect: Dialect, table: &Table, kind: &str, name: &str) -> Statement {
    let mut statement = select(dialect, table, &described(dialect));
    statement.push("s.kind = ");
    statement.value(kind);
    statement.push(" AND s.name = ");
    statement.value(name);
    newest(&mut statement, table);
    statement
}

/// How many secrets a page of a listing has.
pub(super) const PAGE: usize = 1000;

/// The newest versions of one kind whose names begin with `prefix`, after the name `after`.
pub(super) fn listing(
    dialect: Dialect,
    table: &Table,
    kind: &str,
    prefix: &str,
    after: Option<&str>,
) -> Statement {
    let mut statement = select(dialect, table, &described(dialect));
    statement.push("s.kind = ");
    statement.value(kind);
    if !prefix.is_empty() {
        statement.push(" AND s.name LIKE ");
        statement.value(&format!("{}%", escaped(prefix)));
        statement.push(" ESCAPE '!'");
    }
    if let Some(after) = after {
        statement.push(" AND s.name > ");
        statement.value(after);
    }
    statement.push(" AND s.deleted_at IS NULL");
    newest(&mut statement, table);
    statement.push(&format!(" ORDER BY s.name LIMIT {PAGE}"));
    statement
}

fn escaped(prefix: &str) -> String {
    prefix.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// The statements that make the table. The store itself never does.
pub(super) fn schema(dialect: Dialect, table: &Table) -> String {
    let quoted = table.quoted(dialect);
    match dialect {
        Dialect::PostgreSql => format!(
            "CREATE TABLE {quoted} (
    kind text NOT NULL CHECK (kind IN ('connection', 'variable', 'config')),
    name text COLLATE \"C\" NOT NULL CHECK (length(name) <= 512),
    version bigint NOT NULL CHECK (version > 0),
    format integer NOT NULL,
    key_id text NOT NULL,
    sealed text NOT NULL,
    tags jsonb NOT NULL DEFAULT '{{}}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (kind, name, version)
);
"
        ),
        Dialect::MySql => format!(
            "CREATE TABLE {quoted} (
    kind varchar(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    version bigint NOT NULL,
    format integer NOT NULL,
    key_id varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    sealed longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    tags json,
    created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    deleted_at timestamp NULL,
    PRIMARY KEY (kind, name, version)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
"
        ),
        Dialect::H2 => format!(
            "CREATE TABLE {quoted} (
    \"kind\" varchar(16) NOT NULL,
    \"name\" varchar(512) NOT NULL,
    \"version\" bigint NOT NULL,
    \"format\" integer NOT NULL,
    \"key_id\" varchar(64) NOT NULL,
    \"sealed\" varchar NOT NULL,
    \"tags\" varchar DEFAULT '{{}}' NOT NULL,
    \"created_at\" timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    \"updated_at\" timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    \"deleted_at\" timestamp with time zone,
    PRIMARY KEY (\"kind\", \"name\", \"version\")
);
"
        ),
    }
}

/// What allows a user to read it and nothing else, or to change it as well.
pub(super) fn grant(dialect: Dialect, table: &Table, user: &str, manages: bool) -> String {
    let quote = if dialect == Dialect::MySql { '`' } else { '"' };
    let doubled = user.replace(quote, &format!("{quote}{quote}"));
    let rights = if manages { "SELECT, INSERT, UPDATE, DELETE" } else { "SELECT" };
    format!("GRANT {rights} ON {} TO {quote}{doubled}{quote};\n", table.quoted(dialect))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::parse("vault.secrets").unwrap()
    }

    #[test]
    fn a_table_has_a_plain_name() {
        assert_eq!(table().quoted(Dialect::MySql), "`vault`.`secrets`");
        assert_eq!(table().quoted(Dialect::H2), "\"vault\".\"secrets\"");
        for text in ["", ".", "a.", "a.b.c", "a b", "a\"b", "a;", "é", &*"n".repeat(64)] {
            assert!(Table::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_parameters_or_hexadecimal() {
        let names = [("variable", "it's"), ("connection", "a"), ("variable", "b")];
        let statement = reading(Dialect::PostgreSql, &table(), &names);
        assert_eq!(statement.parameters, ["connection", "a", "variable", "it's", "b"]);
        assert!(
            statement
                .text
                .contains("(s.kind = $1 AND s.name IN ($2)) OR (s.kind = $3 AND s.name IN ($4, $5))")
        );
        let statement = reading(Dialect::MySql, &table(), &names);
        assert!(statement.parameters.is_empty() && !statement.text.contains("it's"));
        assert!(statement.text.contains("_utf8mb4 x'69742773' COLLATE utf8mb4_bin"), "{}", statement.text);
    }

    #[test]
    fn a_prefix_is_taken_as_it_is() {
        let statement = listing(Dialect::PostgreSql, &table(), "config", "100%_!/", Some("b"));
        assert_eq!(statement.parameters, ["config", "100!%!_!!/%", "b"]);
        assert!(statement.text.ends_with("ORDER BY s.name LIMIT 1000"));
        assert_eq!(listing(Dialect::H2, &table(), "config", "", None).parameters, ["config"]);
    }

    #[test]
    fn every_column_that_is_read_is_in_the_table() {
        for dialect in [Dialect::PostgreSql, Dialect::MySql, Dialect::H2] {
            let schema = schema(dialect, &table());
            for column in SEALED.iter().chain(&["tags", "created_at", "updated_at", "deleted_at"]) {
                let is_there = |line: &str| line.trim().trim_start_matches('"').starts_with(column);
                assert!(schema.lines().any(is_there), "{column} of {dialect:?}");
            }
        }
        assert_eq!(
            grant(Dialect::PostgreSql, &table(), "a\"b", false),
            "GRANT SELECT ON \"vault\".\"secrets\" TO \"a\"\"b\";\n"
        );
    }
}
