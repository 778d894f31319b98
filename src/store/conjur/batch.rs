//! Many variables with one request (`/secrets?variable_ids=`).
//!
//! Conjur answers with all of them or with none: where one is absent, has no value or may not be read, each
//! is read by itself.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::ACCEPT_ENCODING;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::store::SecretName;
use crate::value::SecretValue;
use crate::value::json::Object;

use super::error::{self, CONJUR};
use super::login::BASE64;
use super::resource::full_id;
use super::{Conjur, text};

/// How many variables a request names at most.
pub(super) const SIZE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49);

/// The longest list of ids in an address. Servers take 8 KiB.
const LONGEST_LIST: usize = 4000;

/// The answer for one name; `None` if it has to be read by itself.
type Settled = Option<Result<Option<SecretValue>>>;

impl Conjur {
    /// Reads `names` with one request.
    pub(super) async fn batch(&self, names: &[SecretName]) -> Result<Vec<Settled>> {
        let alone = || vec![None; names.len()];
        let ids = fitting(names.iter().map(|name| full_id(&self.account, name.as_str())));
        if ids.len() < 2 {
            return Ok(alone());
        }
        let subject = format!("reading {} variables", ids.len());
        let joined = ids.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let mut request = self.session.get("secrets", &[("variable_ids", &joined)])?;
        request.headers_mut().insert(ACCEPT_ENCODING, BASE64);
        let answer = self.session.ask(&request, &subject).await?;
        if error::is_about_one(&answer) {
            return Ok(alone());
        }
        if !answer.is_success() {
            return Err(error::refused(&answer, &subject));
        }
        let values = answer.object().ok_or_else(|| CONJUR.not_understood(&subject))?;
        // A proxy may have taken away that base64 was asked for.
        let is_encoded =
            answer.header("content-encoding").is_some_and(|form| form.eq_ignore_ascii_case("base64"));
        let settled = |name: &SecretName| self.settled(&values, is_encoded, name);
        Ok(names.iter().map(settled).collect())
    }

    fn settled(&self, values: &Object, is_encoded: bool, name: &SecretName) -> Settled {
        let value = values.get(full_id(&self.account, name.as_str()).as_str())?.as_str()?;
        let subject = format!("reading `{name}`");
        let read = if is_encoded { decoded(value, &subject) } else { Ok(SecretValue::text(value)) };
        Some(read.map(Some).map_err(|error| error.with_operation("batch")))
    }
}

/// The ids that one address can hold. A comma in an id would end it.
fn fitting(ids: impl Iterator<Item = String>) -> BTreeSet<String> {
    let mut length = 0;
    ids.filter(|id| !id.contains(','))
        .take_while(|id| {
            length += id.len() + 1;
            length <= LONGEST_LIST
        })
        .collect()
}

/// A value in base64, in lines as Ruby writes them.
fn decoded(value: &str, subject: &str) -> Result<SecretValue> {
    let joined = Zeroizing::new(value.split_ascii_whitespace().collect::<String>());
    let bytes = STANDARD.decode(joined.as_bytes()).map(Zeroizing::new);
    text(&bytes.map_err(|_| CONJUR.not_understood(subject))?, subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn ids_are_named_once_as_far_as_an_address_goes() {
        let of = |names: &[&str]| fitting(names.iter().map(|name| (*name).to_owned())).len();
        assert_eq!((of(&["a", "b", "a"]), of(&["a", "b,c"]), of(&[])), (2, 1, 0));
        assert_eq!(of(&["a", &"n".repeat(LONGEST_LIST), "b"]), 1);
    }

    #[test]
    fn a_value_comes_in_lines_and_is_text() {
        assert_eq!(decoded("Y2Fu\nYXJ5\n", "reading `a`").unwrap().expose(), "canary");
        assert_eq!(decoded("", "reading `a`").unwrap().expose(), "");
        for broken in ["/w==", "!"] {
            assert_eq!(decoded(broken, "reading `a`").unwrap_err().kind(), ErrorKind::Malformed);
        }
    }
}
