//! Stores of sealed values: where their keys come from, and how their names are made.

use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::{Shown, ShownPath};
use crate::sealed::{Key, Keys, Place};
use crate::store::SecretName;
use crate::store::convention::{Convention, Kind, Lookup, Naming, OddFate, OddId};
use crate::store::environment::Environment;
use crate::store::kit::files::{WatchedFiles, expand};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::{PrefixDefaults, PrefixRules};
use crate::store::tools::{Finding, Severity};
use crate::value::json::Value;

/// The environment variable with the text of the key, for the list of a store's variables.
pub const VARIABLES: &[&str] = &[VARIABLE];

const VARIABLE: &str = "STRONGROOM_SEALING_KEY";

/// The text of the key.
pub const SEALING_KEY: OptionSpec = OptionSpec::new(
    "sealing_key",
    OptionKind::Secret,
    "The random text of the key that values are sealed with, 32 characters at least; else \
    `sealing_key_file`, else STRONGROOM_SEALING_KEY.",
);

/// The file with the text of the key.
pub const SEALING_KEY_FILE: OptionSpec = OptionSpec::new(
    "sealing_key_file",
    OptionKind::Text,
    "The file with the text of the key; it is read again when it has changed.",
);

/// The id of the key.
pub const SEALING_KEY_ID: OptionSpec =
    OptionSpec::new("sealing_key_id", OptionKind::Text, "The id of that key, as records name it.")
        .with_default("1");

/// More keys.
pub const SEALING_KEYS: OptionSpec = OptionSpec::new(
    "sealing_keys",
    OptionKind::SecretJson(SHAPE),
    "More keys to open values with, by id, such as those from before a rotation: the text of each, or an \
    object with its file.",
);

const SHAPE: &str = "{\"2025\": \"TEXT\", \"2024\": {\"file\": \"/run/secrets/2024\"}}";

/// The prefixes: the kind is a part of each name by itself.
pub const DEFAULTS: PrefixDefaults = PrefixDefaults::new(["airflow", "airflow", "airflow"], "/");

/// Where the text of a key is.
enum Source<'text> {
    Text(&'text str, &'static str),
    File(&'text str, &'static str),
}

impl Source<'_> {
    fn key(&self, id: &str, environment: &Environment, files: &mut WatchedFiles) -> Result<Key> {
        match self {
            Self::Text(text, named_by) => Key::of(id, text, &format!("`{named_by}`")),
            Self::File(path, named_by) => {
                let path = expand(path, environment);
                files.watch(&path);
                let text = text_of(&path, named_by)?;
                Key::of(id, &text, &format!("`{}` of `{named_by}`", ShownPath(&path)))
            }
        }
    }
}

fn text_of(path: &Path, named_by: &str) -> Result<Zeroizing<String>> {
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
        let what = format!("the key in `{}` of `{named_by}` cannot be read", ShownPath(path));
        Error::config(what)
            .with_source(error)
            .with_hint("It is a text file that the user of Airflow can read; `strongroom key` makes its text")
    })
}

/// The source of the key that seals, without that in `sealing_keys`.
fn source<'text>(options: &'text Options, environment: &'text Environment) -> Option<Source<'text>> {
    let text = |text| Source::Text(text, SEALING_KEY.key);
    let file = |path| Source::File(path, SEALING_KEY_FILE.key);
    let of_options = options.non_empty(SEALING_KEY.key).map(text);
    let of_file = || options.non_empty(SEALING_KEY_FILE.key).map(file);
    let of_variable = || environment.non_empty(VARIABLE).map(|text| Source::Text(text, VARIABLE));
    of_options.or_else(of_file).or_else(of_variable)
}

/// The members of `sealing_keys`.
fn more(options: &Options) -> Result<Vec<(&str, Source<'_>)>> {
    let members = match options.json(SEALING_KEYS.key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(misshapen("no object")),
    };
    let read = |value: &'_ Value| match value.as_object() {
        Some(object) => object.get("file").and_then(Value::as_str).map(|_| ()),
        None => value.as_str().map(|_| ()),
    };
    if members.iter().any(|(id, value)| id.to_str().is_none() || read(value).is_none()) {
        return Err(misshapen("an object with a value that is neither text nor an object with a `file`"));
    }
    let sources = members.iter().filter_map(|(id, value)| {
        let of_file = || Some(Source::File(value.as_object()?.get("file")?.as_str()?, SEALING_KEYS.key));
        let source = value.as_str().map(|text| Source::Text(text, SEALING_KEYS.key)).or_else(of_file);
        Some((id.to_str()?, source?))
    });
    Ok(sources.collect())
}

fn misshapen(what: &str) -> Error {
    Error::config(format!("`{}` in backend_kwargs is {what}", SEALING_KEYS.key))
        .with_hint(format!("Write {SHAPE}"))
}

/// The keys of a backend. Reads their files; no network.
pub fn keys(options: &Options, environment: &Environment, files: &mut WatchedFiles) -> Result<Keys> {
    let id = options.text_of(&SEALING_KEY_ID).trim();
    let mut others = Vec::new();
    for (other, source) in more(options)? {
        others.push(source.key(other, environment, files)?);
    }
    if let Some(source) = source(options, environment) {
        return Ok(Keys::new(source.key(id, environment, files)?, others));
    }
    let own = others.iter().position(|key| key.id() == id);
    let own = own.map(|place| others.remove(place)).ok_or_else(no_key)?;
    Ok(Keys::new(own, others))
}

fn no_key() -> Error {
    Error::config("there is no key to open sealed values with").with_hint(format!(
        "`strongroom key` makes one: write it as `{}`, into the file of `{}`, or set {VARIABLE}",
        SEALING_KEY.key, SEALING_KEY_FILE.key
    ))
}

/// What can never work in the options alone: keys that are too short. No I/O.
pub fn check(options: &Options, environment: &Environment) -> Result<()> {
    let id = options.text_of(&SEALING_KEY_ID).trim();
    let own = source(options, environment).map(|source| (id, source));
    for (id, source) in own.into_iter().chain(more(options)?) {
        if let Source::Text(text, named_by) = source {
            Key::of(id, text, &format!("`{named_by}`"))?;
        }
    }
    Ok(())
}

/// What is noteworthy in the options of keys.
pub fn noteworthy(options: &Options, environment: &Environment) -> Vec<Finding> {
    let keys = keys(options, environment, &mut WatchedFiles::default());
    let fault = keys.err().map(|error| Finding::of("sealing_key", &error));
    let phrase = match source(options, environment) {
        Some(Source::Text(text, named_by)) if is_phrase(text) => Some(phrase(named_by)),
        _ => None,
    };
    fault.into_iter().chain(phrase).collect()
}

/// Whether a text looks like words or a pattern: it has spaces, or few different characters.
fn is_phrase(text: &str) -> bool {
    let mut letters: Vec<char> = text.trim().chars().collect();
    let has_spaces = letters.iter().any(|letter| letter.is_whitespace());
    letters.sort_unstable();
    letters.dedup();
    has_spaces || letters.len() < 10
}

fn phrase(named_by: &str) -> Finding {
    let evidence = format!(
        "the key in `{named_by}` looks like words or a pattern: those who have a record could guess it"
    );
    Finding::new(Severity::Warning, "sealing_key", evidence, "Use a text that `strongroom key` has made")
}

/// Names of a store that keeps sealed values: the kind, a slash, and prefix and id. A record is bound to
/// all of it.
#[derive(Clone, Debug)]
pub struct SealedConvention {
    rules: PrefixRules,
    is_valid: fn(&str) -> bool,
    grammar: &'static str,
}

impl SealedConvention {
    /// Reads the prefixes. `is_valid` says whether the store can have a name, and `grammar` what such a name
    /// looks like, as the rest of a sentence.
    pub fn new(options: &Options, is_valid: fn(&str) -> bool, grammar: &'static str) -> Self {
        Self { rules: PrefixRules::from_options(options, DEFAULTS), is_valid, grammar }
    }

    fn named(kind: Kind, name: &SecretName) -> SecretName {
        format!("{kind}/{name}", name = name.as_str()).into()
    }
}

impl Convention for SealedConvention {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let with_kind =
            |names: Vec<SecretName>| names.iter().map(|name| Self::named(lookup.kind, name)).collect();
        let naming = match self.rules.names(lookup) {
            Naming::Names(names) => Naming::Names(with_kind(names)),
            Naming::Ambiguous { separator, names } => {
                Naming::Ambiguous { separator, names: with_kind(names) }
            }
            other => other,
        };
        naming.only(|name| (self.is_valid)(name.as_str()), self.grammar)
    }

    /// Half of a surrogate pair is in no name.
    fn odd(&self, _lookup: Lookup<'_>, odd: OddId, _multi_team: bool) -> OddFate {
        if odd == OddId::Surrogate { OddFate::Absent } else { OddFate::AsText }
    }
}

/// The kind and the name in a name of such a store; `None` for one that an operator wrote without a kind.
pub fn place(name: &SecretName) -> Option<Place<'_>> {
    let (kind, name) = name.as_str().split_once('/')?;
    Kind::ALL.iter().any(|known| known.as_str() == kind).then_some(Place { kind, name })
}

/// A name without a kind, such as that of a bundle.
pub fn no_place(name: &SecretName) -> Error {
    Error::new(ErrorKind::InvalidName, format!("`{name}` names no sealed value")).with_hint(format!(
        "A name begins with its kind: `connection/`, `variable/` or `config/`, as in `variable/{}`",
        Shown(name.as_str())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;
    use crate::value::json;

    const TEXT: &str = "q8Zr2Lw0vXn5Tj7Ck1Hs4Gd9Fb3Mp6Yu";

    fn with_keys(written: &[(&'static str, &str)], keys: &str) -> Options {
        let mut options = Options::of_texts(written);
        options.set(SEALING_KEYS.key, OptionValue::Json(json::parse(&keys.into()).unwrap()));
        options
    }

    fn ids(options: &Options, set: &[(&str, &str)]) -> Result<Vec<String>> {
        let keys = keys(options, &Environment::of(set), &mut WatchedFiles::default())?;
        Ok(keys.ids().map(str::to_owned).collect())
    }

    #[test]
    fn a_key_is_an_option_a_file_a_variable_or_one_of_several() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{TEXT}\n")).unwrap();
        let path = file.path().to_str().unwrap();
        let set = [(VARIABLE, TEXT)];
        assert_eq!(ids(&Options::of_texts(&[("sealing_key", TEXT)]), &[]).unwrap(), ["1"]);
        let of_file = Options::of_texts(&[("sealing_key_file", path), ("sealing_key_id", "f")]);
        assert_eq!(ids(&of_file, &set).unwrap(), ["f"]);
        assert_eq!(ids(&Options::default(), &set).unwrap(), ["1"]);
        let several = format!(r#"{{"a": "{TEXT}", "b": {{"file": "{path}"}}}}"#);
        assert_eq!(ids(&with_keys(&[("sealing_key_id", "b")], &several), &[]).unwrap(), ["b", "a"]);
        assert_eq!(ids(&with_keys(&[], &several), &set).unwrap(), ["1", "a", "b"]);
        let mut files = WatchedFiles::default();
        keys(&of_file, &Environment::default(), &mut files).unwrap();
        assert!(!files.have_changed());
        std::fs::write(file.path(), "another text").unwrap();
        assert!(files.have_changed());
    }

    #[test]
    fn what_is_wrong_with_keys_is_named_and_not_shown() {
        let error = |options: &Options| ids(options, &[]).unwrap_err().to_string();
        for (options, text) in [
            (Options::default(), "there is no key to open sealed values with. `strongroom key` makes one"),
            (Options::of_texts(&[("sealing_key", "canary")]), "the key in `sealing_key` has fewer than 32"),
            (
                Options::of_texts(&[("sealing_key_file", "/no/file")]),
                "the key in `/no/file` of `sealing_key_f",
            ),
            (with_keys(&[], r#"["canary"]"#), "`sealing_keys` in backend_kwargs is no object"),
            (with_keys(&[], r#"{"a": 5}"#), "`sealing_keys` in backend_kwargs is an object with a value"),
            (with_keys(&[], r#"{"a": "canary"}"#), "the key in `sealing_keys` has fewer than 32"),
            (with_keys(&[], &format!(r#"{{"a": "{TEXT}"}}"#)), "there is no key to open"),
        ] {
            let said = error(&options);
            assert!(said.starts_with(text) && !said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn a_short_key_is_refused_before_the_first_lookup_and_a_missing_one_is_not() {
        let check = |options: &Options, set: &[(&str, &str)]| check(options, &Environment::of(set));
        assert!(check(&Options::of_texts(&[("sealing_key", "short")]), &[]).is_err());
        assert!(check(&with_keys(&[], r#"{"a": "short"}"#), &[]).is_err());
        assert!(check(&Options::default(), &[(VARIABLE, "short")]).is_err());
        assert!(check(&Options::of_texts(&[("sealing_key_file", "/no/file")]), &[]).is_ok());
        assert!(check(&Options::default(), &[]).is_ok());
    }

    #[test]
    fn words_are_reported() {
        for (text, count) in [
            (TEXT, 0),
            ("correct horse battery staple and more", 1),
            ("abababababababababababababababababab", 1),
        ] {
            let found = noteworthy(&Options::of_texts(&[("sealing_key", text)]), &Environment::default());
            assert_eq!(found.len(), count, "{found:?}");
        }
    }

    #[test]
    fn names_begin_with_the_kind() {
        let options = Options::of_texts(&[("variables_prefix", ""), ("connections_prefix", "p")]);
        let convention = SealedConvention::new(&options, |name| name.len() < 20, "a name is short");
        let names = |kind, id, team| convention.names(Lookup { kind, id, team });
        let expected = |names: &[&str]| Naming::Names(names.iter().copied().map(SecretName::from).collect());
        assert_eq!(
            names(Kind::Connection, "a", Some("t")),
            expected(&["connection/p/t--a", "connection/p/a"])
        );
        assert_eq!(names(Kind::Variable, "a", Some("t")), expected(&["variable/a"]));
        assert_eq!(names(Kind::Config, "a", None), expected(&["config/airflow/a"]));
        assert!(matches!(names(Kind::Variable, "nnnnnnnnnnnnnnnnnnnn", None), Naming::Impossible { .. }));
        assert!(matches!(names(Kind::Variable, "a--b", None), Naming::Ambiguous { .. }));
        let mut off = options.clone();
        off.set("variables_prefix", OptionValue::Null);
        let convention = SealedConvention::new(&off, |_| true, "");
        assert_eq!(convention.names(Lookup { kind: Kind::Variable, id: "a", team: None }), Naming::Off);
    }

    #[test]
    fn a_name_has_a_kind() {
        let of = |name: &str| place(&name.into()).map(|place| place.to_string());
        assert_eq!(of("variable/a/b").as_deref(), Some("variable/a/b"));
        assert_eq!((of("all"), of("variables/a")), (None, None));
        assert!(no_place(&"all".into()).to_string().contains("`variable/all`"));
    }
}
