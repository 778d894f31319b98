//! The fields of a connection without their secret parts.
//!
//! `airflow connections list --show-values --hide-sensitive` of Airflow 3.3.2 masks the password, extra and
//! the credentials in the URI, and so does this. Misplaced parts are masked as well: if a secret is not a URI
//! at all, or one with an unescaped password, its parts end up in fields that are otherwise harmless.

use serde_json::{Map, Value as Shown, json};

use crate::value::Connection;
use crate::value::json::Value;

/// The replacement for a secret, as in Airflow.
pub(super) const MASK: &str = "***";

/// The fields by the names of `airflow connections get`. `secret` is the text that the connection was parsed
/// from: if it is neither JSON nor a URI, such as `user:password`, Airflow splits it into fields all the
/// same.
pub(super) fn fields(connection: &Connection, secret: &str) -> Map<String, Shown> {
    let is_sound = is_connection(secret) && connection.conn_type.as_str().is_some_and(is_word);
    let plain = |value: &Value, is_harmless: fn(&str) -> bool| match value {
        Value::Null => Shown::Null,
        Value::String(_) => match value.as_str() {
            Some(text) if text.is_empty() || (is_sound && is_harmless(text)) => json!(text),
            _ => json!(MASK),
        },
        _ => json!(MASK),
    };
    let has_database = connection.conn_type.as_str().is_some_and(is_of_database);
    let has_account = is_account(connection, has_database);
    let mut fields = Map::new();
    fields.insert("conn_type".to_owned(), plain(&connection.conn_type, is_word));
    fields.insert("description".to_owned(), plain(&connection.description, |text| !text.contains("://")));
    fields.insert("host".to_owned(), host(connection, is_sound));
    fields.insert(
        "schema".to_owned(),
        plain(&connection.schema, if has_database { is_database } else { is_protocol }),
    );
    fields.insert(
        "login".to_owned(),
        plain(&connection.login, if has_account { is_login } else { is_nothing }),
    );
    fields.insert("password".to_owned(), masked(&connection.password));
    let port = connection.port.as_i64().map(|port| if is_sound { json!(port) } else { json!(MASK) });
    fields.insert("port".to_owned(), port.unwrap_or_default());
    fields.insert("extra_dejson".to_owned(), extra(connection, is_sound));
    fields
}

/// Whether the text is JSON, or a URI whose credentials end where they should: with an unescaped `/`, `?` or
/// `#` in the password, there is an `@` after the host, and what seems to be host and port is the user and
/// the password.
fn is_connection(secret: &str) -> bool {
    let Some((_, rest)) = secret.split_once("://") else { return secret.trim_start().starts_with('{') };
    if secret.trim_start().starts_with('{') {
        return true;
    }
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    !rest.split_once(['/', '?', '#']).is_some_and(|(_, behind)| behind.contains('@'))
}

/// A protocol before the host is shown, but not a path after it: the path of a webhook is its secret.
fn host(connection: &Connection, is_sound: bool) -> Shown {
    let Some(text) = connection.host.as_str() else { return masked(&connection.host) };
    if text.is_empty() {
        return json!("");
    }
    let (protocol, rest) =
        text.split_once("://").map_or((None, text), |(protocol, rest)| (Some(protocol), rest));
    let name = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_whole = name.len() == rest.len();
    if !is_sound || !is_host(name) || !protocol.is_none_or(is_word) {
        return json!(MASK);
    }
    let protocol = protocol.map(|protocol| format!("{protocol}://")).unwrap_or_default();
    json!(format!("{protocol}{name}{}", if is_whole { "" } else { "/***" }))
}

/// The keys of extra without their values. With an unescaped `?` in the password a part of it becomes a key.
fn extra(connection: &Connection, is_sound: bool) -> Shown {
    let Ok(extra) = connection.extra_dejson() else { return json!(MASK) };
    let Some(members) = extra.as_object() else { return json!(MASK) };
    let keys = members.iter().enumerate().map(|(number, (key, value))| {
        // A key without a value may be a whole secret, such as a token after a question mark.
        let has_value = value.as_str() != Some("");
        let known = key.to_str().filter(|key| is_sound && has_value && is_word(key) && key.len() <= 64);
        (known.map_or_else(|| format!("key {}", number + 1), str::to_owned), json!(MASK))
    });
    Shown::Object(keys.collect())
}

fn masked(value: &Value) -> Shown {
    match value {
        Value::Null => Shown::Null,
        value if value.as_str() == Some("") => json!(""),
        _ => json!(MASK),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.+".contains(letter))
}

/// One host, or several separated by commas. What follows a colon must be a port: a password in that place is
/// not shown.
fn is_host(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || "-._\\".contains(letter);
    let is_named = |host: &str| {
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        name.chars().all(is_letter) && port.chars().all(|letter| letter.is_ascii_digit())
    };
    !text.is_empty() && text.len() <= 253 && text.split(',').all(|host| is_named(host) || is_address(host))
}

/// An IPv6 address, in brackets if a port may follow.
fn is_address(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (address, port) = bracketed.unwrap_or((host, ""));
    let port = port.strip_prefix(':').unwrap_or(port);
    address.parse::<std::net::Ipv6Addr>().is_ok() && port.chars().all(|letter| letter.is_ascii_digit())
}

/// Connection types whose schema is the name of a database. Otherwise it is the path of a URI, which is the
/// secret of a webhook; and a login without a password may be a token.
const DATABASES: [&str; 51] = [
    "athena",
    "cassandra",
    "clickhouse",
    "cloudant",
    "cockroachdb",
    "cosmos",
    "couchbase",
    "databricks",
    "db2",
    "dremio",
    "drill",
    "druid",
    "duckdb",
    "elasticsearch",
    "exasol",
    "firebird",
    "gcpcloudsql",
    "gcpcloudsqldb",
    "greenplum",
    "hana",
    "hive_cli",
    "hive_metastore",
    "hiveserver2",
    "impala",
    "influxdb",
    "informix",
    "jdbc",
    "kylin",
    "mariadb",
    "mongo",
    "mongodb",
    "mssql",
    "mysql",
    "neo4j",
    "odbc",
    "oracle",
    "pgvector",
    "pinot",
    "postgres",
    "postgresql",
    "presto",
    "redis",
    "redshift",
    "singlestore",
    "snowflake",
    "sqlserver",
    "teradata",
    "trino",
    "vertica",
    "ydb",
    "yugabyte",
];

/// Whether `conn_type` is one of these, possibly with a driver, such as `mysql+pymysql`.
fn is_of_database(conn_type: &str) -> bool {
    let name = conn_type.split('+').next().unwrap_or_default().to_ascii_lowercase().replace('-', "_");
    DATABASES.contains(&name.as_str())
}

/// Other connection types whose login is the name of an account. The login of a web service without a
/// password may be its token, as in `https://TOKEN@host`.
const ACCOUNTS: [&str; 24] = [
    "amqp", "amqps", "email", "ftp", "ftps", "hdfs", "imap", "imaps", "ldap", "ldaps", "livy", "mqtt",
    "pop3", "psrp", "rabbitmq", "samba", "sftp", "smb", "smtp", "smtps", "spark", "ssh", "webhdfs", "winrm",
];

/// Passwords that services require, or ignore, if the user name is a token.
const DUMMIES: [&str; 8] = ["x", "x-oauth-basic", "api_token", "none", "null", "unused", "-", "_"];

/// Whether the login is the name of an account and not a token.
fn is_account(connection: &Connection, has_database: bool) -> bool {
    let conn_type = connection.conn_type.as_str().map(str::to_ascii_lowercase).unwrap_or_default();
    let is_dummy = |text: &str| DUMMIES.contains(&text.to_ascii_lowercase().as_str());
    let has_password = connection.password.is_truthy() && !connection.password.as_str().is_some_and(is_dummy);
    has_database || has_password || ACCOUNTS.contains(&conn_type.as_str())
}

fn is_database(text: &str) -> bool {
    text.chars().all(|letter| letter.is_alphanumeric() || "_-.$ ".contains(letter))
}

/// The schema of a connection to a web server.
fn is_protocol(text: &str) -> bool {
    matches!(text, "http" | "https")
}

fn is_nothing(_: &str) -> bool {
    false
}

/// An account name, which the rest of an unescaped password usually is not.
fn is_login(text: &str) -> bool {
    text.chars().all(|letter| letter.is_alphanumeric() || "_-.@\\+ $".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::connection::parse;
    use crate::value::{Dialect, Text};

    fn shown(secret: &str) -> String {
        let connection = parse(&Text::from(secret), Dialect::default()).unwrap();
        Shown::Object(fields(&connection, secret)).to_string()
    }

    #[test]
    fn passwords_and_values_of_extra_are_masked() {
        insta::assert_snapshot!(shown("postgres://app:canary@db.example:5432/sales?sslmode=canary"), @r#"{"conn_type":"postgres","description":null,"host":"db.example","schema":"sales","login":"app","password":"***","port":5432,"extra_dejson":{"sslmode":"***"}}"#);
        insta::assert_snapshot!(shown(r#"{"conn_type": "http", "host": "https://hooks.example/canary/x", "extra": "canary no json"}"#.replace("canary no json", "{}").as_str()), @r#"{"conn_type":"http","description":null,"host":"https://hooks.example/***","schema":null,"login":null,"password":null,"port":null,"extra_dejson":{}}"#);
    }

    #[test]
    fn other_texts_show_nothing() {
        for secret in [
            "canary",
            "//canary",
            "canary:canary",
            "canary:/canary",
            "my_type://canary:canary@canary",
            "postgres://us/er:canary@host/db",
            "postgres://canary:123/canary@host/db",
            "postgres://us:123?canary=x@host/db",
            "postgres://us:123?a&canary@host/db",
            "user:123?canary=x",
            r#"{"conn_type": "http", "host": "user:canary"}"#,
            r#"{"conn_type": "http", "host": "h:1,user:canary"}"#,
            r#"{"conn_type": "http", "host": "[::1]:canary"}"#,
            r#"{"conn_type": "http", "description": "postgres://u:canary@h"}"#,
            r#"{"host": "canary", "login": ["canary"], "schema": "canary"}"#,
            r#"{"conn_type": "canary canary", "host": "canary"}"#,
        ] {
            let shown = shown(secret);
            assert!(!shown.contains("canary"), "{secret}: {shown}");
        }
    }

    #[test]
    fn a_path_is_shown_of_databases_alone_and_a_lonely_login_of_accounts() {
        for secret in [
            "https://hooks.example.com/services/T0/B0/canary",
            "https://hooks.example.com/canary",
            "http://hooks.example.com/https://h/canary",
            "slackwebhook://hooks.example.com/T0/B0/canary",
            "my-webhook://hooks.example.com/canary?x=y",
            "https://hooks.example.com/?canary",
            "https://hooks.example.com/?canary=",
            "https://canary@git.example.com/org/repository",
            "https://canary:@errors.example.com/7",
            "https://canary:x-oauth-basic@git.example.com/org/repository",
            "https://canary:X@api.example.com",
            "my-service://canary@api.example.com",
            r#"{"conn_type": "http", "host": "api.example.com", "login": "canary"}"#,
            r#"{"conn_type": "http", "host": "api.example.com", "login": "canary", "password": ""}"#,
            r#"{"conn_type": "http", "host": "hooks.example.com", "schema": "services/T0/canary"}"#,
            r#"{"conn_type": "http", "host": "https://hooks.example.com/canary", "schema": "https"}"#,
            "postgres://h/db/canary",
        ] {
            let shown = shown(secret);
            assert!(!shown.contains("canary"), "{secret}: {shown}");
        }
        for (secret, part) in [
            ("https://user:p@h/https", r#""schema":"https","login":"user""#),
            ("postgresql+psycopg2://app@h/sales", r#""schema":"sales","login":"app""#),
            ("smtp://u@mail.example:25", r#""login":"u""#),
            ("SFTP://u@files.example", r#""login":"u""#),
            ("https://user:x1@h", r#""login":"user""#),
            ("Hive-CLI://app@h/sales", r#""schema":"sales","login":"app""#),
        ] {
            let shown = shown(secret);
            assert!(shown.contains(part), "{secret}: {shown}");
        }
    }

    #[test]
    fn hosts_are_shown_with_their_ports() {
        for host in ["db.example", "a:9092,b:9092", "::1", "[fe80::1]:5432", "server\\sales", "h:"] {
            assert!(is_host(host), "{host}");
        }
    }
}
