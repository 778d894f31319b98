//! INI files as Python's `configparser.RawConfigParser` reads them, since that is what botocore reads profiles with.

use std::collections::BTreeMap;

/// The keys (in lower case) and values of one section.
pub(super) type Section = BTreeMap<String, String>;

/// The sections of a file by name.
pub(super) type Sections = BTreeMap<String, Section>;

/// Why a file cannot be read, and where. It holds nothing of the content, which may be a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IniError {
    /// The line, counted from one.
    pub(super) line: usize,
    /// What is wrong with it.
    pub(super) reason: &'static str,
}

/// Its keys are in every section.
const COMMON_SECTION: &str = "DEFAULT";

/// Reads the text of a file.
///
/// Lines that begin with `#` or `;` are comments. A line that is indented deeper than the key above it goes on with
/// that key's value; such a value holds line ends. A section or key that comes twice is an error, as in Python.
pub(super) fn parse(text: &str) -> Result<Sections, IniError> {
    let mut reader = Reader::default();
    for (number, line) in text.lines().enumerate() {
        reader.line(line).map_err(|reason| IniError { line: number + 1, reason })?;
    }
    Ok(reader.finish())
}

/// The keys and values of an indented block, which botocore allows as the value of `s3` or of a service.
pub(super) fn nested(value: &str) -> Section {
    let pairs = value.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

#[derive(Default)]
struct Reader {
    sections: Sections,
    section: Option<String>,
    key: Option<(String, usize)>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let content = line.trim();
        if content.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.len() - line.trim_start().len();
        if content.is_empty() || self.key.as_ref().is_some_and(|(_, of_key)| indent > *of_key) {
            self.continue_value(content);
            return Ok(());
        }
        match content.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
            Some((name, _)) if !name.is_empty() => self.begin_section(name),
            _ => self.begin_value(content, indent),
        }
    }

    fn continue_value(&mut self, content: &str) {
        let key = self.key.as_ref().map(|(key, _)| key.as_str());
        let section = self.section.as_ref().and_then(|name| self.sections.get_mut(name));
        if let Some(value) = section.zip(key).and_then(|(section, key)| section.get_mut(key)) {
            value.push('\n');
            value.push_str(content);
        }
    }

    fn begin_section(&mut self, name: &str) -> Result<(), &'static str> {
        if name != COMMON_SECTION && self.sections.contains_key(name) {
            return Err("the section comes a second time");
        }
        self.sections.entry(name.to_owned()).or_default();
        (self.section, self.key) = (Some(name.to_owned()), None);
        Ok(())
    }

    fn begin_value(&mut self, content: &str, indent: usize) -> Result<(), &'static str> {
        let (key, value) = content.split_once(['=', ':']).ok_or("neither a section nor `key = value`")?;
        let section = self.section.as_ref().and_then(|name| self.sections.get_mut(name));
        let section = section.ok_or("a key before the first section")?;
        let key = key.trim().to_lowercase();
        if key.is_empty() {
            return Err("a value without a key");
        }
        if section.insert(key.clone(), value.trim().to_owned()).is_some() {
            return Err("the key comes a second time in its section");
        }
        self.key = Some((key, indent));
        Ok(())
    }

    /// Line ends at the end of a value were empty lines, and the common keys go into every section.
    fn finish(mut self) -> Sections {
        let common = self.sections.remove(COMMON_SECTION).unwrap_or_default();
        for section in self.sections.values_mut() {
            for (key, value) in &common {
                section.entry(key.clone()).or_insert_with(|| value.clone());
            }
            for value in section.values_mut() {
                value.truncate(value.trim_end().len());
            }
        }
        self.sections
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, section: &str, key: &str) -> String {
        parse(text).unwrap().get(section).and_then(|section| section.get(key)).unwrap().clone()
    }

    #[test]
    fn keys_values_comments_and_continuations() {
        let text = "# c\n[default]\nRegion = eu-west-1 # kept\n; c\na: b=c\nlong = one\n  two\n\n  three\n\nb=\n[profile x]\ns3 =\n  k = v\n  # c\n  l= w\n";
        assert_eq!(value(text, "default", "region"), "eu-west-1 # kept");
        assert_eq!(value(text, "default", "a"), "b=c");
        assert_eq!(value(text, "default", "long"), "one\ntwo\n\nthree");
        assert_eq!(value(text, "default", "b"), "");
        let block = value(text, "profile x", "s3");
        assert_eq!(block, "\nk = v\nl= w");
        assert_eq!(nested(&block), Section::from([("k".into(), "v".into()), ("l".into(), "w".into())]));
    }

    #[test]
    fn the_common_section_is_in_every_other() {
        let text = "[DEFAULT]\nregion = a\noutput = json\n[x]\nregion = b\n";
        assert_eq!((value(text, "x", "region"), value(text, "x", "output")), ("b".into(), "json".into()));
        assert!(!parse(text).unwrap().contains_key("DEFAULT"));
    }

    #[test]
    fn what_python_refuses_is_refused_with_its_line() {
        for (text, line) in
            [("a = b", 1), ("[x]\nnonsense", 2), ("[x]\na=1\na=2", 3), ("[x]\n[y]\n[x]", 3), ("[x]\n=1", 2)]
        {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn an_error_holds_nothing_of_the_line() {
        let error = parse("[x]\ncanary-secret").unwrap_err();
        assert!(!format!("{error:?}").contains("canary"));
    }
}
