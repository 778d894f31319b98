//! Filters of lists: SCIM's `eq` (RFC 7644, section 3.4.2.2), whose value is a text of JSON.

use crate::value::Text;
use crate::value::json::{self, Value};

/// What has exactly this text as its attribute.
pub(super) fn equals(attribute: &str, text: &str) -> String {
    let quoted = json::write(&Value::String(Text::from(text)));
    format!("{attribute} eq {}", quoted.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_leave_its_quotes() {
        assert_eq!(equals("title", "a b"), r#"title eq "a b""#);
        assert_eq!(equals("title", "a\" or title pr\\"), r#"title eq "a\" or title pr\\""#);
    }
}
