//! The declarations of options: key, shape, default and sentence.

use std::fmt;
use std::time::Duration;

/// The shape of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// Text that must not be shown: a key, a password, a token.
    Secret,
    /// Text, or null to switch a kind of lookup off.
    Prefix,
    /// Text, a list of texts that are tried in order, or null to switch a kind of lookup off.
    Prefixes,
    /// true/false/1/0/yes/no.
    Boolean,
    /// A boolean, or the path of a CA bundle.
    BooleanOrPath,
    /// A whole number of at least zero.
    Count,
    /// Seconds, or a text such as `500ms`, `3s`, `10m`, `1h`, `PT60S`.
    Duration,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A JSON object, also as JSON text.
    Object,
    /// Like [`Self::Object`], with credentials inside.
    SecretObject,
    /// A JSON object whose values are durations.
    Durations,
    /// Calls per time, such as `40/s`, `100/m`, `5/10s`.
    Rate,
    /// Any JSON; the code that reads it checks the shape, which the text describes.
    Json(&'static str),
    /// Like [`Self::Json`], with credentials inside.
    SecretJson(&'static str),
    /// Accepted because the official class accepts it; the text says why it has no effect.
    Ignored(&'static str),
}

impl OptionKind {
    /// The word for this shape in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Secret => "secret",
            Self::Prefix => "text or null",
            Self::Prefixes => "text, list or null",
            Self::Boolean => "boolean",
            Self::BooleanOrPath => "boolean or path",
            Self::Count => "count",
            Self::Duration => "duration",
            Self::Choice(_) => "choice",
            Self::Object => "object",
            Self::SecretObject => "secret object",
            Self::Durations => "object of durations",
            Self::Rate => "rate",
            Self::Json(_) => "JSON",
            Self::SecretJson(_) => "secret JSON",
            Self::Ignored(_) => "ignored",
        }
    }

    /// Whether the value must never be shown.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::SecretObject | Self::SecretJson(_))
    }
}

/// The declaration of one option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// The key in `backend_kwargs`.
    pub key: &'static str,
    /// The shape of the value.
    pub kind: OptionKind,
    /// What applies where nothing is written.
    pub default: OptionDefault,
    /// One sentence for the reference.
    pub doc: &'static str,
    /// Whether null and the empty text mean no, as they do where the official class tests the truth of a
    /// value.
    pub null_is_no: bool,
}

impl OptionSpec {
    /// Declares an option without a default.
    pub const fn new(key: &'static str, kind: OptionKind, doc: &'static str) -> Self {
        Self { key, kind, default: OptionDefault::Nothing, doc, null_is_no: false }
    }

    /// Makes null and the empty text mean no.
    #[must_use]
    pub const fn with_null_as_no(mut self) -> Self {
        self.null_is_no = true;
        self
    }

    /// Gives the option another sentence.
    #[must_use]
    pub const fn with_doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Gives the option a text as its default.
    #[must_use]
    pub const fn with_default(self, default: &'static str) -> Self {
        self.with(OptionDefault::Text(default))
    }

    /// Gives the option a default of another type.
    #[must_use]
    pub const fn with(mut self, default: OptionDefault) -> Self {
        self.default = default;
        self
    }

    /// The default of an option that is text; empty without one.
    pub const fn default_text(&self) -> &'static str {
        match self.default {
            OptionDefault::Text(text) => text,
            _ => "",
        }
    }
}

/// What applies where nothing is written for an option. The methods of [`Options`] that take a declaration
/// answer with it, so that no default is written a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionDefault {
    /// Nothing.
    Nothing,
    /// A text, or a word of a choice.
    Text(&'static str),
    /// A boolean.
    Boolean(bool),
    /// A whole number.
    Count(u64),
    /// A duration.
    Duration(Duration),
}

/// As it would be written; empty for none.
impl fmt::Display for OptionDefault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Text(text) => formatter.write_str(text),
            Self::Boolean(boolean) => write!(formatter, "{boolean}"),
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Duration(duration) => match duration.as_secs() {
                // Whole minutes are written as such; a minute itself reads better in seconds.
                seconds if seconds > 60 && seconds.is_multiple_of(60) => {
                    write!(formatter, "{}m", seconds / 60)
                }
                seconds => write!(formatter, "{seconds}s"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_shown_as_it_would_be_written() {
        let seconds = |seconds| OptionDefault::Duration(Duration::from_secs(seconds));
        for (default, text) in [
            (OptionDefault::Nothing, ""),
            (OptionDefault::Text("a"), "a"),
            (OptionDefault::Boolean(true), "true"),
            (OptionDefault::Count(7), "7"),
            (seconds(60), "60s"),
            (seconds(90), "90s"),
            (seconds(600), "10m"),
        ] {
            assert_eq!(default.to_string(), text);
        }
    }
}
