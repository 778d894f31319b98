//! Errors on the wire.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::store::registry::STORES;

/// An [`Error`] as it goes over the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // the marks of an `Error`, each by itself
pub(super) struct WireError {
    /// Index into [`ErrorKind::ALL`]; client and agent are of one version.
    kind: u8,
    is_temporary: bool,
    retry_after: Option<Duration>,
    store: Option<String>,
    operation: Option<String>,
    code: Option<String>,
    message: String,
    hint: Option<String>,
    is_upstream_miss: bool,
    is_upstream_absence: bool,
    is_login_failure: bool,
    cause: Option<String>,
}

/// The causes of an error that arose in the agent.
#[derive(Debug)]
struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl StdError for Cause {}

impl From<&Error> for WireError {
    fn from(error: &Error) -> Self {
        let kind = ErrorKind::ALL.iter().position(|kind| *kind == error.kind()).unwrap_or_default();
        Self {
            kind: u8::try_from(kind).unwrap_or_default(),
            is_temporary: error.is_temporary(),
            retry_after: error.retry_after(),
            store: error.store().map(str::to_owned),
            operation: error.operation().map(str::to_owned),
            code: error.code().map(str::to_owned),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
            is_upstream_miss: error.is_upstream_miss(),
            is_upstream_absence: error.is_upstream_absence(),
            is_login_failure: error.is_login_failure(),
            cause: causes(error),
        }
    }
}

/// The causes of `error` in one text, outermost first.
fn causes(error: &Error) -> Option<String> {
    let (mut texts, mut cause) = (Vec::new(), error.cause());
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    (!texts.is_empty()).then(|| texts.join(": "))
}

impl From<WireError> for Error {
    fn from(wire: WireError) -> Self {
        let kind = ErrorKind::ALL.get(usize::from(wire.kind)).copied().unwrap_or(ErrorKind::Internal);
        let mut error = Self::new(kind, wire.message).with_hint_if(wire.hint);
        if wire.is_temporary {
            error = error.temporary(wire.retry_after);
        }
        if let Some(entry) = STORES.iter().find(|entry| Some(entry.info.name) == wire.store.as_deref()) {
            error = error.with_store(entry.info.name);
        }
        if let Some(operation) = wire.operation {
            error = error.with_operation(operation);
        }
        if let Some(code) = wire.code {
            error = error.with_code(code);
        }
        if wire.is_upstream_miss {
            error = error.as_upstream_miss();
        }
        if wire.is_upstream_absence {
            error = error.as_upstream_absence();
        }
        if wire.is_login_failure {
            error = error.as_login_failure();
        }
        match wire.cause {
            Some(cause) => error.with_source(Cause(cause)),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(error: &Error) -> Error {
        let bytes = postcard::to_stdvec(&WireError::from(error)).unwrap();
        Error::from(postcard::from_bytes::<WireError>(&bytes).unwrap())
    }

    #[test]
    fn an_error_says_the_same_on_the_other_side() {
        let inner = std::io::Error::other("connection refused");
        let error = Error::new(ErrorKind::Throttled, "too many calls")
            .temporary(Some(Duration::from_millis(1500)))
            .with_store(STORES[0].info.name)
            .with_operation("GetSecretValue")
            .with_code("ThrottlingException")
            .with_hint("Set `rate_limit`")
            .with_source(inner)
            .as_upstream_absence()
            .as_login_failure();
        let copy = there_and_back(&error);
        assert_eq!((copy.to_string(), format!("{copy:?}")), (error.to_string(), format!("{error:?}")));
        assert_eq!(copy.retry_after(), error.retry_after());
        assert!(copy.is_upstream_miss() && copy.is_upstream_absence() && copy.is_login_failure());
        assert_eq!(WireError::from(&copy), WireError::from(&error));
    }

    #[test]
    fn every_kind_arrives_as_itself() {
        for kind in ErrorKind::ALL {
            let copy = there_and_back(&Error::new(kind, "m"));
            assert_eq!((copy.kind(), copy.is_temporary()), (kind, false));
        }
    }
}
