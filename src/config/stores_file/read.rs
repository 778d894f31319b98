//! From a TOML file to the stores in it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use crate::backend::chain::{CHAIN, STORES_OPTION};
use crate::config::spelling::option_of;
use crate::error::Error;
use crate::redact::Shown;
use crate::value::Text;
use crate::value::json::{Int, Object, Value};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The stores of a file.
pub(super) struct Contents {
    pub(super) stores: Vec<Value>,
    /// The line of each.
    pub(super) lines: Vec<usize>,
    /// Other keys at the top, with their lines.
    others: Vec<(String, usize)>,
}

impl Contents {
    /// A sentence about each key at the top that has no effect.
    pub(super) fn unknown(&self, file: &str) -> Vec<String> {
        let sentence = |(key, line): &(String, usize)| {
            let place = format!("{file}, line {line}");
            if option_of(&CHAIN, key).is_some() {
                let key = Shown(key);
                return format!("`{key}` in {place} has no effect: write it beside `stores_file`");
            }
            let distance = strsim::damerau_levenshtein(key, STORES_OPTION.key);
            let meant = if distance <= 2 { ". Did you mean `[[stores]]`?" } else { "" };
            format!("the unknown key `{}` in {place} is ignored{meant}", Shown(key))
        };
        self.others.iter().map(sentence).collect()
    }
}

/// Why a file cannot be used.
pub(super) struct Problem {
    line: Option<usize>,
    what: String,
    hint: &'static str,
}

const SHAPE: &str = "Write a table `[[stores]]` for each store, with `store` and its options";

impl Problem {
    fn new(what: impl Into<String>, hint: &'static str) -> Self {
        Self { line: None, what: what.into(), hint }
    }

    pub(super) fn into_error(self, file: &str) -> Error {
        let line = self.line.map(|line| format!(", line {line}")).unwrap_or_default();
        Error::config(format!("the stores file {file}{line}: {}", self.what)).with_hint(self.hint)
    }
}

/// Reads the file at `path`.
pub(super) fn contents(path: &Path) -> Result<Contents, Problem> {
    parsed(&text(path)?)
}

/// The text of a regular file: anything else, such as a pipe, might block.
fn text(path: &Path) -> Result<Zeroizing<String>, Problem> {
    let unread = |error: std::io::Error| {
        let reason = if error.kind() == std::io::ErrorKind::NotFound {
            "it is not there".to_owned()
        } else {
            format!("it cannot be read ({error})")
        };
        Problem::new(reason, "Check the path, and that the user of this process may read it")
    };
    let metadata = std::fs::metadata(path).map_err(unread)?;
    if !metadata.is_file() {
        return Err(Problem::new("it is not a regular file", "Name a TOML file"));
    }
    if metadata.len() > LARGEST {
        return Err(Problem::new("it is larger than one MiB", "Check that it is the stores file"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)).map_err(unread)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => {
            let line = line_of(&bytes, error.valid_up_to());
            Err(Problem { line: Some(line), ..Problem::new("it is not UTF-8", "Save it as UTF-8") })
        }
    }
}

pub(super) fn parsed(text: &str) -> Result<Contents, Problem> {
    let at = |span: std::ops::Range<usize>| line_of(text.as_bytes(), span.start);
    // The error's own text would quote the line.
    let table = DeTable::parse(text).map_err(|error| {
        let problem = Problem::new(format!("it is no valid TOML: {}", error.message()), SHAPE);
        Problem { line: error.span().map(at), ..problem }
    })?;
    let mut found = Contents { stores: Vec::new(), lines: Vec::new(), others: Vec::new() };
    let mut is_named = false;
    for (key, value) in table.get_ref() {
        if key.get_ref().as_ref() != STORES_OPTION.key {
            found.others.push((key.get_ref().to_string(), at(key.span())));
            continue;
        }
        is_named = true;
        let wrong = |value: &Spanned<DeValue<'_>>| Problem {
            line: Some(at(value.span())),
            ..Problem::new(format!("`stores` is {}, not a list of tables", kind(value.get_ref())), SHAPE)
        };
        let DeValue::Array(stores) = value.get_ref() else { return Err(wrong(value)) };
        for store in stores {
            let DeValue::Table(members) = store.get_ref() else { return Err(wrong(store)) };
            found.lines.push(at(store.span()));
            found.stores.push(member(members));
        }
    }
    found.others.sort_by_key(|(_, line)| *line);
    if found.stores.is_empty() {
        let near = found.others.iter().find(|(key, _)| strsim::damerau_levenshtein(key, "stores") <= 2);
        let what = match near {
            Some((key, _)) => format!("there is no store in it, but a key `{}`", Shown(key)),
            None if is_named => "`stores` is empty".to_owned(),
            None => "there is no store in it".to_owned(),
        };
        return Err(Problem { line: near.map(|(_, line)| *line), ..Problem::new(what, SHAPE) });
    }
    Ok(found)
}

/// The line of an offset, from 1.
fn line_of(text: &[u8], offset: usize) -> usize {
    text.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// What a value is, in the words of TOML.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A store as JSON has it. TOML has no null, so an empty team stands for lookups without a team.
fn member(members: &DeTable<'_>) -> Value {
    let pairs = members.iter().map(|(key, value)| {
        let key = key.get_ref().as_ref();
        let value = json(value.get_ref());
        (Text::from(key), if key == "teams" { without_names(value) } else { value })
    });
    Value::from(pairs.collect::<Object>())
}

fn without_names(teams: Value) -> Value {
    let Value::Array(teams) = &teams else { return teams };
    let team = |team: &Value| if team.as_str() == Some("") { Value::Null } else { team.clone() };
    Value::from(teams.iter().map(team).collect::<Vec<_>>())
}

/// A whole number of any size, as in JSON; the other notations of TOML have 64 bits.
fn integer(digits: &str, radix: u32) -> Value {
    let number = match i64::from_str_radix(digits, radix) {
        Ok(number) => Some(Int::from(number)),
        Err(_) if radix == 10 => Int::from_decimal(digits),
        Err(_) => None,
    };
    number.map_or_else(|| Value::from(digits), Value::from)
}

/// The parser limits the depth.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(boolean) => Value::from(*boolean),
        DeValue::Integer(number) => integer(number.as_str(), number.radix()),
        DeValue::Float(number) => {
            number.as_str().parse::<f64>().map_or_else(|_| Value::from(number.as_str()), Value::from)
        }
        DeValue::Datetime(moment) => Value::from(moment.to_string()),
        DeValue::Array(items) => {
            Value::from(items.iter().map(|item| json(item.get_ref())).collect::<Vec<_>>())
        }
        DeValue::Table(members) => {
            let pairs = members
                .iter()
                .map(|(key, value)| (Text::from(key.get_ref().as_ref()), json(value.get_ref())));
            Value::from(pairs.collect::<Object>())
        }
    }
}
