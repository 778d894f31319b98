//! The identity that Entra ID sees, for `strongroom doctor`: the claims of the token that was sent to the
//! vault. Makes no call.
//!
//! Source: "Access token claims reference" of the Microsoft identity platform.

use azure_core::base64::decode_url_safe;
use serde_json::Value;

use crate::redact::Shown;
use crate::store::tools::Finding;

/// The application and the tenant of a token; `None` for one that is not a JWT.
pub(super) fn finding(token: &str) -> Option<Finding> {
    let payload = token.split('.').nth(1).filter(|_| token.split('.').count() == 3)?;
    let claims: Value = serde_json::from_slice(&decode_url_safe(payload).ok()?).ok()?;
    let claim = |name: &str| claims.get(name)?.as_str().map(|text| Shown(text).to_string());
    let tenant = claim("tid")?;
    // Tokens of version 2.0 call the application `azp`.
    let caller = claim("appid")
        .or_else(|| claim("azp"))
        .map(|application| format!("the application {application}"))
        .or_else(|| claim("oid").map(|object| format!("the object {object}")))?;
    let object = claim("oid").filter(|_| !caller.starts_with("the object"));
    let object = object.map(|object| format!(" (object {object})")).unwrap_or_default();
    Some(Finding::fine("caller", format!("Entra ID knows the caller as {caller}{object} of tenant {tenant}")))
}

#[cfg(test)]
mod tests {
    use azure_core::base64::encode_url_safe;

    use super::*;

    fn described(claims: &str) -> Option<String> {
        let token = format!("e30.{}.canary", encode_url_safe(claims));
        let found = finding(&token)?;
        assert!(!format!("{found:?}").contains("canary"));
        Some(found.evidence)
    }

    #[test]
    fn application_object_and_tenant_are_named() {
        insta::assert_snapshot!(
            described(r#"{"tid": "t", "appid": "a", "oid": "o", "upn": "canary"}"#).unwrap(),
            @"Entra ID knows the caller as the application a (object o) of tenant t"
        );
        insta::assert_snapshot!(
            described(r#"{"ver": "2.0", "tid": "t", "azp": "a"}"#).unwrap(),
            @"Entra ID knows the caller as the application a of tenant t"
        );
        insta::assert_snapshot!(
            described(r#"{"tid": "t", "oid": "o", "name": "canary", "email": "canary"}"#).unwrap(),
            @"Entra ID knows the caller as the object o of tenant t"
        );
        assert_eq!(
            (described(r#"{"tid": "t"}"#), described(r#"{"tid": 1, "appid": "a"}"#), described("[]")),
            (None, None, None)
        );
        assert_eq!(
            (described(r#"{"appid": "a"}"#), finding("opaque.canary"), finding("a.b.c")),
            (None, None, None)
        );
    }
}
