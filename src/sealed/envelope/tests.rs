use proptest::prelude::*;

use super::*;
use crate::sealed::Key;
use crate::value::Text;
use crate::value::json::{self, Object, Value};

const PLACE: Place<'static> = Place { kind: "connection", name: "airflow/db" };

fn key(id: &str, text: &str) -> Key {
    Key::of(id, text, "`sealing_key`").unwrap()
}

fn keys(id: &str) -> Keys {
    Keys::new(key(id, &"0123456789".repeat(4)), Vec::new())
}

fn changed(record: &Record, change: impl FnOnce(&mut Vec<u8>)) -> Record {
    let mut bytes = STANDARD.decode(&record.sealed).unwrap();
    change(&mut bytes);
    Record { sealed: STANDARD.encode(bytes), ..record.clone() }
}

fn refusal(keys: &Keys, record: &Record, place: Place<'_>) -> String {
    let error = keys.open(record, place).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

/// The vectors of the page: each is a JSON object on a line of its own.
fn vectors() -> Vec<Object> {
    let page = include_str!("../../../docs/sealed-values.md");
    let lines = page.lines().filter(|line| line.starts_with("{\"key\": "));
    lines.map(|line| json::parse(&Text::from(line)).unwrap().into_object().unwrap()).collect()
}

#[test]
fn the_vectors_of_the_page_are_opened_and_sealed_alike() {
    let all = vectors();
    assert!(all.len() >= 6);
    for vector in all {
        let text = |key: &str| vector.get(key).and_then(Value::as_str).unwrap().to_owned();
        let members = vector.get("record").and_then(Value::as_object).unwrap();
        let record = Record::parse(members, "reading").unwrap();
        let (kind, name) = record.place.clone().unwrap();
        let place = Place { kind: &kind, name: &name };
        let keys = Keys::new(key(&record.key_id, &text("key")), Vec::new());
        assert_eq!(keys.open(&record, place).unwrap().expose(), text("value"));
        let nonce = STANDARD.decode(&record.sealed).unwrap()[..NONCE_LEN].try_into().unwrap();
        assert_eq!(keys.seal_with(nonce, place, record.version, &text("value")).unwrap(), record);
    }
}

#[test]
fn whatever_was_done_to_a_record_is_an_error_that_names_it() {
    let keys = keys("k");
    let record = keys.seal(PLACE, 3, "canary").unwrap();
    assert_eq!(keys.open(&record, PLACE).unwrap().expose(), "canary");
    let other = Keys::new(key("k", &"another text of a key".repeat(2)), Vec::new());
    let cut = changed(&record, |bytes| bytes.truncate(bytes.len() - 1));
    let told = [
        (refusal(&other, &record, PLACE), "the key is another one"),
        (refusal(&keys, &cut, PLACE), "the record was changed"),
        (refusal(&keys, &changed(&record, |bytes| bytes.truncate(27)), PLACE), "cut short"),
        (refusal(&keys, &Record { sealed: "canary!".to_owned(), ..record.clone() }, PLACE), "no base64"),
        (refusal(&keys, &Record { sealed: String::new(), ..record.clone() }, PLACE), "cut short"),
        (refusal(&keys, &Record { version: 4, ..record.clone() }, PLACE), "the record was changed"),
        (refusal(&keys, &Record { format: 2, ..record.clone() }, PLACE), "format 2"),
        (refusal(&keys, &record, Place { name: "b", ..PLACE }), "record of `connection/airflow/db`"),
        (refusal(&keys, &record, Place { kind: "variable", ..PLACE }), "record of `connection/airflow/db`"),
        (refusal(&self::keys("m"), &record, PLACE), "key `k`, which is not configured"),
    ];
    for (text, part) in told {
        assert!(text.contains(part) && !text.contains("canary"), "{text}");
    }
    // A store that has the place in its key notices as well.
    let bare = Record { place: None, ..record };
    assert!(keys.open(&bare, PLACE).is_ok());
    assert!(refusal(&keys, &bare, Place { kind: "variable", ..PLACE }).contains("moved here"));
}

#[test]
fn a_rotation_opens_what_older_keys_have_sealed() {
    let old = keys("old").seal(PLACE, 1, "a").unwrap();
    let (newer, older) = (key("new", &"n".repeat(32)), key("old", &"0123456789".repeat(4)));
    let both = Keys::new(newer, vec![older]);
    assert_eq!(both.open(&old, PLACE).unwrap().expose(), "a");
    assert_eq!(both.seal(PLACE, 2, "a").unwrap().key_id, "new");
    assert_eq!(both.ids().collect::<Vec<_>>(), ["new", "old"]);
}

#[test]
fn a_version_is_a_number_from_1_on() {
    for version in [0, -1, i64::MIN] {
        assert!(keys("k").seal(PLACE, version, "a").is_err());
    }
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened(name in ".{0,80}", value in ".{0,300}", version in 1..i64::MAX) {
        let place = Place { kind: "variable", name: &name };
        let record = keys("k").seal(place, version, &value).unwrap();
        let written = json::write(&Value::Object(record.to_object()));
        let members = json::parse(&written).unwrap().into_object().unwrap();
        let read = Record::parse(&members, "reading").unwrap();
        prop_assert_eq!(&read, &record);
        let opened = keys("k").open(&read, place).unwrap();
        prop_assert_eq!(opened.expose(), value);
    }

    #[test]
    fn no_two_places_are_bound_alike(
        one in (".{0,9}", ".{0,9}", 1..99_i64),
        other in (".{0,9}", ".{0,9}", 1..99_i64),
    ) {
        let bound = |(kind, name, version): &(String, String, i64)| Place { kind, name }.bound(*version);
        prop_assert_eq!(bound(&one) == bound(&other), one == other);
    }

    #[test]
    fn any_flipped_bit_is_noticed(value in ".{0,40}", at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let record = keys("k").seal(PLACE, 1, &value).unwrap();
        let flipped = changed(&record, |bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        });
        prop_assert!(keys("k").open(&flipped, PLACE).is_err());
        let cut = changed(&record, |bytes| bytes.truncate(at.index(bytes.len())));
        prop_assert!(keys("k").open(&cut, PLACE).is_err());
    }
}
