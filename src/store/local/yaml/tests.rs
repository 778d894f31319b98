//! The results of `PyYAML` 6.0.3 with libyaml for the same texts, and the limits that it lacks.

use proptest::prelude::*;

use super::parse;
use crate::value::{Value, json};

pub(super) fn parsed(yaml: &str) -> String {
    match parse(yaml) {
        Ok((object, _)) => json::write(&Value::from(object)).to_str().unwrap().to_owned(),
        Err(problem) => format!("error in {problem}"),
    }
}

/// The JSON of one plain scalar.
fn scalar(yaml: &str) -> String {
    let object = parsed(&format!("a: {yaml}"));
    object
        .strip_prefix(r#"{"a": "#)
        .and_then(|rest| rest.strip_suffix('}'))
        .map_or(object.clone(), str::to_owned)
}

#[test]
fn words_are_booleans_and_nulls_in_three_spellings() {
    for word in ["yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"] {
        assert_eq!(scalar(word), "true", "{word}");
    }
    for word in ["no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"] {
        assert_eq!(scalar(word), "false", "{word}");
    }
    for word in ["~", "null", "Null", "NULL", ""] {
        assert_eq!(scalar(word), "null", "{word}");
    }
    for word in ["y", "n", "Y", "yEs", "nULL", "oN", "'yes'", "\"null\""] {
        assert_eq!(scalar(word), format!("\"{}\"", word.trim_matches(['"', '\''])), "{word}");
    }
}

#[test]
fn whole_numbers() {
    let table = [
        ("0", "0"),
        ("-0", "0"),
        ("+5", "5"),
        ("017", "15"),
        ("0_7", "7"),
        ("0_", "0"),
        ("1_000", "1000"),
        ("1__2", "12"),
        ("0x1F", "31"),
        ("-0x1f", "-31"),
        ("0b101", "5"),
        ("1:30", "90"),
        ("-1:30", "-90"),
        ("190:20:30", "685230"),
        ("100000000000000000000000000", "100000000000000000000000000"),
        ("0xffffffffffffffffffffffffffffffffffffffff", "1461501637330902918203684832716283019655932542975"),
        ("-0777777777777777777777777", "-4722366482869645213695"),
        ("1000000000", "1000000000"),
        ("1000000000000000000000000001", "1000000000000000000000000001"),
    ];
    for (yaml, json) in table {
        assert_eq!(scalar(yaml), json, "{yaml}");
    }
    for text in ["08", "0o17", "0:30", "1:60", "0xg", "0b2", "_1", "+", "1_a"] {
        assert_eq!(scalar(text), format!("\"{text}\""));
    }
}

#[test]
fn numbers_that_python_refuses_are_errors() {
    for text in ["0x_", "0b_", "!!int x", "!!int 1.5", "!!int ''", "!!float x", &"9".repeat(4301)] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(scalar(text), @"error in line 1: the scalar is no number that Python can \
            read");
        }
    }
    assert_eq!(scalar(&"9".repeat(4300)), "9".repeat(4300));
}

#[test]
fn numbers_with_a_point() {
    let table = [
        ("0.", "0.0"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("-1.5", "-1.5"),
        ("1.e+3", "1000.0"),
        ("1.5e+3", "1500.0"),
        ("1.5E-3", "0.0015"),
        ("1:30.5", "90.5"),
        ("1_0.5_0", "10.5"),
        ("685.230_15e+03", "685230.15"),
        (".inf", "Infinity"),
        ("-.INF", "-Infinity"),
        ("+.Inf", "Infinity"),
        (".nan", "NaN"),
        (".NaN", "NaN"),
        ("1.7976931348623157e+400", "Infinity"),
        ("!!float 1", "1.0"),
        ("!!float 1:30", "90.0"),
    ];
    for (yaml, json) in table {
        assert_eq!(scalar(yaml), json, "{yaml}");
    }
    for text in
        ["1e3", "1.5e3", "-.5", "+.5", ".", "._", "12e03", "-.nan", ".iNF", "1.2.3", "1.5e+", "0:30.x"]
    {
        assert_eq!(scalar(text), format!("\"{text}\""));
    }
}

#[test]
fn dates_stay_text() {
    for text in [
        "2001-12-14",
        "2001-12-14t21:59:43.10-05:00",
        "2001-12-14 21:59:43.10 -5",
        "2001-1-1 1:00:00",
        "2001-1-1",
    ] {
        assert_eq!(scalar(text), format!("\"{text}\""));
    }
    assert_eq!(scalar("{2001-12-14: 1}"), r#"{"2001-12-14": 1}"#);
}

#[test]
fn tags_determine_the_type() {
    let table = [
        ("!!str 1", r#""1""#),
        ("! 1", "1"),
        ("!", "\"\""),
        ("!!int '3'", "3"),
        ("!!int 0x10", "16"),
        ("!!bool yEs", "true"),
        ("!!null x", "null"),
        ("!!binary aGk=", r#""aGk=""#),
        ("!!set {x, y}", r#"["x", "y"]"#),
        ("!!omap [x: 1, y: 2]", r#"[["x", 1], ["y", 2]]"#),
        ("!<tag:yaml.org,2002:str> 1", r#""1""#),
        ("!!seq [1]", "[1]"),
        ("!!map {b: 1}", r#"{"b": 1}"#),
    ];
    for (yaml, json) in table {
        assert_eq!(scalar(yaml), json, "{yaml}");
    }
    assert_eq!(parsed("%TAG !y! tag:yaml.org,2002:\n---\na: !y!str 1"), r#"{"a": "1"}"#);
}

#[test]
fn tags_that_airflow_refuses_are_errors() {
    insta::assert_snapshot!(scalar("!foo 1"), @"error in line 1: a value with a tag that is not known");
    insta::assert_snapshot!(scalar("!!python/object/apply:os.system [id]"), @"error in line 1: a value with \
    a tag that is not known");
    insta::assert_snapshot!(scalar("="), @"error in line 1: a value with a tag that is not known");
    insta::assert_snapshot!(scalar("<<"), @"error in line 1: a value with a tag that is not known");
    insta::assert_snapshot!(scalar("!!bool x"), @"error in line 1: expected a boolean");
    insta::assert_snapshot!(scalar("!!seq {b: 1}"), @"error in line 1: expected a sequence");
    insta::assert_snapshot!(scalar("!!map [1]"), @"error in line 1: expected a mapping");
    insta::assert_snapshot!(scalar("!!str {b: 1}"), @"error in line 1: expected a scalar");
    insta::assert_snapshot!(scalar("!!omap [{x: 1, y: 2}]"), @"error in line 1: expected a single pair");
}

#[test]
fn merge_keys_fill_in_what_is_missing() {
    assert_eq!(parsed("<<: {a: 1}\nb: 2"), r#"{"a": 1, "b": 2}"#);
    assert_eq!(parsed("a: 1\n<<: {a: 2, b: 3}"), r#"{"a": 1, "b": 3}"#);
    assert_eq!(
        parsed("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  d: 3"),
        r#"{"x": {"a": 1, "b": 1}, "y": {"b": 2, "c": 2}, "z": {"b": 1, "c": 2, "a": 1, "d": 3}}"#
    );
    assert_eq!(parsed("'<<': {a: 1}"), r#"{"<<": {"a": 1}}"#);
    assert_eq!(parsed("!!merge x: {a: 1}"), r#"{"a": 1}"#);
    insta::assert_snapshot!(parsed("a: 1\n<<: 2"), @"error in line 2: expected a mapping to merge");
}

#[test]
fn aliases_repeat_values() {
    assert_eq!(parsed("a: &x {b: [1]}\nc: *x"), r#"{"a": {"b": [1]}, "c": {"b": [1]}}"#);
    insta::assert_snapshot!(parsed("a: *x"), @"error in line 1: while parsing node, found unknown anchor");
    insta::assert_snapshot!(parsed("a: 1\nb: &x [*x]"), @"error in line 2: an alias within the value that it \
    refers to");
}

#[test]
fn a_document_cannot_grow_without_bound() {
    let laughs = (1..30).fold("l0: &l0 [lol, lol]\n".to_owned(), |yaml, level| {
        format!("{yaml}l{level}: &l{level} [*l{0}, *l{0}]\n", level - 1)
    });
    assert!(parsed(&laughs).ends_with("aliases make this document too big"));
    let merges = (1..30).fold("l0: &l0 {a: 1}\n".to_owned(), |yaml, level| {
        format!("{yaml}l{level}: &l{level}\n  <<: [*l{0}, *l{0}]\n", level - 1)
    });
    assert!(parsed(&merges).ends_with("aliases make this document too big"));
}

#[test]
fn depth_is_bounded() {
    assert_eq!(scalar(&format!("{}{}", "[".repeat(150), "]".repeat(150))).len(), 300);
    assert!(scalar(&format!("{}{}", "[".repeat(300), "]".repeat(300))).starts_with("error in line 1"));
    let blocks = (0..300).fold(String::new(), |yaml, level| yaml + &" ".repeat(level) + "a:\n");
    assert!(parsed(&blocks).contains("nested too deeply"));
}

#[test]
fn depth_is_bounded_through_aliases_too() {
    for line in ["[*l", "{<<: *l", "{x: *l"] {
        let close = if line.starts_with('[') { ']' } else { '}' };
        let chain = (1..20_000).fold("l0: &l0 {}\n".to_owned(), |yaml, level| {
            yaml + &format!("l{level}: &l{level} {line}{}{close}\n", level - 1)
        });
        assert_eq!(parsed(&chain), "error in line 199: sequences and mappings are nested too deeply");
    }
}

#[test]
fn plain_documents_without_aliases_never_exceed_the_budget() {
    assert!(parsed(&format!("a: [{}]", "a,".repeat(100_000))).starts_with('{'));
    assert!(parsed(&"a:\n".repeat(100_000)).starts_with('{'));
}

#[test]
fn keys_are_text_and_only_text_can_be_looked_up() {
    assert_eq!(parsed("1: x\ntrue: y\n'2': z\n=: e"), r#"{"2": "z", "=": "e"}"#);
    assert_eq!(
        scalar("{1: x, true: y, 1.5: z, ~: n}"),
        r#"{"1": "x", "true": "y", "1.5": "z", "null": "n"}"#
    );
    insta::assert_snapshot!(parsed("? [1]\n: 2"), @"error in line 1: a list or a mapping cannot be a key");
    assert_eq!(parsed("a: 1\nb: 2\na: 3"), r#"{"a": 3, "b": 2}"#);
}

#[test]
fn other_documents_are_refused() {
    insta::assert_snapshot!(parsed(""), @"error in line 1: the file is empty");
    insta::assert_snapshot!(parsed("# only a comment"), @"error in line 1: the file should contain an \
    object, with names as keys");
    insta::assert_snapshot!(parsed("- a"), @"error in line 1: the file should contain an object, with names \
    as keys");
    insta::assert_snapshot!(parsed("a"), @"error in line 1: the file should contain an object, with names as \
    keys");
    insta::assert_snapshot!(parsed("a: 1\n---\nb: 2"), @"error in line 2: expected a single document, but \
    another one starts here");
    insta::assert_snapshot!(parsed("a: 1\nb: canary\u{7f}"), @"error in line 2: control characters are not \
    allowed");
}

#[test]
fn syntax_errors_name_the_line_and_no_value() {
    insta::assert_snapshot!(parsed("a: 1\nb: canary: c"), @"error in line 2: mapping values are not allowed \
    in this context");
    insta::assert_snapshot!(parsed("a: 1\nb: [canary"), @"error in line 3: while parsing a flow sequence, \
    expected ',' or ']'");
    insta::assert_snapshot!(parsed("a: 1\nb: @canary"), @"error in line 2: unexpected character");
    insta::assert_snapshot!(parsed("a: 1\nb: \"\\qcanary\""), @"error in line 2: while parsing a quoted \
    scalar, found unknown escape character");
    insta::assert_snapshot!(parsed("a: \"canary"), @"error in line 1: while scanning a quoted scalar, found \
    unexpected end of stream");
}

proptest! {
    #[test]
    fn never_panics_on_text(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn never_panics_on_yaml(text in "([a-c&*!|>%@`'\"{}\\[\\],:?#~<=.0-9_xeb+\\\\ -]|\\n|\\t|\\r|: |- \
    |---|<<)*") {
        let _ = parse(&text);
    }

    #[test]
    fn never_panics_on_numbers(text in "[-+]?[0-9._:xbeEinfa+T Z-]*") {
        let _ = parse(&format!("a: {text}\nb: !!int {text}\nc: !!float {text}\nd: !!timestamp {text}"));
    }
}
