//! Facts checked against Python 3.11.7's `json`.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Value {
    parse(&Text::from(text)).unwrap()
}

fn error(text: &str) -> (JsonErrorKind, usize, usize, usize) {
    let error = parse(&Text::from(text)).unwrap_err();
    (error.kind, error.line, error.column, error.offset)
}

fn rewritten(text: &str) -> String {
    write(&read(text)).to_str().unwrap().to_owned()
}

#[test]
fn writes_what_python_writes() {
    for (text, written) in [
        (" {\"b\":1,\"a\":[true,null , false],\"b\":2}\n", r#"{"b": 2, "a": [true, null, false]}"#),
        (
            r#"["\/\b\f\n\r\t\"\\\u0001\u007f", "é€😀"]"#,
            r#"["/\b\f\n\r\t\"\\\u0001\u007f", "\u00e9\u20ac\ud83d\ude00"]"#,
        ),
        (
            r#"["\ud83d\ude00", "\ud83d", "\ude00\ud83d", "\ud83d\u0041"]"#,
            r#"["\ud83d\ude00", "\ud83d", "\ude00\ud83d", "\ud83dA"]"#,
        ),
        ("[NaN, Infinity, -Infinity, 1e400, -1e400]", "[NaN, Infinity, -Infinity, Infinity, -Infinity]"),
        (
            "[-0, -0.0, 1E5, 1e-7, 1e16, 123456789012345680.0]",
            "[0, -0.0, 100000.0, 1e-07, 1e+16, 1.2345678901234568e+17]",
        ),
        (
            "[1e15, 0.0001, 0.00001, 5e-324, 2.5, 1e22]",
            "[1000000000000000.0, 0.0001, 1e-05, 5e-324, 2.5, 1e+22]",
        ),
        ("[9223372036854775808, -99999999999999999999]", "[9223372036854775808, -99999999999999999999]"),
        ("[[], {}, [[]], {\"\": {}}]", r#"[[], {}, [[]], {"": {}}]"#),
        ("\"[\"", "\"[\""),
    ] {
        assert_eq!(rewritten(text), written);
    }
}

#[test]
fn says_what_and_where() {
    use JsonErrorKind::*;
    for (text, expected) in [
        ("", (ExpectedValue, 1, 1, 0)),
        ("\u{feff}{}", (ByteOrderMark, 1, 1, 0)),
        ("{é", (ExpectedKey, 1, 2, 1)),
        ("{\"é\"\n 1}", (ExpectedColon, 2, 2, 6)),
        ("[1\n,,]", (ExpectedValue, 2, 2, 4)),
        ("[1 2]", (ExpectedComma, 1, 4, 3)),
        ("[01]", (ExpectedComma, 1, 3, 2)),
        ("[1.]", (ExpectedComma, 1, 3, 2)),
        ("[\"ab", (UnterminatedString, 1, 2, 1)),
        ("\"a\tb\"", (ControlCharacter, 1, 3, 2)),
        (r#""a\x""#, (InvalidEscape, 1, 3, 2)),
        (r#""a\u12g4""#, (InvalidUnicodeEscape, 1, 4, 3)),
        (r#""\ud83d\u12"#, (InvalidUnicodeEscape, 1, 9, 8)),
        ("{} x", (ExtraData, 1, 4, 3)),
        ("{\"a\":1,}", (ExpectedKey, 1, 8, 7)),
        ("-", (ExpectedValue, 1, 1, 0)),
        ("nul", (ExpectedValue, 1, 1, 0)),
        ("[-Infinit]", (ExpectedValue, 1, 2, 1)),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn limits_the_digits_of_integers_only() {
    let digits = "9".repeat(MAX_INT_DIGITS);
    assert_eq!(rewritten(&digits), digits);
    assert_eq!(error(&format!("-{digits}9")).0, JsonErrorKind::IntegerTooLong);
    assert_eq!(rewritten(&format!("{digits}9.0")), "Infinity");
    assert!(!JsonErrorKind::IntegerTooLong.is_syntax());
}

#[test]
fn deep_nesting_is_safe_on_a_small_stack() {
    let check = || {
        let deep = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(rewritten(&deep), deep);
        let value = read(&deep);
        assert!(value.clone() == value);
        let object = format!("{}1{}", "{\"a\": ".repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH));
        let value = read(&object);
        assert!(value.clone() == value);
        assert_eq!(error(&"[".repeat(MAX_DEPTH + 1)).0, JsonErrorKind::TooDeep);
        assert_eq!(error(&"{\"a\":".repeat(1_000_000)).0, JsonErrorKind::TooDeep);
        let mut value = Value::Null;
        for level in 0..200_000 {
            let member = (Text::from("a"), Value::default());
            let mut object = Object::from_iter([member]);
            object.insert(Text::from("a"), value);
            value = if level % 2 == 0 {
                Value::Object(object)
            } else {
                Value::Array(vec![Value::Object(object)])
            };
        }
        drop(value);
    };
    std::thread::Builder::new().stack_size(512 * 1024).spawn(check).unwrap().join().unwrap();
}

#[test]
fn big_objects_behave_like_a_dict() {
    let mut object = Object::new();
    for number in 0..50_000_i64 {
        object.insert(Text::from(format!("key{}", number % 20_000)), Value::from(number));
    }
    assert_eq!(object.len(), 20_000);
    assert_eq!(object.iter().next().unwrap().0, Text::from("key0"));
    assert_eq!(object.get("key0").unwrap().as_i64(), Some(40_000));
    assert_eq!(object.get("key19999").unwrap().as_i64(), Some(39_999));
    assert!(object.get("key20000").is_none());
}

#[test]
fn floats_become_integers_as_in_python() {
    for (float, decimal) in
        [(3306.9, "3306"), (-0.5, "0"), (1e22, "10000000000000000000000"), (-1e16, "-10000000000000000")]
    {
        assert_eq!(Int::from_float(float).unwrap().to_decimal(), decimal);
    }
    assert!(Int::from_float(f64::NAN).is_none() && Int::from_float(f64::INFINITY).is_none());
    assert_eq!(Int::from_decimal("-000099999999999999999999").unwrap().to_decimal(), "-99999999999999999999");
}

#[test]
fn debug_shows_nothing() {
    let shown = format!(
        "{:?} {:?}",
        read(r#"{"canary": ["canary", 8675309, 99999999999999999999]}"#),
        read("8675309")
    );
    assert!(!shown.contains("canary") && !shown.contains("8675309"));
}

fn any_value() -> impl Strategy<Value = super::Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("NaN equals nothing", |float| !float.is_nan()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|members| Value::Object(
                members.into_iter().map(|(key, value)| (Text::from(key), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn reads_back_what_it_writes(value in any_value()) {
        prop_assert!(parse(&write(&value)).unwrap() == value);
    }

    #[test]
    fn never_panics(text in "[\\[\\]{}\",:0-9eE.+\\-ntfNIu\\\\ \\PC]{0,40}") {
        let _ = parse(&Text::from(text));
    }
}
