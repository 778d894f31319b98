use proptest::prelude::*;

use super::*;
use crate::store::convention::{Kind, Lookup};
use crate::value::SecretValue;

fn masks(secrets: &[&str]) -> Masks {
    let mut masks = Masks::default();
    for secret in secrets {
        masks.add(secret.as_bytes());
    }
    masks
}

fn shown(masks: &Masks, text: &str) -> String {
    masks
        .replace(text.as_bytes(), b"***")
        .map_or_else(|| text.to_owned(), |text| String::from_utf8(text).unwrap())
}

fn entries(kind: Kind, value: &str) -> Vec<(String, Option<String>)> {
    let lookup = Lookup { kind, id: "the_id", team: None };
    answer::entries(lookup, &SecretValue::text(value))
        .into_iter()
        .map(|(text, key)| (text.to_string(), key))
        .collect()
}

fn unkeyed(kind: Kind, value: &str) -> Vec<String> {
    entries(kind, value).into_iter().filter(|(_, key)| key.is_none()).map(|(text, _)| text).collect()
}

#[test]
fn a_secret_is_found_however_it_is_encoded() {
    let secret = "p/ä \"w'+\\x%1\n\u{1f600}";
    let masks = masks(&[secret]);
    for printed in [
        secret,
        // quote(safe=""), its lower case, quote(), quote_plus(), SQLAlchemy 2 and 1.4
        "p%2F%C3%A4%20%22w%27%2B%5Cx%251%0A%F0%9F%98%80",
        "p%2f%c3%a4%20%22w%27%2b%5cx%251%0a%f0%9f%98%80",
        "p/%C3%A4%20%22w%27%2B%5Cx%251%0A%F0%9F%98%80",
        "p%2F%C3%A4+%22w%27%2B%5Cx%251%0A%F0%9F%98%80",
        "p%2F%C3%A4 %22w%27+%5Cx%251%0A%F0%9F%98%80",
        // JSON with and without ASCII escapes, and in JSON once more
        r#"p/\u00e4 \"w'+\\x%1\n\ud83d\ude00"#,
        r#"p/ä \"w'+\\x%1\n😀"#,
        r#"p/ä \\\"w'+\\\\x%1\\n😀"#,
        // repr
        r#"p/ä "w\'+\\x%1\n😀"#,
        // JSON in a form: the typed extra of `get_uri()`
        "p%2F%5Cu00e4+%5C%22w%27%2B%5C%5Cx%251%5Cn%5Cud83d%5Cude00",
    ] {
        assert_eq!(shown(&masks, &format!("<{printed}>")), "<***>", "{printed}");
    }
}

#[test]
fn base64_of_the_whole_is_found_with_and_without_padding() {
    let masks = masks(&["user:p?~>ssword"]);
    for encoded in ["dXNlcjpwP34+c3N3b3Jk", "dXNlcjpwP34-c3N3b3Jk", "dXNlcjpwP34%2Bc3N3b3Jk"] {
        assert_eq!(shown(&masks, &format!("Basic {encoded}.")), "Basic ***.");
    }
    let masks = super::tests::masks(&["canary"]);
    assert_eq!(shown(&masks, "Y2FuYXJ5"), "***");
    assert_eq!(shown(&super::tests::masks(&["canary1"]), "Y2FuYXJ5MQ== Y2FuYXJ5MQ"), "*** ***");
}

#[test]
fn stripped_texts_and_single_lines_are_searched_for_too() {
    let masks =
        masks(&["  canary\n", "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nshort=\n-----END KEY-----\n"]);
    assert_eq!(shown(&masks, "canary"), "***");
    assert_eq!(shown(&masks, "MIIEvQIBADANBgkqhkiG"), "***");
    assert_eq!(shown(&masks, "-----BEGIN KEY----- short="), "-----BEGIN KEY----- short=");
}

#[test]
fn overlapping_secrets_leave_no_tail_and_neighbours_stay_two() {
    let masks = masks(&["secret", "secret-and-more", "more-still"]);
    assert_eq!(shown(&masks, "secret-and-more"), "***");
    assert_eq!(shown(&masks, "secret-and-more-still."), "***.");
    assert_eq!(shown(&masks, "secretsecret"), "******");
    assert_eq!(shown(&masks, "secret-and"), "***-and");
}

#[test]
fn what_holds_no_secret_is_left_as_it_is() {
    let masks = masks(&["canary", "postgres://app:canary@db"]);
    for text in ["", "c", "canar", "postgres://app:", "100% \\ + %zz \\u12 \\ud800", "%"] {
        assert_eq!(masks.replace(text.as_bytes(), b"***"), None, "{text}");
    }
    assert!(Masks::default().find(b"canary").is_empty());
}

#[test]
fn a_text_is_kept_once_and_debug_shows_none() {
    let mut masks = masks(&["canary-canary"]);
    let len = masks.len();
    masks.add(b"canary-canary");
    assert_eq!(masks.len(), len);
    assert_eq!(format!("{masks:?}"), format!("Masks({len} texts, [REDACTED])"));
    assert!(!masks.is_empty());
}

#[test]
fn escaped_patterns_are_undone_and_others_refused() {
    let undone = |pattern: &str| {
        unescape_pattern(pattern.as_bytes()).map(|text| String::from_utf8(text.to_vec()).unwrap())
    };
    // re.escape, re2.escape
    assert_eq!(undone(r"p\ \.\-\/\\\x00ä\n").as_deref(), None);
    assert_eq!(undone(r"p\ \.\-/\\ä").as_deref(), Some("p .-/\\ä"));
    assert_eq!(undone(r"p\/\x00\:").as_deref(), Some("p/\0:"));
    for no_text in [r"\d+", "a|b", "a.b", r"a\", "(a)", "a*", "[a]"] {
        assert_eq!(undone(no_text), None, "{no_text}");
    }
}

#[test]
fn a_connection_hides_text_password_login_and_sensitive_leaves() {
    let uri = "postgres://app:p%2Fw@db.example/sales?token=t%3Dx&sslmode=require";
    let all = entries(Kind::Connection, uri);
    for text in [uri, "p/w", "app:p/w"] {
        assert!(all.contains(&(text.to_owned(), None)), "{text}");
    }
    assert!(all.contains(&("t=x".to_owned(), Some("token".to_owned()))));
    assert!(all.contains(&("require".to_owned(), Some("sslmode".to_owned()))));
    let json = r#"{"conn_type": "x", "extra": {"list": ["require"], "keys": {"private_key": "k1"}}}"#;
    let all = entries(Kind::Connection, json);
    assert!(all.contains(&("k1".to_owned(), Some("private_key".to_owned()))));
    assert!(!all.iter().any(|(text, key)| text == "require" && key.is_none()));
}

#[test]
fn the_path_of_a_webhook_is_secret_and_that_of_a_database_is_not() {
    for webhook in [
        "https://hooks.example.com/services/T0/B0/KEY",
        r#"{"conn_type": "http", "host": "https://hooks.example.com/services/T0/B0/KEY"}"#,
        r#"{"conn_type": "http", "host": "hooks.example.com", "schema": "services/T0/B0/KEY"}"#,
        r#"{"conn_type": "slackwebhook", "host": "example.com/services/T0/B0/KEY"}"#,
    ] {
        let secrets = unkeyed(Kind::Connection, webhook);
        assert!(secrets.iter().any(|text| text == "services/T0/B0/KEY"), "{webhook}: {secrets:?}");
    }
    let keyed =
        unkeyed(Kind::Connection, "https://chat.example.com/v1/spaces?key=AIzaSyD1234567890abc&x=benign");
    assert!(keyed.iter().any(|text| text == "AIzaSyD1234567890abc"), "{keyed:?}");
    assert!(!keyed.iter().any(|text| text.contains("spaces") && !text.contains("://")), "{keyed:?}");
    for hook in [
        "https://discord.com/api/webhooks/1/KEY",
        "https://x.webhook.office.com/webhookb2/a@b/IncomingWebhook/c",
    ] {
        let secrets = entries(Kind::Variable, hook);
        let path = hook.split_once(".com/").unwrap().1;
        assert!(secrets.contains(&(path.to_owned(), None)), "{secrets:?}");
    }
}

#[test]
fn what_only_looks_like_a_webhook_is_not_hidden() {
    for benign in [
        "https://api.example.com/v1/reports",
        "https://example.com/hooks",
        "https://hooks.example.com/status",
        "https://example.com/v1/data-export-2024-of-everybody",
        "postgres://db.example/warehouse_of_2024_sales",
        "postgres://webhook-db.internal/production?sslmode=require",
    ] {
        let texts: std::collections::HashSet<_> = unkeyed(Kind::Connection, benign).into_iter().collect();
        assert_eq!(texts, [benign.to_owned()].into(), "{benign}");
    }
    let http =
        r#"{"conn_type": "http", "host": "hooks.slack.com", "schema": "https", "password": "T0/B0/KEY"}"#;
    assert!(!unkeyed(Kind::Connection, http).iter().any(|text| text == "https"));
}

#[test]
fn a_webhook_in_a_password_is_hidden_by_its_path() {
    let json = r#"{"conn_type": "slackwebhook", "password": "https://hooks.slack.com/services/T0/B0/KEY"}"#;
    assert!(unkeyed(Kind::Connection, json).iter().any(|text| text == "services/T0/B0/KEY"));
}

#[test]
fn lines_of_json_and_the_word_airflow_are_not_secrets() {
    let masks = masks(&["{\n  \"region_name\": \"eu-central-1\",\n  \"b\": 1\n}", "airflow\n", "ab"]);
    assert_eq!(shown(&masks, "\"region_name\": \"eu-central-1\","), "\"region_name\": \"eu-central-1\",");
    assert_eq!(shown(&masks, "/opt/airflow/dags YWI"), "/opt/airflow/dags YWI");
}

#[test]
fn a_password_in_the_encoding_of_requests_is_hidden() {
    assert_eq!(shown(&masks(&["app:p\u{e4}ssword1"]), "Basic YXBwOnDkc3N3b3JkMQ=="), "Basic ***");
}

#[test]
fn a_form_of_one_secret_may_be_another() {
    let masks = masks(&["first line of two...\nsecond line of two...", "second line of two..."]);
    assert_eq!(shown(&masks, "c2Vjb25kIGxpbmUgb2YgdHdvLi4u"), "***");
}

#[test]
fn config_values_hide_the_password_of_a_url() {
    let secrets = unkeyed(Kind::Config, "postgresql+psycopg2://airflow:p%40ss@db/airflow");
    assert!(
        ["p@ss", "airflow:p@ss"].iter().all(|text| secrets.iter().any(|secret| secret == text)),
        "{secrets:?}"
    );
}

#[test]
fn json_of_any_depth_is_walked_on_a_small_stack() {
    let deep = format!("{}\"canary\"{}", "{\"token\":[".repeat(450), "]}".repeat(450));
    let walk = move || entries(Kind::Variable, &deep).iter().any(|(text, _)| text == "canary");
    let found = std::thread::Builder::new().stack_size(256 << 10).spawn(walk).unwrap().join().unwrap();
    assert!(found);
}

proptest! {
    #[test]
    fn a_registered_text_never_passes(
        secret in "[ -~äß€\n]{5,40}",
        others in prop::collection::vec("[a-c]{5,9}", 0..4),
        before in "[ -~\n]{0,30}",
        after in "[ -~\n]{0,30}",
    ) {
        let mut known = masks(&[&secret]);
        for other in &others {
            known.add(other.as_bytes());
        }
        let text = format!("{before}{secret}{after}");
        let hidden = known.find(text.as_bytes());
        let place = before.len()..before.len() + secret.len();
        prop_assert!(hidden.iter().any(|found| found.start <= place.start && place.end <= found.end),
            "{text:?} {hidden:?}");
        prop_assert!(std::str::from_utf8(&known.replace(text.as_bytes(), b"***").unwrap()).is_ok());
    }

    #[test]
    fn any_bytes_are_searched_without_a_panic(text in prop::collection::vec(any::<u8>(), 0..200),
        secret in "\\PC{1,20}") {
        let places = masks(&[&secret]).find(&text);
        prop_assert!(places.iter().all(|place| place.start < place.end && place.end <= text.len()));
    }
}
