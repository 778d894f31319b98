use std::fs;

use super::read::parsed;
use super::*;
use crate::config::{Configured, configure};

static CHAINS: StoreEntry = CHAIN;

fn options(pairs: &[(&str, &str)]) -> RawOptions {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), RawValue::Text((*value).to_owned()))).collect()
}

/// What becomes of a file with these contents.
fn configured(text: &str, more: &[(&str, &str)]) -> Result<Configured> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stores.toml");
    fs::write(&path, text).unwrap();
    let mut raw = options(more);
    raw.insert("stores_file", RawValue::Text(path.to_str().unwrap().to_owned()));
    let raw = with_stores_file(&CHAINS, &raw, &Environment::default())?;
    configure(&CHAINS, &raw, Environment::default())
}

/// The same as text, without the folder.
fn said(text: &str, more: &[(&str, &str)]) -> String {
    let text = match configured(text, more) {
        Ok(configured) => configured.warnings.join("\n"),
        Err(error) => error.to_string(),
    };
    let parts: Vec<_> = text.split('"').collect();
    let short = |part: &&str| part.rsplit('/').next().unwrap_or_default().to_owned();
    parts.iter().map(|part| if part.starts_with('/') { short(part) } else { (*part).to_owned() }).collect()
}

const TWO: &str = "[[stores]]\nname = \"a\"\nstore = \"local\"\nvariables_file_path = \"v.json\"\n\n\
                   [[stores]]\nstore = \"local\"\nconnections_file_path = \"c.json\"\nteams = [\"x\", \
                   \"\"]\n";

#[test]
fn a_file_is_the_same_as_a_list() {
    let chain = configured(TWO, &[]).unwrap().settings;
    let names: Vec<_> = chain.chain.as_ref().unwrap().members.iter().map(|member| &*member.name).collect();
    assert_eq!(names, ["a", "local"]);
    let list = r#"[{"name": "a", "store": "local", "variables_file_path": "v.json"},
        {"store": "local", "connections_file_path": "c.json", "teams": ["x", null]}]"#;
    let raw = options(&[("stores", list)]);
    let other = configure(&CHAINS, &raw, Environment::default()).unwrap().settings;
    let of = |settings: &crate::backend::Settings| format!("{:?}", settings.chain);
    assert_eq!(of(&chain), of(&other));
}

#[test]
fn values_of_toml_are_those_of_json() {
    let text = "[[stores]]\na = 0x10\nb = 1_000\nc = 1.5\nd = true\ne = 2026-01-02\nf = [1, {g = \
    \"h\"}]\ni.j = \"k\"\n\
                l = 99999999999999999999\n";
    let found = parsed(text).unwrap_or_else(|_| panic!("it is valid"));
    let written = crate::value::json::write(&found.stores[0]);
    assert_eq!(
        written.to_str().unwrap(),
        r#"{"a": 16, "b": 1000, "c": 1.5, "d": true, "e": "2026-01-02", "f": [1, {"g": "h"}], "i": {"j": "k"}, "l": 99999999999999999999}"#
    );
}

#[test]
fn what_is_wrong_has_a_line() {
    for (text, expected) in [
        ("", "the stores file stores.toml: there is no store in it. Write a table `[[stores]]`"),
        ("stores = []", "the stores file stores.toml: `stores` is empty"),
        (
            "\n[stores]\nstore = \"local\"",
            "the stores file stores.toml, line 2: `stores` is a table, not a list of tables",
        ),
        (
            "stores = [\n 1]",
            "the stores file stores.toml, line 2: `stores` is an integer, not a list of tables",
        ),
        (
            "[[store]]\nstore = \"local\"",
            "the stores file stores.toml, line 1: there is no store in it, but a key `store`",
        ),
        (
            "[[stores]]\nstore = \"local\"\n[[stores]\n",
            "the stores file stores.toml, line 3: it is no valid TOML: ",
        ),
        ("[[stores]]\nstore = \"canary\n", "the stores file stores.toml, line 2: it is no valid TOML: "),
        ("[[stores]]\nx = 1\nx = \"canary\"", "the stores file stores.toml, line 3: it is no valid TOML: "),
        (
            "\n\n[[stores]]\nstor = \"local\"",
            "store 1 of the chain has neither `store` nor `name` (stores.toml, line 3)",
        ),
        (
            "[[stores]]\nstore = \"local\"\nvariables_file_path = \"a\"\n[[stores]]\nstore = \"local\"",
            "two stores of the chain have the name `local` (stores.toml, line 4)",
        ),
        (
            "[[stores]]\nstore = \"loacl\"",
            "member `loacl`: this build has no store `loacl` (stores.toml, line 1). Did you mean `local`?",
        ),
        (
            "[[stores]]\nstore = \"local\"\nvariables_file_path = \"a\"\nkind = \"canary\"",
            "member `local`: the unknown key `kind` is ignored. Did you mean `kinds`?",
        ),
        (
            "cache_ttl = 5\nstuff = 1\n[[stores]]\nstore = \"local\"\nvariables_file_path = \"a\"",
            "`cache_ttl` in stores.toml, line 1 has no effect: write it beside `stores_file`\n\
            the unknown key `stuff` in stores.toml, line 2 is ignored",
        ),
    ] {
        let shown = said(text, &[]);
        assert!(shown.starts_with(expected) && !shown.contains("canary"), "{text}\n{shown}");
    }
    let strict =
        said("stuff = 1\n[[stores]]\nstore = \"local\"\nvariables_file_path = \"a\"", &[("strict", "true")]);
    assert_eq!(strict, "the unknown key `stuff` in stores.toml, line 1 is ignored");
}

#[test]
fn what_is_no_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let read = |path: &str| {
        let raw = options(&[("stores_file", path)]);
        with_stores_file(&CHAINS, &raw, &Environment::default()).unwrap_err().to_string()
    };
    assert!(read(&path("absent.toml")).contains("it is not there"));
    assert!(read(folder.path().to_str().unwrap()).contains("it is not a regular file"));
    assert!(read("/dev/zero").contains("it is not a regular file"));
    fs::write(path("large"), vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(read(&path("large")).contains("it is larger than one MiB"));
    fs::write(path("bytes"), b"a = 1\nb = '\xff'").unwrap();
    assert!(read(&path("bytes")).contains("line 2: it is not UTF-8"));
    let both = options(&[("stores", "[]"), ("storesFile", "x")]);
    let error = with_stores_file(&CHAINS, &both, &Environment::default()).unwrap_err();
    assert_eq!(error.message(), "`stores` and `stores_file` in backend_kwargs are two lists of stores");
}

#[test]
fn a_change_is_noticed_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    let raw = options(&[("stores_file", path.to_str().unwrap())]);
    let file = StoresFile::of(&CHAINS, &raw, &Environment::default()).unwrap().unwrap().looked_at();
    assert!(!file.has_changed());
    fs::write(&path, TWO).unwrap();
    assert!(file.has_changed());
    let file = file.looked_at();
    assert!(!file.has_changed());
    assert!(file.read(&raw).is_ok());
}
