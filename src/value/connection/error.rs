//! Why a secret is not a connection.

use thiserror::Error;

use crate::value::json::JsonError;
use crate::value::text::Text;

/// Why Airflow could not make a connection of a secret, or a URI of a connection. The message says where and
/// what to do, and shows nothing of the secret, whereas Airflow's own messages print it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectionError {
    /// Nothing but white space.
    #[error("the connection is empty; store a connection URI or a JSON object")]
    Empty,
    /// More than two `://`.
    #[error("the connection URI holds '://' more than twice; percent-encode ':' and '/' in its parts")]
    TooManyProtocols,
    /// The part before the second `://` holds `@` or `:`.
    #[error(
        "the connection URI holds '@' or ':' before its second '://'; write \
        type://protocol://user:password@host and percent-encode ':' and '/' in the query"
    )]
    ProtocolAfterCredentials,
    /// One square bracket without the other.
    #[error(
        "the host of the connection URI has an unpaired square bracket; percent-encode brackets that are not \
        IPv6"
    )]
    UnpairedBracket,
    /// The text in square brackets is not an IPv6 address.
    #[error("the host of the connection URI has square brackets around something that is no IPv6 address")]
    BracketedHost,
    /// A character that becomes one of `/?#@:` in normalization form KC.
    #[error(
        "the host part of the connection URI holds a character that normalizes to one of '/?#@:'; \
        percent-encode it"
    )]
    AmbiguousHost,
    /// The port is not a decimal number.
    #[error(
        "the port of the connection URI is not a number; if a password comes before it, percent-encode '/', \
        '?', '#', '@' and ':' in it"
    )]
    UriPort,
    /// The port is above 65535.
    #[error("the port of the connection URI is out of range; use 0 to 65535")]
    UriPortRange,
    /// A query value is JSON that Python refuses for its size.
    #[error(
        "a query value of the connection URI cannot be read as JSON: {0}; use fewer levels or digits, or \
        __extra__"
    )]
    QueryValue(JsonError),
    /// The text starts with `{` but is not JSON.
    #[error(
        "the connection starts with '{{' but is not valid JSON: {0}; store valid JSON or a connection URI"
    )]
    Json(JsonError),
    /// A key that Airflow's constructor does not take.
    #[error(
        "the connection has an unknown key{}; use conn_type, login, password, host, port, schema, extra or \
        description",
        shown(key.as_deref())
    )]
    UnknownKey {
        /// The key, if it is a plain identifier that cannot be a secret by accident.
        key: Option<String>,
    },
    /// A field has a type that Airflow cannot use.
    #[error("the field '{field}' of the connection has type {found}; use {expected}")]
    FieldType {
        /// Name of the field.
        field: &'static str,
        /// Python's name of the type found.
        found: &'static str,
        /// What to use.
        expected: &'static str,
    },
    /// The port in JSON is not an integer.
    #[error("the field 'port' of the connection is not an integer; use a number such as 5432")]
    Port,
    /// Reading the URI back would give another value for the field.
    #[error(
        "a connection URI cannot hold the field '{field}' as it is given: it would be read as another value; \
        store JSON instead, or write a host in small letters"
    )]
    NotReadBack {
        /// Name of the field.
        field: &'static str,
    },
    /// `uri` together with other fields.
    #[error("the connection has 'uri' and other fields; use one or the other")]
    UriAndFields,
    /// `extra` together with `extra_dejson`.
    #[error("the connection has both 'extra' and 'extra_dejson'; use one of them")]
    ExtraTwice,
    /// `extra` is not JSON.
    #[error("the field 'extra' of the connection is not valid JSON: {0}; use a JSON object")]
    ExtraJson(JsonError),
    /// `extra` is JSON of another type than object.
    #[error("the field 'extra' of the connection is JSON of type {found}; use a JSON object")]
    ExtraType {
        /// Python's name of the type found.
        found: &'static str,
    },
    /// A lone surrogate where UTF-8 is needed.
    #[error(
        "the field '{field}' of the connection holds half of a surrogate pair; store it as valid Unicode"
    )]
    Surrogate {
        /// Name of the field.
        field: &'static str,
    },
}

impl ConnectionError {
    /// An unknown key, named only when it is an ASCII identifier of at most 64 characters.
    pub(super) fn unknown_key(key: &Text) -> Self {
        let is_plain = |key: &&str| {
            let mut bytes = key.bytes();
            key.len() <= 64
                && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        Self::UnknownKey { key: key.to_str().filter(is_plain).map(str::to_owned) }
    }
}

fn shown(key: Option<&str>) -> String {
    key.map(|key| format!(" '{key}'")).unwrap_or_default()
}
