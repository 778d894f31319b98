//! Which secrets a value may refer to.

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, Options};
use crate::store::pattern::Pattern;
use crate::value::SecretValue;
use crate::value::json::Value;

/// The shape of the option.
const SHAPE: &str = "a list such as [{\"member\": \"vault\", \"name\": \"db/\"}]";

const ALLOWED: OptionSpec = OptionSpec::new(
    "references",
    OptionKind::Json(SHAPE),
    "What a stored value may refer to with secret_coordinate::NAME: a list of objects, each with a member \
    and a regular expression for names. Without it, a value with a reference is an error.",
);

const ONLY: OptionSpec = OptionSpec::new(
    "references_only",
    OptionKind::Boolean,
    "Refuse values that hold a secret themselves: passwords and other secret fields have to be references.",
)
.with(OptionDefault::Boolean(false));

/// The options of references.
pub(in crate::backend) const OPTIONS: &[OptionSpec] = &[ALLOWED, ONLY];

/// What the values of a store may refer to.
#[derive(Debug, Default)]
pub struct ReferenceSettings {
    rules: Vec<Rule>,
    /// Whether values that hold a secret themselves are refused.
    pub(super) only: bool,
}

/// Secrets that may be referred to.
#[derive(Debug)]
struct Rule {
    /// The member that has them; without one, the member that is asked where a reference names none.
    member: Option<String>,
    /// Their names; without it, all of the member.
    names: Option<Pattern>,
}

impl ReferenceSettings {
    /// Reads the options.
    pub fn from_options(options: &Options) -> Result<Self> {
        let listed = match options.json(ALLOWED.key) {
            None => &[][..],
            Some(Value::Array(listed)) => listed,
            Some(_) => return Err(wrong("no list")),
        };
        let rules = listed.iter().map(Rule::read).collect::<Result<_>>()?;
        Ok(Self { rules, only: options.boolean_of(&ONLY) })
    }

    /// Whether no reference is resolved.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether `value` has to be looked at.
    #[inline]
    pub(in crate::backend) fn concern(&self, value: &SecretValue) -> bool {
        value.may_refer() | self.only
    }

    /// Whether values that hold a secret themselves are refused.
    pub fn are_required(&self) -> bool {
        self.only
    }

    /// Each rule: the member that is named, and the names.
    pub fn rules(&self) -> impl Iterator<Item = (Option<&str>, Option<&Pattern>)> {
        self.rules.iter().map(|rule| (rule.member.as_deref(), rule.names.as_ref()))
    }

    /// The members that are named.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| rule.member.as_deref())
    }

    /// Whether `name` may be referred to; `is_meant` says whether what a rule has as its member is the one
    /// that has the name.
    pub(super) fn allow(&self, is_meant: impl Fn(Option<&str>) -> bool, name: &str) -> Result<bool> {
        for rule in self.rules.iter().filter(|rule| is_meant(rule.member.as_deref())) {
            let Some(names) = &rule.names else { return Ok(true) };
            if names.matches(name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Rule {
    /// An object, or a pair of the same texts.
    fn read(value: &Value) -> Result<Self> {
        let (mut member, mut name) = (None, None);
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    match key.to_str() {
                        Some("member") => member = text(value)?,
                        Some("name") => name = text(value)?,
                        _ => {
                            let key = Shown(key.to_str().unwrap_or_default()).to_string();
                            return Err(wrong(&format!("a list with the unknown key `{key}`")));
                        }
                    }
                }
            }
            Value::Array(pair) => match pair.as_slice() {
                [of, pattern] => (member, name) = (text(of)?, text(pattern)?),
                _ => return Err(wrong("a list with something else than objects and pairs")),
            },
            _ => return Err(wrong("a list with something else than objects and pairs")),
        }
        if member.is_none() && name.is_none() {
            return Err(wrong("a list with an entry that has neither `member` nor `name`"));
        }
        // A star alone is no regular expression, and can only mean one thing.
        let names = name.filter(|name| name != "*").map(Pattern::new);
        Ok(Self { member, names })
    }
}

fn text(value: &Value) -> Result<Option<String>> {
    match (value, value.as_str().map(str::trim)) {
        (Value::Null, _) => Ok(None),
        (_, Some(text)) if !text.is_empty() => Ok(Some(text.to_owned())),
        _ => Err(wrong("a list in which something is no text")),
    }
}

fn wrong(what: &str) -> Error {
    Error::config(format!("`references` in backend_kwargs is {what}")).with_hint(format!(
        "Write {SHAPE}: each `member` a store's name, each `name` a regular expression that names match from \
        their start"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::options::OptionValue;
    use crate::value::Text;
    use crate::value::json;

    fn settings(json: &str) -> Result<ReferenceSettings> {
        let mut options = Options::default();
        options.set("references", OptionValue::Json(json::parse(&Text::from(json)).unwrap()));
        ReferenceSettings::from_options(&options)
    }

    #[test]
    fn only_names_of_the_member_that_match_from_their_start_are_allowed() {
        let text =
            r#"[{"member": "a", "name": "db/"}, ["b", "x$"], {"name": ".*"}, {"member": "c", "name": "*"}]"#;
        let settings = settings(text).unwrap();
        let allow = |member: Option<&str>, name| settings.allow(|of| of == member, name).unwrap();
        assert!(allow(Some("a"), "db/prod") && !allow(Some("a"), "my/db/prod"));
        assert!(allow(Some("b"), "x") && !allow(Some("b"), "xy"));
        assert!(allow(None, "anything") && allow(Some("c"), "anything") && !allow(Some("d"), "x"));
        assert_eq!(settings.members().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(!settings.is_empty() && ReferenceSettings::default().is_empty());
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in [
            "true",
            r#""vault""#,
            "{}",
            "[5]",
            "[{}]",
            r#"["vault"]"#,
            r#"[["a"]]"#,
            r#"[{"member": 5}]"#,
            r#"[{"members": "a"}]"#,
            r#"[{"member": ""}]"#,
        ] {
            assert_eq!(settings(text).unwrap_err().kind(), ErrorKind::Config, "{text}");
        }
        assert!(settings("[]").unwrap().is_empty());
    }
}
