//! Airflow's own answers in `tests/golden/connections.jsonl`, and rules that the file does not cover.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::value::json::{self as json_text, float_repr};

fn golden_lines() -> Vec<Object> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/connections.jsonl");
    let file = fs::read_to_string(path).unwrap();
    file.lines().map(|line| json_text::parse(&Text::from(line)).unwrap().into_object().unwrap()).collect()
}

/// Python's `repr`, as far as the golden file needs it.
fn python_repr(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "None".into(),
        Value::Bool(boolean) => if *boolean { "True" } else { "False" }.into(),
        Value::Int(integer) => integer.to_decimal().into_owned(),
        Value::Float(float) => float_repr(*float),
        Value::String(text) => python_repr_of_text(text),
        Value::Array(items) => format!("[{}]", list(items.iter().map(python_repr).collect())),
        Value::Object(members) => {
            let member = |(key, value): &(Text, Value)| {
                format!("{}: {}", python_repr_of_text(key), python_repr(value))
            };
            format!("{{{}}}", list(members.iter().map(member).collect()))
        }
    }
}

fn python_repr_of_text(text: &Text) -> String {
    let mut repr = String::from("'");
    for code_point in text.code_points() {
        match char::from_u32(code_point) {
            Some(character) => repr.push(character),
            None => write!(repr, "\\u{code_point:04x}").unwrap(),
        }
    }
    repr + "'"
}

/// The expected value, compared by its Python text where JSON cannot hold it.
fn matches(ours: &Value, expected: &Value) -> bool {
    match expected.as_object().and_then(|object| object.get("$python_repr")) {
        Some(repr) => repr.as_str() == Some(&python_repr(ours)),
        None => ours == expected,
    }
}

fn check_fields(connection: &Connection, expected: &Object, case: &str) {
    let fields = [
        ("conn_type", &connection.conn_type),
        ("login", &connection.login),
        ("password", &connection.password),
        ("host", &connection.host),
        ("port", &connection.port),
        ("schema", &connection.schema),
        ("description", &connection.description),
        ("extra", &connection.extra),
    ];
    assert_eq!(fields.len() + 1, expected.len(), "{case}");
    for (name, ours) in fields {
        assert!(matches(ours, expected.get(name).unwrap()), "{case}: {name} is {}", python_repr(ours));
    }
}

/// Which of Airflow's messages corresponds to which of our errors.
fn is_same_cause(error: &ConnectionError, message: &str) -> bool {
    use ConnectionError::*;
    match error {
        TooManyProtocols | ProtocolAfterCredentials => message.contains("Invalid connection string"),
        UnpairedBracket => message.contains("Invalid IPv6 URL"),
        BracketedHost => message.contains("does not appear to be an IPv4 or IPv6 address"),
        AmbiguousHost => message.contains("under NFKC normalization"),
        UriPort => message.contains("Port could not be cast"),
        UriPortRange => message.contains("Port out of range"),
        Json(_) => message.starts_with("JSONDecodeError"),
        UnknownKey { .. } => message.starts_with("TypeError") && message.contains("keyword argument"),
        FieldType { .. } => message.starts_with("TypeError"),
        Port => message.contains("Expected integer value for `port`") || message.starts_with("OverflowError"),
        UriAndFields => message.contains("You must create an object using the URI or individual values"),
        ExtraType { .. } => message.contains("does not parse as a dictionary"),
        ExtraJson(_) => message.contains("non-JSON"),
        Surrogate { .. } => message.starts_with("UnicodeEncodeError"),
        Empty => message.starts_with("IndexError"),
        QueryValue(_) | ExtraTwice | NotReadBack { .. } => false,
    }
}

fn check_golden(input: &Text, answer: &Object, dialect: Dialect, case: &str) {
    let expected = answer.get("result").unwrap().as_object().unwrap();
    let connection = match (parse(input, dialect), expected.get("error")) {
        (Ok(connection), None) => connection,
        (Err(error), Some(message)) => {
            assert!(
                is_same_cause(&error, message.as_str().unwrap()),
                "{case}: {error} {}",
                message.as_str().unwrap()
            );
            return;
        }
        (ours, _) => panic!("{case}: {ours:?}"),
    };
    check_fields(&connection, expected, case);
    match (connection.extra_dejson(), answer.contains_key("extra_dejson_error")) {
        (Ok(ours), false) => {
            assert!(matches(&ours, expected.get("extra_dejson").unwrap()), "{case}: extra_dejson");
        }
        (ours, must_fail) => assert!(must_fail && ours.is_err(), "{case}: extra_dejson"),
    }
    match (connection.get_uri(), answer.contains_key("get_uri_error")) {
        (Ok(uri), false) => assert_eq!(answer.get("get_uri").unwrap().as_str(), uri.to_str(), "{case}"),
        (ours, must_fail) => assert!(must_fail && ours.is_err(), "{case}: get_uri"),
    }
}

#[test]
fn answers_as_airflow_does() {
    let lines = golden_lines();
    assert_eq!(lines.len(), 275);
    for line in &lines {
        let input = line.get("input").unwrap().as_text().unwrap();
        for dialect in [Dialect::Airflow33, Dialect::TaskSdk13, Dialect::Airflow211] {
            let answer = line.get(dialect.as_str()).unwrap().as_object().unwrap();
            check_golden(input, answer, dialect, &format!("{dialect} {}", python_repr_of_text(input)));
        }
    }
}

fn read(text: &str, dialect: Dialect) -> Result<Connection, ConnectionError> {
    parse(&Text::from(text), dialect)
}

#[test]
fn dialects_have_names() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.to_string().parse(), Ok(dialect));
    }
    assert_eq!(Dialect::default(), Dialect::Airflow33);
    assert_eq!("airflow".parse::<Dialect>(), Err(UnknownDialect));
}

#[test]
fn airflow_3_0_keeps_query_text_and_insists_on_objects() {
    let connection = read("mysql://h?a=1&b=true", Dialect::Airflow30).unwrap();
    assert_eq!(connection.extra.as_str(), Some(r#"{"a": "1", "b": "true"}"#));
    assert_eq!(connection.get_uri().unwrap(), Text::from("mysql://h/?a=1&b=true"));
    let error = read("mysql://h?__extra__=[1]", Dialect::Airflow30).unwrap_err();
    assert_eq!(error, ConnectionError::ExtraType { found: "list" });
    assert!(read(r#"{"team_name": "x"}"#, Dialect::Airflow30).is_err());
}

#[test]
fn nothing_but_white_space_is_an_error() {
    for text in ["", " \n", "\u{3000}\u{85}"] {
        assert_eq!(read(text, Dialect::default()).unwrap_err(), ConnectionError::Empty);
    }
}

#[test]
fn what_python_refuses_for_its_size_is_an_error_and_not_text() {
    let digits = "1".repeat(5000);
    let deep = "[".repeat(5000);
    for value in [&digits, &deep] {
        let error = read(&format!("mysql://h?a={value}"), Dialect::Airflow33).unwrap_err();
        assert!(matches!(error, ConnectionError::QueryValue(_)));
        assert!(read(&format!("mysql://h?a={value}"), Dialect::TaskSdk13).is_ok());
        let raw = format!("mysql://h?__extra__={value}");
        assert!(matches!(read(&raw, Dialect::Airflow211).unwrap_err(), ConnectionError::ExtraJson(_)));
        let connection = read(&raw, Dialect::TaskSdk13).unwrap();
        assert!(connection.extra_dejson().is_err() && connection.get_uri().is_err());
    }
}

#[test]
fn uri_inside_json_follows_each_class() {
    let described = r#"{"uri": "mysql://u@h", "description": "d"}"#;
    let connection = read(described, Dialect::Airflow33).unwrap();
    assert_eq!((connection.login.as_str(), connection.description.as_str()), (Some("u"), Some("d")));
    assert_eq!(read(described, Dialect::TaskSdk13).unwrap_err(), ConnectionError::UriAndFields);
    assert!(read(r#"{"uri": "", "host": "h"}"#, Dialect::Airflow33).is_ok());
    assert!(read(r#"{"uri": "mysql://h", "port": "0"}"#, Dialect::Airflow33).is_ok());
    assert_eq!(
        read(r#"{"uri": "mysql://h", "port": "0"}"#, Dialect::TaskSdk13),
        Err(ConnectionError::UriAndFields)
    );
    assert!(read(r#"{"uri": null, "host": "h"}"#, Dialect::TaskSdk13).is_ok());
    assert_eq!(read(r#"{"uri": ""}"#, Dialect::TaskSdk13).unwrap().conn_type.as_str(), Some(""));
    assert!(read(r#"{"uri": ["://"]}"#, Dialect::Airflow33).is_err());
}

#[test]
fn builds_from_fields() {
    let fields = |text: &str| json_text::parse(&Text::from(text)).unwrap().into_object().unwrap();
    let build = |text: &str| build_uri_from_fields(&fields(text), Dialect::Airflow33);
    let text = r#"{"conn_type": "aws_x", "login": "a/b", "password": "p@", "host": "https://h", "port": 1,
        "schema": "s t", "extra": {"region": "eu west"}}"#;
    assert_eq!(build(text).unwrap(), Text::from("aws-x://https://a%2Fb:p%40@h:1/s%20t?region=eu+west"));
    assert_eq!(
        build(r#"{"extra_dejson": {"a": 1}}"#).unwrap(),
        Text::from("///?__extra__=%7B%22a%22%3A+1%7D")
    );
    assert_eq!(
        build(r#"{"extra_dejson": {"a": 1}, "extra": "{\"b\": 2}"}"#),
        Err(ConnectionError::ExtraTwice)
    );
    for (text, field) in [
        (r#"{"conn_type": "x", "host": "h", "description": "d"}"#, "description"),
        (r#"{"conn_type": "my type", "host": "h"}"#, "conn_type"),
        (r#"{"conn_type": "x", "host": "h", "schema": "/a"}"#, ""),
        (r#"{"conn_type": "x", "host": "H"}"#, "host"),
        (r#"{"conn_type": "PostgreSQL", "host": "h", "login": "", "port": "5432"}"#, ""),
    ] {
        match build(text) {
            Ok(_) => assert_eq!(field, "", "{text}"),
            Err(error) => assert_eq!(error, ConnectionError::NotReadBack { field }, "{text}"),
        }
    }
    assert!(build(r#"{"user": "x"}"#).unwrap_err().to_string().contains("'user'"));
    assert!(matches!(build(r#"{"host": 5}"#), Err(ConnectionError::FieldType { field: "host", .. })));
}

#[test]
fn no_message_shows_the_secret() {
    const CANARY: &str = "canary";
    for text in [
        "a://canary@b://c://d",
        "http://canary:x@https://h",
        "mysql://u:canary/x@h",
        "mysql://[canary]",
        "mysql://[canary",
        "mysql://canary\u{2100}",
        "mysql://h:canary",
        "mysql://h?__extra__=canary",
        "mysql://h?__extra__=[\"canary\"]",
        "{canary",
        r#"{"canary": 1"#,
        r#"{"canary!": 1}"#,
        r#"{"port": "canary"}"#,
        r#"{"password": ["canary"]}"#,
        r#"{"extra": "canary"}"#,
        r#"{"password": "canary\ud83d"}"#,
    ] {
        let error = read(text, Dialect::Airflow33).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(CANARY), "{text}");
    }
    let connection = read("canary://canary:canary@canary/canary?canary=canary", Dialect::TaskSdk13).unwrap();
    assert!(!format!("{connection:?} {connection:#?}").contains(CANARY));
    let long = format!("{{\"{}\": 1}}", "k".repeat(65));
    assert_eq!(read(&long, Dialect::Airflow33), Err(ConnectionError::UnknownKey { key: None }));
}

fn text_field() -> impl Strategy<Value = String> {
    "[ -~é€😀]{1,12}"
}

proptest! {
    #[test]
    fn never_panics(text in "[a-z:/@\\[\\]?#&=%+.0-9\\PC\t\n]{0,40}") {
        for dialect in Dialect::ALL {
            if let Ok(connection) = read(&text, dialect) {
                let _ = (connection.get_uri(), connection.extra_dejson());
            }
        }
    }

    #[test]
    fn extra_is_the_same_whether_it_is_read_again_or_not(
        query in "(a|%C3|é|=|&|b|%22|%5B|1e400|-0|NaN|\\[|\\{|\"|1|,|:|\\]|\\}|\\\\ud83d|\\\\ude00){0,12}",
        halves in proptest::bool::ANY,
    ) {
        let mut uri = format!("a://h?{query}").into_bytes();
        if halves {
            // A surrogate pair as two characters, which only Python can write.
            uri.extend_from_slice(b"&a=\xED\xA0\xBD\xED\xB8\x80");
        }
        let uri = Text::from_utf8_surrogatepass(uri).unwrap();
        for dialect in Dialect::ALL {
            if let Ok((connection, extra)) = parse_with_extra(&uri, dialect) {
                let again = connection.extra_dejson();
                prop_assert_eq!(extra.is_ok(), again.is_ok());
                // NaN is not equal to itself, but its text is.
                let text = |value: Result<Value, _>| value.ok().map(|value| json_text::write(&value));
                prop_assert!(text(extra) == text(again));
            }
        }
    }

    #[test]
    fn json_never_panics(key in "conn_type|login|password|host|port|schema|extra|uri|x",
        value in "[\\[\\]{}\",:0-9eE.\\-a-z]{0,20}") {
        for dialect in Dialect::ALL {
            if let Ok(connection) = read(&format!("{{\"{key}\": {value}}}"), dialect) {
                let _ = (connection.get_uri(), connection.extra_dejson());
            }
        }
    }

    #[test]
    fn reads_back_the_uri_it_builds(
        login in text_field(), password in text_field(), host in "[a-z0-9.-]{1,20}", port in 1_i64..65_536,
        schema in text_field(), key in "[a-z]{1,8}", value in text_field(),
    ) {
        prop_assume!(!host.contains("://"));
        let extra = Value::Object(Object::from_iter([(Text::from(key), Value::from(value))]));
        let fields = [
            ("conn_type", Value::from("mysql")), ("login", Value::from(login)), ("password",
                Value::from(password)),
            ("host", Value::from(host)), ("port", Value::from(port)), ("schema", Value::from(schema)),
                ("extra", extra),
        ];
        let fields = Object::from_iter(fields.map(|(name, value)| (Text::from(name), value)));
        let connection = Connection::from_fields(&fields, Dialect::TaskSdk13).unwrap();
        let again = parse(&connection.get_uri().unwrap(), Dialect::TaskSdk13).unwrap();
        prop_assert!(again == connection);
    }
}
