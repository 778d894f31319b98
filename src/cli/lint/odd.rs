//! Values that Airflow silently reads as something other than what was written.

use crate::value::connection::{Connection, parse};
use crate::value::{Dialect, Text, Value};

type Found = (&'static str, String);

/// What is odd about the text of a connection. Nothing of it is shown.
pub(in crate::cli) fn found(text: &str, dialect: Dialect) -> Vec<Found> {
    let connection = parse(&Text::from(text), dialect).ok();
    let found = [hosts(text), line_break(text, connection.as_ref()), percent(text, connection.as_ref())];
    found.into_iter().flatten().collect()
}

/// Why a connection has no type.
pub(super) fn typeless(text: &str) -> String {
    let scheme = text.trim_start().split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.contains('_') {
        return "there is no connection type, since the scheme of a URI cannot hold `_`: write `-` in its \
        place, which Airflow reads as `_`"
            .to_owned();
    }
    "there is no connection type, so no hook can be picked".to_owned()
}

/// The part of a URI between `://` and what follows the host; `None` for JSON.
fn authority(text: &str) -> Option<&str> {
    let text = text.trim();
    let (_, rest) = text.split_once("://").filter(|_| !text.starts_with('{'))?;
    // A second protocol may come before the host.
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next()
}

fn hosts(text: &str) -> Option<Found> {
    let host = authority(text)?.rsplit('@').next()?;
    host.contains(',').then(|| {
        let text = "the URI names several hosts, which Airflow reads as one host or a wrong port: store \
        JSON, with the hosts in `host` and one `port`, as the hook wants them";
        ("several_hosts", text.to_owned())
    })
}

/// Airflow strips a line break at the end of the text, but not at the end of a field.
fn line_break(text: &str, connection: Option<&Connection>) -> Option<Found> {
    if text.ends_with(['\n', '\r']) {
        let text = "the secret ends in a line break, which Airflow strips from a connection and other \
        readers do not: store it without, such as with `printf %s`";
        return Some(("line_break", text.to_owned()));
    }
    let fields = fields(connection?);
    let (name, _) = fields.into_iter().find(|(_, value)| ends_in_line_break(value))?;
    Some(("line_break", format!("`{name}` ends in a line break, which is a part of it to Airflow")))
}

fn ends_in_line_break(value: &Value) -> bool {
    value.as_text().is_some_and(|text| text.as_bytes().ends_with(b"\n") || text.as_bytes().ends_with(b"\r"))
}

/// An escape such as `%CA` represents a byte that is not a character on its own, so it was hardly intended as
/// one.
fn percent(text: &str, connection: Option<&Connection>) -> Option<Found> {
    const REPLACED: &str = "\u{fffd}";
    authority(text)?;
    let is_replaced = |value: &Value| value.as_str().is_some_and(|value| value.contains(REPLACED));
    let fields = fields(connection?);
    let (name, _) = fields.into_iter().find(|(_, value)| is_replaced(value) && !text.contains(REPLACED))?;
    let text = format!(
        "`{name}` holds a `%` that Airflow reads as an escape of a byte that is no letter, so that it \
        becomes another value: write `%` as `%25`"
    );
    Some(("percent", text))
}

fn fields(connection: &Connection) -> [(&'static str, &Value); 4] {
    [
        ("login", &connection.login),
        ("password", &connection.password),
        ("host", &connection.host),
        ("schema", &connection.schema),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(text: &str) -> Vec<&'static str> {
        let found = found(text, Dialect::Airflow33);
        assert!(!format!("{found:?}").contains("canary"), "{found:?}");
        found.into_iter().map(|(check, _)| check).collect()
    }

    #[test]
    fn what_becomes_something_else_is_found() {
        for (text, expected) in [
            ("postgres://u:canary@h/db", &[][..]),
            ("mongo://u:canary@h1:27017,h2:27017/db", &["several_hosts"]),
            ("kafka://h1,h2", &["several_hosts"]),
            ("http://u:canary,x@h", &[]),
            ("http://https://h1,h2/x", &["several_hosts"]),
            ("postgres://u:canary@h\n", &["line_break"]),
            (r#"{"conn_type": "http", "password": "canary\n"}"#, &["line_break"]),
            ("postgres://u:canary%CAx@h", &["percent"]),
            ("postgres://u:canary%C3%A9@h", &[]),
            (r#"{"conn_type": "http", "host": "a,b", "password": "%CA"}"#, &[]),
            ("{canary", &[]),
        ] {
            assert_eq!(checks(text), expected, "{text}");
        }
    }

    #[test]
    fn an_underscore_in_the_scheme_is_named() {
        assert!(typeless("my_type://h").contains("cannot hold `_`"));
        assert!(!typeless("canary_canary").contains("canary"));
    }
}
