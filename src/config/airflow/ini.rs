//! `airflow.cfg`, read like Python's `configparser`.
//!
//! Source: `Lib/configparser.py` of Python 3.11 (`_read`, `BasicInterpolation`) with the settings of
//! Airflow's `AirflowConfigParser`: names of options keep their case, and a repeated section or option is an
//! error.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::error::{Error, Result};

/// The section whose options all other sections inherit.
const DEFAULT: &str = "DEFAULT";

/// The deepest nesting of options that name others (`MAX_INTERPOLATION_DEPTH`).
const DEEPEST: usize = 10;

/// The options of one section, raw.
type Section = BTreeMap<String, String>;

/// A parsed file. It may contain secrets, so there is no Debug.
#[derive(Clone, Default)]
pub(super) struct Ini(BTreeMap<String, Section>);

/// The state of the reader.
#[derive(Default)]
struct Reader {
    sections: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    section: Option<String>,
    option: Option<String>,
    indent: usize,
}

impl Ini {
    /// Reads a file. Errors name the line but show nothing of it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader::default();
        for (number, line) in text.lines().enumerate() {
            reader.line(line).map_err(|what| broken(number + 1, what))?;
        }
        let join = |lines: Vec<String>| lines.join("\n").trim_end().to_owned();
        let sections = reader.sections.into_iter().map(|(name, options)| {
            (name, options.into_iter().map(|(option, lines)| (option, join(lines))).collect())
        });
        Ok(Self(sections.collect()))
    }

    /// The raw text of an option; its own section takes precedence over `DEFAULT`.
    pub(super) fn raw(&self, section: &str, option: &str) -> Option<&str> {
        let own = self.0.get(section)?;
        own.get(option).or_else(|| self.0.get(DEFAULT)?.get(option)).map(String::as_str)
    }

    /// Every option with its section, without those that only `DEFAULT` has.
    pub(super) fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        let sections = self.0.iter();
        sections
            .flat_map(|(section, options)| options.keys().map(|option| (section.as_str(), option.as_str())))
    }

    /// An option with `%%` and `%(name)s` replaced. Errors name the option but show nothing of its text.
    pub(super) fn get(&self, section: &str, option: &str) -> Result<Option<String>> {
        let Some(raw) = self.raw(section, option) else { return Ok(None) };
        let mut output = String::new();
        self.interpolate(section, raw, 1, &mut output).map_err(|what| {
            Error::config(format!("[{section}] {option} in airflow.cfg {what}")).with_hint(
                "In airflow.cfg a percent sign is written as %%; Airflow itself does not start with this one",
            )
        })?;
        Ok(Some(output))
    }

    fn interpolate(&self, section: &str, raw: &str, depth: usize, output: &mut String) -> Result<(), String> {
        if depth > DEEPEST {
            return Err("names options in a circle".to_owned());
        }
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('%') {
            output.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                output.push('%');
                rest = after;
                continue;
            }
            let (name, after) = after
                .strip_prefix('(')
                .and_then(|named| named.split_once(")s"))
                .ok_or_else(|| "holds a single percent sign".to_owned())?;
            // The name may be a part of a password that contains a percent sign, so it is not shown.
            let value = self
                .raw(section, name)
                .ok_or_else(|| "names an option that is not there, in the form %(NAME)s".to_owned())?;
            self.interpolate(section, value, depth + 1, output)?;
            rest = after;
        }
        output.push_str(rest);
        Ok(())
    }
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let value = line.trim();
        if value.starts_with(['#', ';']) {
            return Ok(());
        }
        if value.is_empty() {
            // An empty line may be part of a value that continues; trailing ones are removed at the end.
            if let Some(lines) = self.value() {
                lines.push(String::new());
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|letter| letter.is_whitespace()).count();
        if indent > self.indent
            && let Some(lines) = self.value()
        {
            lines.push(value.to_owned());
            return Ok(());
        }
        self.indent = indent;
        // Up to the last bracket, as in configparser's pattern.
        match value.strip_prefix('[').and_then(|header| header.rsplit_once(']')) {
            Some((name, _)) if !name.is_empty() => self.header(name),
            _ => self.option(value),
        }
    }

    fn value(&mut self) -> Option<&mut Vec<String>> {
        self.sections.get_mut(self.section.as_ref()?)?.get_mut(self.option.as_ref()?)
    }

    fn header(&mut self, name: &str) -> Result<(), &'static str> {
        // As in configparser, DEFAULT alone may be repeated.
        if self.sections.contains_key(name) && name != DEFAULT {
            return Err("begins a section a second time");
        }
        self.sections.entry(name.to_owned()).or_default();
        (self.section, self.option) = (Some(name.to_owned()), None);
        Ok(())
    }

    fn option(&mut self, line: &str) -> Result<(), &'static str> {
        let section = self.section.as_ref().and_then(|section| self.sections.get_mut(section));
        let section = section.ok_or("comes before the first section")?;
        let parts = line.split_once(['=', ':']).filter(|(name, _)| !name.is_empty());
        let (name, value) = parts.ok_or("is neither a section nor an option")?;
        let name = name.trim_end();
        let Entry::Vacant(place) = section.entry(name.to_owned()) else {
            return Err("sets an option a second time");
        };
        place.insert(vec![value.trim().to_owned()]);
        self.option = Some(name.to_owned());
        Ok(())
    }
}

fn broken(line: usize, what: &str) -> Error {
    Error::config(format!("line {line} of airflow.cfg {what}"))
        .with_hint("Correct the file; Airflow itself does not start with it")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# a comment
[DEFAULT]
home = /opt

[secrets]
backend = strongroom.memory.MemoryBackend
backend_kwargs = {
    \"a\": 1,
; a comment within

    \"b\": \"50%%\"}
folder: %(home)s/x
empty =
; the end
";

    #[test]
    fn values_continue_in_indented_lines() {
        let ini = Ini::parse(FILE).unwrap();
        let get = |option| ini.get("secrets", option).unwrap();
        assert_eq!(get("backend").as_deref(), Some("strongroom.memory.MemoryBackend"));
        assert_eq!(get("backend_kwargs").as_deref(), Some("{\n\"a\": 1,\n\n\"b\": \"50%\"}"));
        assert_eq!(get("folder").as_deref(), Some("/opt/x"));
        assert_eq!((get("empty").as_deref(), get("Backend")), (Some(""), None));
        assert_eq!(ini.get("workers", "home").unwrap(), None);
    }

    #[test]
    fn unreadable_lines_are_reported_without_showing_them() {
        for (text, expected) in [
            ("canary = 1", "line 1 of airflow.cfg comes before the first section"),
            ("[a]\ncanary", "line 2 of airflow.cfg is neither a section nor an option"),
            ("[a]\n= canary", "line 2 of airflow.cfg is neither a section nor an option"),
            ("[a]\n[a]", "line 2 of airflow.cfg begins a section a second time"),
            ("[a]\nx = 1\nx = canary", "line 3 of airflow.cfg sets an option a second time"),
        ] {
            let error = Ini::parse(text).err().unwrap().to_string();
            assert!(error.starts_with(expected) && !error.contains("canary"), "{error}");
        }
        let ini = Ini::parse("[a]\nx = 5% canary\ny = %(y)s\nz = %(canary)s").unwrap();
        for (option, expected) in [
            ("x", "[a] x in airflow.cfg holds a single percent sign"),
            ("y", "[a] y in airflow.cfg names options in a circle"),
            ("z", "[a] z in airflow.cfg names an option that is not there, in the form %(NAME)s"),
        ] {
            let error = ini.get("a", option).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains("canary"), "{error}");
        }
    }
}
