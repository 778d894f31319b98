//! One member of a chain as it is written.

use std::sync::Arc;

use crate::backend::OnError;
use crate::backend::chain::{CLASS_OPTION, DEFAULT_OPTION, Routing};
use crate::config::chain::on_error;
use crate::config::raw::{RawOptions, RawValue};
use crate::config::read;
use crate::config::tool::{OfTool, placed};
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::convention::Kind;
use crate::store::options::{OptionValue, Options};
use crate::store::pattern::Pattern;
use crate::value::json::Value;

/// What a member has besides the options of its store.
pub(super) const MEMBER_KEYS: [&str; 7] = ["name", "store", "default", "kinds", "teams", "ids", "on_error"];

/// Names the class that takes the place of `store`.
const CLASS: &str = CLASS_OPTION.key;

/// Names that begin an address or an ARN: a reference could not tell them from it.
const NO_NAMES: [&str; 3] = ["arn", "http", "https"];

/// A member before its store is configured.
pub(super) struct Written {
    pub(super) name: String,
    /// The word for the store; empty where there is a class.
    pub(super) store: String,
    /// The class that takes its place; empty where there is none.
    pub(super) class: String,
    pub(super) routing: Arc<Routing>,
    /// Whether references that name no member lead to it.
    pub(super) is_default: bool,
    pub(super) on_error: OnError,
    /// The options of the store.
    pub(super) options: RawOptions,
    /// Unknown keys in the configuration of another tool that it has.
    pub(super) unknown: Vec<String>,
    /// What keys of that configuration cannot mean.
    pub(super) notes: Vec<String>,
    /// What is wrong with one of the keys, so that the member cannot be asked.
    pub(super) fault: Option<Error>,
}

impl Written {
    /// Reads the member at `index`. An error is one of its place in the chain; anything else is its fault.
    pub(super) fn read(index: usize, value: &Value, chain: &Options) -> Result<Self> {
        let place = index + 1;
        let options = keys(place, value)?;
        let (store, class) = (word(&options, "store"), word(&options, CLASS));
        let own: RawOptions = options.iter().filter(|(key, _)| !is_own(key)).map(owned).collect();
        let (tool, fault) = match OfTool::read(&own, &store, &class) {
            Ok(tool) => (tool.unwrap_or_default(), None),
            // Without a name there is no member to report it for.
            Err(error) if store.is_empty() && text(&options, "name").is_none() => {
                return Err(placed(&format!("store {place} of the chain"), &error));
            }
            Err(error) => (OfTool::default(), Some(error)),
        };
        let (own, store) = match tool.options {
            Some(options) => (options, tool.store),
            None => (own, store),
        };
        let name = name(&options, tool.name, &store, &class);
        check_name(&name, place)?;
        let mut written = Self {
            name,
            store,
            class,
            routing: Arc::default(),
            is_default: false,
            on_error: OnError::Official,
            options: own,
            unknown: tool.unknown,
            notes: tool.notes,
            fault: None,
        };
        // Nothing that was not understood may open the member to lookups that it is not for; but those that
        // it may be for must not be answered by another store.
        let rest = written.read_rest(&options, chain, fault.is_some());
        written.fault = rest.err().or(fault);
        Ok(written)
    }

    fn read_rest(&mut self, options: &RawOptions, chain: &Options, is_of_tool: bool) -> Result<()> {
        let value = |key| options.iter().find(|(known, _)| *known == key).map(|(_, value)| value);
        self.on_error = on_error(value("on_error"), chain)?;
        self.is_default = value(DEFAULT_OPTION.key).map(is_yes).transpose()?.unwrap_or_default();
        match (self.store.is_empty(), self.class.is_empty()) {
            (true, true) if !is_of_tool => {
                return Err(Error::config("it names no `store`")
                    .with_hint("Write the registry name of its store, or a `class` of another package"));
            }
            (false, false) => {
                return Err(Error::config("it has both `store` and `class`").with_hint(
                    "Write `store` for a store of Strongroom, `class` for a class of another package",
                ));
            }
            _ => {}
        }
        let routing = Routing {
            kinds: value("kinds").map(kinds).transpose()?.flatten(),
            teams: value("teams").map(teams).transpose()?.flatten(),
            ids: value("ids").map(ids).transpose()?.flatten(),
        };
        self.routing = Arc::new(routing);
        Ok(())
    }
}

/// The keys of a member as they are written.
fn keys(place: usize, value: &Value) -> Result<RawOptions> {
    let members = value.as_object().ok_or_else(|| {
        Error::config(format!("store {place} of the chain is JSON of type {}", value.type_name())).with_hint(
            "Write an object, such as {\"store\": \"local\", \"connections_file_path\": \"c.yaml\"}",
        )
    })?;
    Ok(members.iter().filter_map(|(key, value)| Some((key.to_str()?.to_owned(), raw(value)))).collect())
}

fn text<'a>(options: &'a RawOptions, key: &str) -> Option<&'a str> {
    options.iter().find(|(known, _)| *known == key).and_then(|(_, value)| value.as_text())
}

/// The text of a key without blanks around it; empty where there is none.
fn word(options: &RawOptions, key: &str) -> String {
    text(options, key).unwrap_or_default().trim().to_owned()
}

/// The name that is written, that of the other tool's configuration, or the word for the store or the class.
fn name(options: &RawOptions, of_tool: Option<String>, store: &str, class: &str) -> String {
    let written = Some(word(options, "name")).filter(|name| !name.is_empty());
    let short = if store.is_empty() { class.rsplit('.').next().unwrap_or_default() } else { store };
    written.or(of_tool).unwrap_or_else(|| short.to_owned())
}

/// A boolean, or a word for one.
fn is_yes(value: &RawValue) -> Result<bool> {
    Ok(matches!(read::read(&DEFAULT_OPTION, value)?, Some(OptionValue::Boolean(true))))
}

fn is_own(key: &str) -> bool {
    MEMBER_KEYS.contains(&key)
}

fn owned((key, value): (&str, &RawValue)) -> (String, RawValue) {
    (key.to_owned(), value.clone())
}

pub(super) fn raw(value: &Value) -> RawValue {
    value.as_str().map_or_else(|| RawValue::Json(value.clone()), |text| RawValue::Text(text.to_owned()))
}

fn check_name(name: &str, place: usize) -> Result<()> {
    if name.is_empty() {
        return Err(Error::config(format!("store {place} of the chain has neither `store` nor `name`"))
            .with_hint("Write the registry name of the store as `store`, such as hashicorp_vault"));
    }
    if NO_NAMES.contains(&name) || name.contains(':') {
        let name = Shown(name);
        return Err(Error::config(format!("`{name}` cannot be the name of a store in the chain"))
            .with_hint("Use a name without a colon that is none of arn, http and https"));
    }
    Ok(())
}

/// A list of texts; a single text is a list of one, and null is no list.
fn list(value: &RawValue, wrong: impl Fn() -> Error) -> Result<Option<Vec<Option<String>>>> {
    let texts = match value {
        RawValue::Text(text) => return Ok(Some(vec![Some(text.clone())])),
        RawValue::Json(Value::Null) => return Ok(None),
        RawValue::Json(Value::Array(texts)) => texts,
        RawValue::Json(_) => return Err(wrong()),
    };
    let texts = texts.iter().map(|text| match text {
        Value::Null => Ok(None),
        text => text.as_str().map(|text| Some(text.to_owned())).ok_or_else(&wrong),
    });
    texts.collect::<Result<_>>().map(Some)
}

fn kinds(value: &RawValue) -> Result<Option<Vec<Kind>>> {
    let wrong = || {
        Error::config("its `kinds` are no list of kinds")
            .with_hint("Write some of connections, variables, config")
    };
    let Some(words) = list(value, wrong)? else { return Ok(None) };
    let kind = |word: Option<String>| {
        let word = word.unwrap_or_default().trim().to_lowercase();
        let of_one = || Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
        Kind::of_group(&word).or_else(of_one).ok_or_else(wrong)
    };
    words.into_iter().map(kind).collect::<Result<_>>().map(Some)
}

fn teams(value: &RawValue) -> Result<Option<Vec<Option<String>>>> {
    list(value, || {
        Error::config("its `teams` are no list of teams")
            .with_hint("Write names of teams, and null for lookups without a team")
    })
}

fn ids(value: &RawValue) -> Result<Option<Pattern>> {
    match value {
        RawValue::Text(text) if text.is_empty() => Ok(None),
        RawValue::Text(text) => Ok(Some(Pattern::new(text.as_str()))),
        RawValue::Json(Value::Null) => Ok(None),
        RawValue::Json(_) => Err(Error::config("its `ids` is no text")
            .with_hint("Write a regular expression, which the ids match from their start")),
    }
}
