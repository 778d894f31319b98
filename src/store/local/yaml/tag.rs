//! The type of a node: from its tag, or from the form of a plain scalar.
//!
//! The patterns are those of `PyYAML` 6.0 (`yaml/resolver.py`), which follow YAML 1.1.

use super::scalar;

/// The types of `PyYAML`'s safe loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Tag {
    /// `~`, `null` or an empty scalar.
    Null,
    /// `yes`, `off`, `true`.
    Bool,
    /// A whole number.
    Int,
    /// A number with a point.
    Float,
    /// A date, perhaps with a time.
    Timestamp,
    /// Text.
    Text,
    /// Base64.
    Binary,
    /// `<<`: the key that merges another mapping in.
    Merge,
    /// `=`: the default value.
    Value,
    /// A list.
    Sequence,
    /// A dictionary.
    Mapping,
    /// A mapping whose values have no meaning.
    Set,
    /// A list of mappings with one pair each.
    Pairs,
    /// Anything else; refused, as in Airflow.
    Unknown,
}

impl Tag {
    /// The type of a scalar.
    pub(super) fn of_scalar(tag: Option<&saphyr_parser::Tag>, text: &str, is_plain: bool) -> Self {
        match tag {
            Some(tag) if !is_non_specific(tag) => Self::of_tag(tag),
            Some(_) if text.is_empty() => Self::Text,
            _ if is_plain => Self::of_plain(text),
            _ => Self::Text,
        }
    }

    /// The type of a sequence or mapping; `default` without a tag.
    pub(super) fn of_container(tag: Option<&saphyr_parser::Tag>, default: Self) -> Self {
        tag.filter(|tag| !is_non_specific(tag)).map_or(default, Self::of_tag)
    }

    fn of_tag(tag: &saphyr_parser::Tag) -> Self {
        let full = format!("{}{}", tag.handle, tag.suffix);
        match full.strip_prefix("tag:yaml.org,2002:").unwrap_or_default() {
            "null" => Self::Null,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "timestamp" => Self::Timestamp,
            "str" => Self::Text,
            "binary" => Self::Binary,
            "merge" => Self::Merge,
            "value" => Self::Value,
            "seq" => Self::Sequence,
            "map" => Self::Mapping,
            "set" => Self::Set,
            "omap" | "pairs" => Self::Pairs,
            _ => Self::Unknown,
        }
    }

    /// The type of a scalar without quotes and tag.
    fn of_plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "<<" => Self::Merge,
            "=" => Self::Value,
            _ if is_boolean(text) => Self::Bool,
            _ if scalar::looks_like_float(text) => Self::Float,
            _ if scalar::looks_like_int(text) => Self::Int,
            _ if scalar::looks_like_timestamp(text) => Self::Timestamp,
            _ => Self::Text,
        }
    }
}

/// A lone `!` has no meaning in `PyYAML`, except that an empty scalar becomes text.
fn is_non_specific(tag: &saphyr_parser::Tag) -> bool {
    matches!((tag.handle.as_str(), tag.suffix.as_str()), ("", "!") | ("!", ""))
}

/// `yes` in lower case, upper case or with a capital; not the single letters of YAML 1.1, which `PyYAML`
/// leaves out.
fn is_boolean(text: &str) -> bool {
    let is_lower = |text: &str| !text.contains(|letter: char| letter.is_ascii_uppercase());
    let is_upper = |text: &str| !text.contains(|letter: char| letter.is_ascii_lowercase());
    scalar::boolean(text).is_some() && (is_upper(text) || text.get(1..).is_some_and(is_lower))
}
