//! Whether and how the secrets of a backend may be changed: the options.

use crate::error::{Error, Result};
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, Options};
use crate::value::json::Object;

const READ_ONLY: OptionSpec = OptionSpec::new(
    "read_only",
    OptionKind::Boolean,
    "Refuse every command that would change a secret, before any request.",
)
.with(OptionDefault::Boolean(false));

const TAGS: OptionSpec = OptionSpec::new(
    "tags",
    OptionKind::Object,
    "Tags that every secret gets that `strongroom` writes: an object of texts. Other tags of a secret are \
    kept.",
);

/// The options of writing.
pub(in crate::backend) const OPTIONS: &[OptionSpec] = &[READ_ONLY, TAGS];

/// Whether and how secrets may be changed.
#[derive(Clone, Debug, Default)]
pub struct WriteSettings {
    /// Every change is refused.
    pub read_only: bool,
    /// What is added to each secret that is written.
    pub tags: Vec<(String, String)>,
}

impl WriteSettings {
    /// Reads the options.
    pub fn from_options(options: &Options) -> Result<Self> {
        let members = options.object(TAGS.key).and_then(|value| value.as_object());
        let tags = members.into_iter().flat_map(Object::iter);
        let tags = tags.map(|(key, value)| Some((key.to_str()?.to_owned(), value.as_str()?.to_owned())));
        let tags = tags.collect::<Option<_>>().ok_or_else(|| {
            Error::config("`tags` in backend_kwargs is not an object of texts")
                .with_hint("Write {\"team\": \"data\"}, numbers in quotes, too")
        })?;
        Ok(Self { read_only: options.boolean_of(&READ_ONLY), tags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;
    use crate::value::Text;
    use crate::value::json::parse;

    fn tags(json: &str) -> Result<Vec<(String, String)>> {
        let mut options = Options::default();
        options.set("tags", OptionValue::Object(parse(&Text::from(json)).unwrap()));
        WriteSettings::from_options(&options).map(|settings| settings.tags)
    }

    #[test]
    fn tags_are_texts() {
        assert_eq!(tags(r#"{"team": "data"}"#).unwrap(), [("team".to_owned(), "data".to_owned())]);
        assert_eq!(tags("{}").unwrap(), []);
        assert!(tags(r#"{"team": 5}"#).is_err());
        assert!(!WriteSettings::from_options(&Options::default()).unwrap().read_only);
    }
}
