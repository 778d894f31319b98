//! A template of names.

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::convention::Kind;

/// What separates the parts of a namespace, and follows it. Other letters could be those of a part.
const SEPARATORS: [&str; 4] = ["/", "-", "_", "."];

/// What a template may contain, for messages.
const PLACEHOLDERS: &str =
    "{tenant}, {namespace}, {namespace:/} (with what separates its parts), {kind} and {name}";

/// What comes before the id.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `connections`, `variables` or `config`.
    Kind,
    Tenant,
    /// The namespace, with this between its parts.
    Namespace(String),
}

/// A template that ends with the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

impl Template {
    /// Reads a template.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (mut parts, mut rest) = (Vec::new(), text);
        loop {
            let (literal, placeholder, after) = split(rest)?;
            if !literal.is_empty() {
                parts.push(Part::Text(literal.to_owned()));
            }
            match placeholder {
                Some("name") if after.is_empty() => break,
                Some("name") => {
                    return Err(wrong("does not end with {name}", "Write {name} at its end, and only there"));
                }
                Some(word) => parts.push(part(word)?),
                None => return Err(wrong("has no {name}", "Write {name} at its end, for the id")),
            }
            rest = after;
        }
        let template = Self(parts);
        template.check()?;
        Ok(template)
    }

    fn check(&self) -> Result<()> {
        let has_control =
            |part: &Part| matches!(part, Part::Text(text) if text.chars().any(char::is_control));
        if self.0.iter().any(has_control) {
            return Err(wrong("contains a control character", "Remove it"));
        }
        for (what, count) in [
            ("tenant", self.0.iter().filter(|part| **part == Part::Tenant).count()),
            ("namespace", self.0.iter().filter(|part| matches!(part, Part::Namespace(_))).count()),
            ("kind", self.0.iter().filter(|part| **part == Part::Kind).count()),
        ] {
            if count > 1 {
                return Err(wrong(&format!("has {{{what}}} twice"), "Write it once"));
            }
        }
        if self.has_namespace() && self.after_namespace().is_none() {
            return Err(wrong(
                "has nothing that separates {namespace} from what follows",
                "Write one of / - _ . behind it, as in {namespace:/}/{name}",
            ));
        }
        Ok(())
    }

    /// Whether it has a place for a tenant.
    pub(super) fn has_tenant(&self) -> bool {
        self.0.contains(&Part::Tenant)
    }

    /// Whether it has a place for a namespace.
    pub(super) fn has_namespace(&self) -> bool {
        self.separator().is_some()
    }

    fn separator(&self) -> Option<&str> {
        self.0.iter().find_map(|part| match part {
            Part::Namespace(separator) => Some(separator.as_str()),
            _ => None,
        })
    }

    /// The first letter behind the namespace.
    fn after_namespace(&self) -> Option<&'static str> {
        let place = self.0.iter().position(|part| matches!(part, Part::Namespace(_)))?;
        let Some(Part::Text(text)) = self.0.get(place + 1) else { return None };
        SEPARATORS.into_iter().find(|separator| text.starts_with(separator))
    }

    /// Whether `part` can be one of a namespace, and is not two of them.
    pub(super) fn can_hold(&self, part: &str) -> bool {
        let separator = self.separator().unwrap_or_default();
        let is_split = part.contains('.') || part.contains(separator) || part.chars().any(char::is_control);
        !part.is_empty() && !is_split
    }

    /// What comes before the id.
    pub(super) fn before_name(&self, kind: Kind, tenant: &str, namespace: &[&str]) -> String {
        let mut path = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Kind => path.push_str(kind.group()),
                Part::Tenant => path.push_str(tenant),
                Part::Namespace(separator) => path.push_str(&namespace.join(separator)),
            }
        }
        path
    }

    /// What makes `id` ambiguous, if it is: with it the name could be one of another team. The letter behind
    /// the namespace ends the team in a name, unless teams are told apart by another letter before it.
    pub(super) fn ambiguity(&self, kind: Kind, id: &str) -> Option<&'static str> {
        let end = self.after_namespace().filter(|_| kind != Kind::Config)?;
        let may_be_of_team = end == "-" || end == "_";
        let is_separator = self.separator().is_some_and(|separator| separator.starts_with(end));
        (id.contains(end) && (may_be_of_team || is_separator)).then_some(end)
    }
}

/// The text up to the next placeholder, what that names, and the rest.
fn split(text: &str) -> Result<(&str, Option<&str>, &str)> {
    let unclosed = || wrong("has a brace that is not closed or not opened", "Write {name}, with both braces");
    let Some((literal, rest)) = text.split_once('{') else {
        return if text.contains('}') { Err(unclosed()) } else { Ok((text, None, "")) };
    };
    let (word, after) = rest.split_once('}').ok_or_else(unclosed)?;
    if literal.contains('}') || word.contains('{') {
        return Err(unclosed());
    }
    Ok((literal, Some(word), after))
}

fn part(word: &str) -> Result<Part> {
    let (name, separator) = word.split_once(':').map_or((word, None), |(name, rest)| (name, Some(rest)));
    match (name, separator) {
        ("tenant", None) => Ok(Part::Tenant),
        ("kind", None) => Ok(Part::Kind),
        ("namespace", separator) => {
            let separator = separator.unwrap_or(".");
            let is_known = |letter: char| SEPARATORS.iter().any(|known| known.starts_with(letter));
            if separator.is_empty() || !separator.chars().all(is_known) {
                return Err(wrong(
                    &format!("has `{{{}}}`, which does not say how parts are separated", Shown(word)),
                    "Write {namespace:/}, or another of / - _ . behind the colon",
                ));
            }
            Ok(Part::Namespace(separator.to_owned()))
        }
        ("tenant" | "kind" | "name", Some(_)) => Err(wrong(
            &format!("has `{{{}}}`, which takes nothing behind a colon", Shown(word)),
            &format!("Write {{{name}}}"),
        )),
        _ => Err(wrong(
            &format!("has the unknown placeholder `{{{}}}`", Shown(word)),
            &format!("It takes {PLACEHOLDERS}"),
        )),
    }
}

fn wrong(what: &str, hint: &str) -> Error {
    Error::config(format!("`path_template` in backend_kwargs {what}")).with_hint(hint.to_owned())
}
