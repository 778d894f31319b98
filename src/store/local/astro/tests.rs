//! The results of reading Astro's settings file.

use super::*;

fn settings(yaml: &str) -> Result<Settings> {
    Settings::parse(Path::new("airflow_settings.yaml"), yaml, false)
}

fn shown(answer: Option<Result<SecretValue>>) -> String {
    match answer {
        None => "absent".to_owned(),
        Some(Ok(value)) if value.is_structured() => format!("<{}>", value.expose()),
        Some(Ok(value)) => value.expose().to_owned(),
        Some(Err(error)) => format!("error: {error}"),
    }
}

/// The connection `c` with these lines.
fn connection(lines: &[&str]) -> String {
    let lines = lines.iter().fold(String::new(), |yaml, line| yaml + "      " + line + "\n");
    let yaml = format!("airflow:\n  connections:\n    - conn_id: c\n{lines}");
    settings(&yaml)
        .map_or_else(|error| format!("error: {error}"), |settings| shown(settings.connections.get("c")))
}

#[test]
fn fields_become_connection_json() {
    let lines = [
        "conn_type: postgres",
        "conn_host: h.example",
        "conn_schema: db",
        "conn_login: me",
        "conn_password: 0123",
        "conn_port: 5432",
        "conn_extra: {sslmode: require, retries: 3}",
    ];
    insta::assert_snapshot!(connection(&lines), @r#"{"conn_type": "postgres", "host": "h.example", "login": "me", "password": "0123", "schema": "db", "port": "5432", "extra": "{\"sslmode\": \"require\", \"retries\": 3}"}"#);
}

#[test]
fn extra_may_be_json_text() {
    insta::assert_snapshot!(connection(&["conn_type: http", r#"conn_extra: '{"a": 1}'"#]), @r#"{"conn_type": "http", "extra": "{\"a\": 1}"}"#);
    insta::assert_snapshot!(connection(&["conn_type: http", "conn_extra: {}"]), @r#"{"conn_type": "http"}"#);
    insta::assert_snapshot!(connection(&["conn_type: http", "conn_extra:"]), @r#"{"conn_type": "http"}"#);
}

#[test]
fn a_uri_counts_if_it_is_the_only_field() {
    assert_eq!(connection(&["conn_uri: http://h/?a=1"]), "http://h/?a=1");
    assert_eq!(connection(&["conn_uri: http://h", "conn_type: ftp"]), r#"{"conn_type": "ftp"}"#);
    assert_eq!(connection(&["conn_uri: http://h", "conn_port: 0", "conn_type:"]), "http://h");
    assert_eq!(
        connection(&["conn_uri: http://h/?b=2#f", "conn_extra: {a: 1}"]),
        "http://h/?__extra__=%7B%22%61%22%3A%20%31%7D"
    );
}

#[test]
fn a_connection_needs_a_type_and_a_port_that_is_a_number() {
    insta::assert_snapshot!(connection(&["conn_host: canary"]), @r#"error: connection "c" in the secret file "airflow_settings.yaml": it needs a conn_type, or a conn_uri and nothing else (read: AirflowException)"#);
    insta::assert_snapshot!(connection(&["conn_type: http", "conn_port: canary"]), @r#"error: connection "c" in the secret file "airflow_settings.yaml": its conn_port is no number (read: AirflowException)"#);
    insta::assert_snapshot!(connection(&["conn_type: [canary]"]), @r#"error: connection "c" in the secret file "airflow_settings.yaml": its conn_type should be text, not a list or a mapping (read: AirflowException)"#);
}

#[test]
fn entries_may_share_lines() {
    let yaml = "base: &base {conn_type: http, conn_host: h}\nairflow:\n  connections:\n    - \
    {<<: *base, conn_id: c, conn_host: own}";
    assert_eq!(
        shown(settings(yaml).unwrap().connections.get("c")),
        r#"{"conn_type": "http", "host": "own"}"#
    );
}

#[test]
fn the_template_of_astro_is_empty() {
    let template = "airflow:\n  connections:\n    - \
    conn_id:\n      conn_type:\n      conn_extra:\n        example_extra_field: example-value\n  pools:\n    \
    - pool_name:\n      pool_slot:\n  variables:\n    - variable_name:\n      variable_value:\n";
    let settings = settings(template).unwrap();
    assert_eq!(
        format!("{settings:?}"),
        "Settings { connections: Entries(0), variables: Entries(0), unread: [] }"
    );
}

#[test]
fn variables_are_text_as_written() {
    let settings = settings(
        "airflow:\n  variables:\n    - variable_name: a\n      variable_value: \
    010\n    - {variable_name: b, variable_value: yes}\n    - \
    {variable_name: c, variable_value: {d: 1}}\n    - \
    {variable_name: e, variable_value: ''}\n    - {variable_value: x}\n    - \
    {variable_name: a, variable_value: last}\n    -\n",
    )
    .unwrap();
    let shown = |key| shown(settings.variables.get(key));
    assert_eq!(["a", "b", "c", "e"].map(shown), ["last", "yes", r#"{"d": 1}"#, "absent"]);
}

#[test]
fn empty_sections_are_fine_and_wrong_ones_are_not() {
    for yaml in [
        "",
        " \n",
        "# nothing",
        "---",
        "null",
        "airflow:",
        "airflow: {connections: , variables: []}",
        "{}",
        "other: 1",
    ] {
        settings(yaml).unwrap();
    }
    let shown = |yaml| settings(yaml).unwrap_err().to_string();
    insta::assert_snapshot!(shown("airflow:\n  connections:\n    - conn_id: [canary]"), @r#"failed to load the secret file "airflow_settings.yaml": line 3: its conn_id should be text, not a list or a mapping (read: AirflowFileParseException)"#);
    insta::assert_snapshot!(shown("- a"), @r#"failed to load the secret file "airflow_settings.yaml": line 1: the file should contain an object, with names as keys (read: AirflowFileParseException)"#);
    insta::assert_snapshot!(shown("airflow: x"), @r#"failed to load the secret file "airflow_settings.yaml": line 1: expected a mapping with connections, variables and pools (read: AirflowFileParseException)"#);
    insta::assert_snapshot!(shown("airflow:\n  connections: {a: 1}"), @r#"failed to load the secret file "airflow_settings.yaml": line 2: expected a list (read: AirflowFileParseException)"#);
    insta::assert_snapshot!(shown("airflow:\n  variables:\n    - x"), @r#"failed to load the secret file "airflow_settings.yaml": line 3: expected a mapping (read: AirflowFileParseException)"#);
}

/// What is reported about a file that is not read completely.
fn unread(yaml: &str) -> String {
    let path = Path::new("s.yaml");
    let settings = settings(yaml).unwrap();
    let line = |note: &Note| format!("{:?} {}. {}", note.reason, note.evidence(path), note.advice);
    settings.unread.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_case_of_fields_does_not_matter() {
    let yaml = "Airflow:\n  CONNECTIONS:\n    - \
    {Conn_Id: c, CONN_TYPE: http, conn_HOST: h}\n  Variables:\n    - {VARIABLE_NAME: v, Variable_Value: 1}";
    let settings = settings(yaml).unwrap();
    assert_eq!(shown(settings.connections.get("c")), r#"{"conn_type": "http", "host": "h"}"#);
    assert_eq!(shown(settings.variables.get("v")), "1");
    assert_eq!(unread(yaml), "");
}

#[test]
fn unknown_fields_are_reported() {
    insta::assert_snapshot!(unread("airflow: {connections: [{conn_id: c, conn_type: t, host: canary, \
    password: canary}], variable: [{a: canary}]}\nconnections: [1]"), @r#"
    Unknown "s.yaml" line 2: the field `connections` is unknown. It belongs below `airflow`
    Unknown "s.yaml" line 1: the field `variable` is unknown. Did you mean `variables`?
    Unknown "s.yaml" line 1: connection "c": the field `host` is unknown. Write `conn_host`
    Unknown "s.yaml" line 1: connection "c": the field `password` is unknown. Write `conn_password`
    "#);
    insta::assert_snapshot!(unread("airflow:\n  variables:\n    - \
    {variable_name: v, variable_value: 1, conn_id: canary}\n    - {name: v, value: canary}"), @r#"
    Unknown "s.yaml" line 3: variable "v": the field `conn_id` is unknown. It belongs in an entry of `connections`
    Unknown "s.yaml" line 4: the field `name` is unknown. Write `variable_name`
    Unknown "s.yaml" line 4: the field `value` is unknown. Write `variable_value`
    Skipped "s.yaml" line 4: a variable without `variable_name` is skipped. Give it a `variable_name`
    "#);
    insta::assert_snapshot!(unread("airflow:\n  connections:\n    - \
    {conn_id: c, conn_type: t, conn_password:canary}"), @r#"Unknown "s.yaml" line 3: connection "c": the field `conn_password:` without a space behind the colon is unknown. Write `conn_password`"#);
}

#[test]
fn skipped_entries_with_contents_are_reported() {
    insta::assert_snapshot!(unread("airflow:\n  connections:\n    - {conn_host: canary}\n    - \
    conn_id:\n  variables:\n    - {variable_value: canary}\n    - {variable_name: v}\n    - \
    variable_name:"), @r#"
    Skipped "s.yaml" line 3: a connection without `conn_id` is skipped. Give it a `conn_id`
    Skipped "s.yaml" line 6: a variable without `variable_name` is skipped. Give it a `variable_name`
    Skipped "s.yaml" line 7: variable "v" has no `variable_value`, so it is skipped. Write the value, or take the entry out
    "#);
    insta::assert_snapshot!(unread("airflow:\n  variables: \
    [{variable_name: a, variable_value: canary}]\n  Variables: \
    [{variable_name: b, variable_value: canary}]"), @r#"Skipped "s.yaml" line 3: `Variables` is written a second time, and what it said before is not read. Leave one of them"#);
}

#[test]
fn overruled_fields_are_reported() {
    insta::assert_snapshot!(unread("airflow:\n  connections:\n    - \
    {conn_id: a, conn_uri: 'x://canary', conn_type: t}\n    - \
    {conn_id: b, conn_uri: 'x://canary?a=1', conn_extra: {b: 1}}\n    - {conn_id: b, conn_type: t}\n    - \
    {conn_id: c, conn_uri: 'x://h?a=1', conn_port: 0}\n    - \
    {conn_id: d, conn_type: t, conn_host: a, CONN_HOST: b}"), @r#"
    Skipped "s.yaml" line 7: `CONN_HOST` is written a second time, and what it said before is not read. Leave one of them
    Dropped "s.yaml" line 3: connection "a": `conn_uri` is not read beside other fields. Leave `conn_uri` alone, or take it out
    Dropped "s.yaml" line 4: connection "b": the parameters of `conn_uri` are not read beside `conn_extra`. Write all of them in one of the two
    Dropped "s.yaml" line 5: connection "b" appears a second time, and the entry before it is not read. Leave one of them
    "#);
}

#[test]
fn what_an_alias_repeats_is_not_a_mistake() {
    assert_eq!(
        unread(
            "base: &base {conn_type: http}\nx: {deep: &deep [1]}\nairflow:\n  connections:\n    - \
            {<<: *base, conn_id: c}\n  variables: [{variable_name: v, variable_value: *deep}]"
        ),
        ""
    );
    assert!(unread("other: {a: canary}").contains("`other`"));
}

#[test]
fn strict_makes_unknown_fields_an_error() {
    let strict = |yaml| Settings::parse(Path::new("s.yaml"), yaml, true);
    let file = strict(
        "airflow:\n  connections: [{conn_id: c, conn_type: t, host: canary}, \
    {conn_id: d, conn_type: t}]\n  variables: [{variable_name: v, value: canary}]",
    )
    .unwrap();
    insta::assert_snapshot!(shown(file.connections.get("c")), @r#"error: connection "c" in the secret file "s.yaml": line 2: the field `host` is unknown, which `strict` refuses. Write `conn_host` (read: AirflowException)"#);
    insta::assert_snapshot!(shown(file.variables.get("v")), @r#"error: variable "v" in the secret file "s.yaml": line 3: the field `value` is unknown, which `strict` refuses. Write `variable_value` (read: AirflowException)"#);
    assert_eq!(shown(file.connections.get("d")), r#"{"conn_type": "t"}"#);
    insta::assert_snapshot!(strict("airflow: {variable: [{a: canary}]}").unwrap_err(), @r#"failed to load the secret file "s.yaml": line 1: the field `variable` is unknown, which `strict` refuses. Did you mean `variables`? (read: AirflowFileParseException)"#);
    insta::assert_snapshot!(strict("airflow: {connections: [{id: c}]}").unwrap_err(), @r#"failed to load the secret file "s.yaml": line 1: the field `id` is unknown, which `strict` refuses. Write `conn_id` (read: AirflowFileParseException)"#);
}
