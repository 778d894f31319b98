//! What can go wrong, classified once, where it arises.
//!
//! A store turns the typed error of its SDK (or a status code) into an [`Error`]; nothing above it inspects
//! message texts again. The message, the hint and the cause never contain a secret: they are built from
//! names, codes and sanitized causes only (see [`crate::redact`]).

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The result of everything that can fail in Strongroom.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as categories an operator can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The identity is known but may not do this.
    Denied,
    /// There is no identity, or the store does not accept it.
    Unauthenticated,
    /// The store, or our own limiter, asks for fewer calls.
    Throttled,
    /// No connection: refused, DNS, TLS, or the store answers with a 5xx status.
    Unreachable,
    /// The deadline of the lookup or of one attempt passed.
    Timeout,
    /// The store answered, but the answer or the stored value makes no sense.
    Malformed,
    /// The name cannot exist in this store.
    InvalidName,
    /// What the user configured cannot work.
    Config,
    /// The store cannot do this.
    Unsupported,
    /// What is there is not what a write expected.
    Conflict,
    /// A defect of Strongroom itself.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 11] = [
        Self::Denied,
        Self::Unauthenticated,
        Self::Throttled,
        Self::Unreachable,
        Self::Timeout,
        Self::Malformed,
        Self::InvalidName,
        Self::Config,
        Self::Unsupported,
        Self::Conflict,
        Self::Internal,
    ];

    /// The stable slug of the kind; it reaches Python as `StrongroomError.kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::InvalidName => "invalid_name",
            Self::Config => "config",
            Self::Unsupported => "unsupported",
            Self::Conflict => "conflict",
            Self::Internal => "internal",
        }
    }

    /// What an HTTP status means where nothing more is known.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::Denied,
            408 => Self::Timeout,
            429 => Self::Throttled,
            500..=599 => Self::Unreachable,
            _ => Self::Malformed,
        }
    }

    /// Whether the store did not answer, or answered only that it cannot.
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::Throttled | Self::Unreachable | Self::Timeout)
    }
}

/// Whether the same call may succeed a moment later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorStatus {
    /// Asking again gives the same answer until something is changed.
    Permanent,
    /// Asking again may help, but not before `retry_after` where the store gives one.
    Temporary {
        /// How long the store asks us to wait.
        retry_after: Option<Duration>,
    },
}

/// A classified error of a store, of the configuration or of Strongroom itself.
///
/// Cheap to clone, since callers that share one request share its error.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    status: ErrorStatus,
    store: Option<&'static str>,
    operation: Option<Cow<'static, str>>,
    code: Option<Cow<'static, str>>,
    message: String,
    hint: Option<Cow<'static, str>>,
    /// The official class turns this error into "not found"; see `on_error: official`.
    miss_upstream: bool,
    /// It does so even where another name is still to be tried, which may then answer.
    absence_upstream: bool,
    /// The service that issues credentials issued none.
    login_failure: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A permanent error of `kind`. `message` says what happened, without any secret.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            status: ErrorStatus::Permanent,
            store: None,
            operation: None,
            code: None,
            message: message.into(),
            hint: None,
            miss_upstream: false,
            absence_upstream: false,
            login_failure: false,
            source: None,
        }))
    }

    /// An [`ErrorKind::Config`] error.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// An [`ErrorKind::Internal`] error.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Marks the error as one that may go away on its own.
    #[must_use]
    pub fn temporary(mut self, retry_after: Option<Duration>) -> Self {
        self.0.status = ErrorStatus::Temporary { retry_after };
        self
    }

    /// Marks the error as temporary where its kind is an outage.
    #[must_use]
    pub fn temporary_in_outage(self, retry_after: Option<Duration>) -> Self {
        if self.kind().is_outage() { self.temporary(retry_after) } else { self }
    }

    /// Marks the error as final: the same call must not be made again.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.0.status = ErrorStatus::Permanent;
        self
    }

    /// Names the store that answered.
    #[must_use]
    pub fn with_store(mut self, store: &'static str) -> Self {
        self.0.store = Some(store);
        self
    }

    /// Names the member of a chain that the error arose in.
    #[must_use]
    pub fn in_member(mut self, name: impl fmt::Display) -> Self {
        self.0.message = format!("member `{name}`: {}", self.0.message);
        self
    }

    /// Puts what the error is about before its message.
    #[must_use]
    pub fn about(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Names the operation that was requested from the store.
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    /// Keeps the store's own error code, such as `AccessDeniedException`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Says what the operator can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the hint, if there is one.
    #[must_use]
    pub fn with_hint_if(self, hint: Option<impl Into<Cow<'static, str>>>) -> Self {
        match hint {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Keeps the cause. Only causes that cannot contain a secret belong here.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Records that the official class returns `None` for this error.
    #[must_use]
    pub fn as_upstream_miss(mut self) -> Self {
        self.0.miss_upstream = true;
        self
    }

    /// Records that the official class takes this error for absence, and that the shared name may answer for
    /// a name of a team that ends in it: the store gives the same answer for secrets that do not exist.
    #[must_use]
    pub fn as_upstream_absence(mut self) -> Self {
        self.0.absence_upstream = true;
        self.as_upstream_miss()
    }

    /// Records that it was not the store that failed but a login before it: the service that issues
    /// credentials issued none.
    #[must_use]
    pub fn as_login_failure(mut self) -> Self {
        self.0.login_failure = true;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether asking again may help.
    pub fn status(&self) -> ErrorStatus {
        self.0.status
    }

    /// Whether asking again may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self.0.status, ErrorStatus::Temporary { .. })
    }

    /// How long the store asks us to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.0.status {
            ErrorStatus::Temporary { retry_after } => retry_after,
            ErrorStatus::Permanent => None,
        }
    }

    /// Whether the official class returns `None` for this error.
    pub fn is_upstream_miss(&self) -> bool {
        self.0.miss_upstream
    }

    /// Whether another name of the same lookup may answer instead.
    pub fn is_upstream_absence(&self) -> bool {
        self.0.absence_upstream
    }

    /// Whether the failure was a login before the read.
    pub fn is_login_failure(&self) -> bool {
        self.0.login_failure
    }

    /// The store that answered, by its registry name.
    pub fn store(&self) -> Option<&'static str> {
        self.0.store
    }

    /// The operation that was requested from the store.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The store's own error code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What happened, without store, code, hint and cause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The cause, which may have causes itself.
    pub fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &dyn StdError)
    }

    /// What the operator can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

/// One line: `message (store operation: code): cause. Hint`.
impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        formatter.write_str(&inner.message)?;
        let place: Vec<&str> = [inner.store, inner.operation.as_deref()].into_iter().flatten().collect();
        match (place.is_empty(), &inner.code) {
            (false, Some(code)) => write!(formatter, " ({}: {code})", place.join(" "))?,
            (false, None) => write!(formatter, " ({})", place.join(" "))?,
            (true, Some(code)) => write!(formatter, " ({code})")?,
            (true, None) => {}
        }
        let mut cause = self.cause();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        match &inner.hint {
            Some(hint) => write!(formatter, ". {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("status", &self.0.status)
            .field("text", &self.to_string())
            .finish()
    }
}

impl StdError for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_with_place_code_and_hint() {
        let error = Error::new(ErrorKind::Denied, "reading `a/b` was denied")
            .with_store("aws_secrets_manager")
            .with_operation("GetSecretValue")
            .with_code("AccessDeniedException")
            .with_hint("Grant secretsmanager:GetSecretValue");
        insta::assert_snapshot!(error, @"reading `a/b` was denied (aws_secrets_manager GetSecretValue: \
        AccessDeniedException). Grant secretsmanager:GetSecretValue");
        insta::assert_snapshot!(format!("{error:?}"), @r#"Error { kind: Denied, status: Permanent, text: "reading `a/b` was denied (aws_secrets_manager GetSecretValue: AccessDeniedException). Grant secretsmanager:GetSecretValue" }"#);
    }

    #[test]
    fn causes_are_shown_once_each() {
        let cause = std::io::Error::other("connection refused");
        let error = Error::new(ErrorKind::Unreachable, "no connection").with_source(cause).temporary(None);
        insta::assert_snapshot!(error, @"no connection: connection refused");
        assert!(error.is_temporary());
    }

    #[test]
    fn slugs_are_distinct() {
        let slugs: std::collections::BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(slugs.len(), ErrorKind::ALL.len());
    }
}
