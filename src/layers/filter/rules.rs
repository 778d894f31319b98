//! What is written about secrets that are left out.

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::tags::TagRule;
use crate::value::json::{Object, Value};

const TAGS_SHAPE: &str = "an object of tags, with null for any value, or a list of keys";

/// The option `filter_on_tags`.
pub(in crate::layers) const FILTER_ON_TAGS: OptionSpec = OptionSpec::new(
    "filter_on_tags",
    OptionKind::Json(TAGS_SHAPE),
    "Only secrets that have all of these tags are read; the others count as absent.",
);

/// The option `excluded_tags`.
pub(in crate::layers) const EXCLUDED_TAGS: OptionSpec = OptionSpec::new(
    "excluded_tags",
    OptionKind::Json(TAGS_SHAPE),
    "Secrets that have one of these tags count as absent.",
);

const PREFIX_SHAPE: &str = "a text, or {\"prefix\": \"prod-\", \"keep_prefix\": false}";

/// The option `filter_on_prefix`.
pub(in crate::layers) const FILTER_ON_PREFIX: OptionSpec = OptionSpec::new(
    "filter_on_prefix",
    OptionKind::Json(PREFIX_SHAPE),
    "Only secrets whose names in the store begin so are read; with keep_prefix false it is put before each \
    name.",
);

/// Which secrets a backend may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterRules {
    /// Every one must be there.
    pub required: Vec<TagRule>,
    /// None may be there.
    pub excluded: Vec<TagRule>,
    /// What every name in the store begins with.
    pub prefix: String,
    /// Whether the names that are asked for have the prefix already.
    pub keeps_prefix: bool,
}

impl FilterRules {
    /// Reads the options; `None` where nothing is left out.
    pub fn from_options(options: &Options) -> Result<Option<Self>> {
        let tags = |spec: &OptionSpec| match options.json(spec.key) {
            None => Ok(Vec::new()),
            Some(written) => TagRule::read(spec.key, written),
        };
        let (prefix, keeps_prefix) = match options.json(FILTER_ON_PREFIX.key) {
            None => (String::new(), true),
            Some(written) => prefix(written).ok_or_else(wrong_prefix)?,
        };
        let rules =
            Self { required: tags(&FILTER_ON_TAGS)?, excluded: tags(&EXCLUDED_TAGS)?, prefix, keeps_prefix };
        let leaves_out = rules.has_tags() || !rules.prefix.is_empty();
        Ok(leaves_out.then_some(rules))
    }

    /// Whether the tags of a secret matter.
    pub fn has_tags(&self) -> bool {
        !(self.required.is_empty() && self.excluded.is_empty())
    }

    /// Why a secret with these tags is left out, if it is.
    pub fn against(&self, tags: &[(String, String)]) -> Option<String> {
        let missing = self.required.iter().find(|rule| !rule.is_among(tags));
        let missing =
            missing.map(|rule| format!("it has no tag `{}`, as `filter_on_tags` asks", rule.shown()));
        let excluded = || self.excluded.iter().find(|rule| rule.is_among(tags));
        missing.or_else(|| excluded().map(|rule| format!("`excluded_tags` leaves out `{}`", rule.shown())))
    }
}

fn prefix(written: &Value) -> Option<(String, bool)> {
    match written {
        Value::String(text) => Some((text.to_str()?.to_owned(), true)),
        Value::Object(members) => of_object(members),
        _ => None,
    }
}

fn of_object(members: &Object) -> Option<(String, bool)> {
    let (mut prefix, mut keeps) = (None, true);
    for (key, value) in members {
        match key.to_str()? {
            "prefix" => prefix = value.as_str(),
            "keep_prefix" | "keepPrefix" | "keep-prefix" => keeps = value.as_bool()?,
            _ => return None,
        }
    }
    Some((prefix?.to_owned(), keeps))
}

fn wrong_prefix() -> Error {
    let option = Shown(FILTER_ON_PREFIX.key);
    Error::config(format!("`{option}` in backend_kwargs is neither a text nor an object with `prefix`"))
        .with_hint(format!("Write {PREFIX_SHAPE}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;
    use crate::value::{Text, json};

    fn rules(written: &[(&'static str, &str)]) -> Result<Option<FilterRules>> {
        let mut options = Options::default();
        for (key, text) in written {
            options.set(key, OptionValue::Json(json::parse(&Text::from(*text)).unwrap()));
        }
        FilterRules::from_options(&options)
    }

    #[test]
    fn a_prefix_is_a_text_or_an_object() {
        let prefix = |text| {
            rules(&[("filter_on_prefix", text)])
                .map(|rules| rules.map(|rules| (rules.prefix, rules.keeps_prefix)))
        };
        assert_eq!(prefix(r#""p-""#).unwrap(), Some(("p-".to_owned(), true)));
        assert_eq!(
            prefix(r#"{"prefix": "p-", "keepPrefix": false}"#).unwrap(),
            Some(("p-".to_owned(), false))
        );
        assert_eq!(prefix(r#""""#).unwrap(), None);
        for wrong in ["1", "{}", r#"{"prefix": 1}"#, r#"{"prefix": "p", "keep": true}"#, "[]"] {
            assert!(prefix(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_has_all_of_some_tags_and_none_of_others() {
        let written =
            [("filter_on_tags", r#"{"team": "a", "env": null}"#), ("excluded_tags", r#"["draft"]"#)];
        let rules = rules(&written).unwrap().unwrap();
        let against = |tags: &[(&str, &str)]| {
            let tags: Vec<_> =
                tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            rules.against(&tags)
        };
        assert_eq!(against(&[("env", "x"), ("team", "a")]), None);
        let without = against(&[("env", "x"), ("team", "b")]).unwrap();
        insta::assert_snapshot!(without, @"it has no tag `team=a`, as `filter_on_tags` asks");
        let excluded = against(&[("env", "x"), ("team", "a"), ("draft", "")]).unwrap();
        insta::assert_snapshot!(excluded, @"`excluded_tags` leaves out `draft`");
    }
}
