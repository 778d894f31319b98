//! From Vault's statuses to [`Error`]. The server's texts are never read: they are made for people, and some
//! repeat what was sent.
//!
//! Source: "HTTP status codes" in the reference of Vault's API, and observations of OpenBao 2.6.2 and hvac.

use crate::error::{Error, ErrorKind};
use crate::http::{NoAnswerHints, TransportError};
use crate::redact::Shown;
use crate::store::kit::vendor;
use crate::store::vault::server::Reply;

/// The operation of a read.
pub(super) const READ: &str = "read";
/// The operation of a listing.
pub(super) const LIST: &str = "list";
/// The operation of a description.
pub(super) const DESCRIBE: &str = "describe";
/// The operation of a login.
pub(super) const LOGIN: &str = "login";

/// The error of a call about `subject` that got no answer.
pub(super) fn no_answer(error: &TransportError, subject: &str) -> Error {
    error.to_error(subject, &NO_ANSWER)
}

const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to the Vault server",
    certificate: "Name the CA that signed it in `ca_bundle`, `verify` or VAULT_CACERT, and check that `url` \
    names the host in it",
    dns: "Check `url` or VAULT_ADDR, and the DNS of this machine",
    connect: "Check `url` or VAULT_ADDR, that http or https is what the server speaks there, and the proxy",
    request: "Check the options of the backend",
};

/// The meaning of an unsuccessful status without further information.
pub(super) fn refused(reply: &Reply, subject: &str) -> Error {
    let (kind, text, hint) = meaning(reply.status);
    let error = Error::new(kind, format!("{subject}: {text}")).with_code(reply.status.to_string());
    let error = match &reply.elsewhere {
        Some(place) => error.with_hint(format!(
            "The server sends us to `{}`, where the token is not sent; if that is right, write it as `url`",
            Shown(place)
        )),
        None => error.with_hint(hint),
    };
    if is_temporary(reply.status) { error.temporary(reply.retry_after) } else { error }
}

fn is_temporary(status: u16) -> bool {
    // 412: eventual consistency of a cluster. 472 and 473: standby nodes. 501 is left out, since a server
    // does not initialise itself.
    matches!(status, 408 | 412 | 429 | 472 | 473 | 500 | 502..=599)
}

/// The kind, what happened, and the remedy.
type Meaning = (ErrorKind, &'static str, &'static str);

fn meaning(status: u16) -> Meaning {
    match status {
        412 | 472 | 473 | 500..=599 => meaning_of_outage(status),
        300..=499 => meaning_of_refusal(status),
        _ => NOT_UNDERSTOOD,
    }
}

fn meaning_of_refusal(status: u16) -> Meaning {
    match status {
        300..=399 => {
            (ErrorKind::Config, "the server redirects", "Write the address of the server itself as `url`")
        }
        400 => (
            ErrorKind::InvalidName,
            "the request was refused",
            "Vault does not take this name: a path may not end with a dot; check the mount, the id and the \
            namespace",
        ),
        401 => (ErrorKind::Unauthenticated, "the token was not accepted", "Check the token, or log in anew"),
        403 => (ErrorKind::Denied, "permission denied", "Check the policies of this token"),
        404 => (ErrorKind::Config, "there is nothing at this path", "Check `mount_point` and the namespace"),
        405 => (
            ErrorKind::Unsupported,
            "the engine at this mount does not do that",
            "Check that `mount_point` names a KV engine",
        ),
        408 => (ErrorKind::Timeout, "the server gave up", "Check the load of the server"),
        429 => (
            ErrorKind::Throttled,
            "the server asks for fewer requests",
            "Ask less often (a longer `cache_ttl`, or `rate_limit`), or raise the rate limit quota (`vault \
            read sys/quotas/rate-limit/<name>`)",
        ),
        _ => NOT_UNDERSTOOD,
    }
}

/// The node or the whole server cannot answer at present.
fn meaning_of_outage(status: u16) -> Meaning {
    match status {
        412 => (
            ErrorKind::Unreachable,
            "this node has not caught up yet",
            "It passes by itself; if it does not, check the replication of the cluster",
        ),
        472 | 473 => (
            ErrorKind::Unreachable,
            "this node is a standby that answers no reads",
            "Write the address of the active node or of a load balancer as `url`",
        ),
        501 => (
            ErrorKind::Unreachable,
            "the server is not initialised",
            "Run `vault operator init`, or check that `url` is the right server",
        ),
        _ => (
            ErrorKind::Unreachable,
            "the server failed",
            "Look at the server's own log; `vault status` shows whether it is sealed",
        ),
    }
}

const NOT_UNDERSTOOD: Meaning = (
    ErrorKind::Malformed,
    "the answer is not understood",
    "Check `url` and proxies: something else than Vault may have answered",
);

/// A successful answer without what was requested.
pub(super) fn not_understood(reply: &Reply, subject: &str) -> Error {
    vendor::not_understood(subject, "url", "Vault").with_code(reply.status.to_string())
}

/// The server is sealed: it cannot read its own storage until it gets the keys.
pub(super) fn sealed(subject: &str) -> Error {
    Error::new(ErrorKind::Unreachable, format!("{subject}: the server is sealed"))
        .with_code("503")
        .with_hint("Unseal it with `vault operator unseal`; its values are not lost")
        .temporary(None)
}

/// The token works, but none of its policies allows this.
pub(super) fn denied(subject: &str, path: &str, capability: &str) -> Error {
    Error::new(ErrorKind::Denied, format!("{subject}: permission denied")).with_code("403").with_hint(
        format!(
            "Give a policy of this login `path \"{}\" {{ capabilities = [\"{capability}\"] }}`",
            Shown(path)
        ),
    )
}

/// The server does not know the token any longer, or does not let it look itself up.
pub(super) fn token_refused(subject: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("{subject}: the token was not accepted"))
        .with_code("403")
        .with_hint(
            "It has expired, was revoked or belongs to another namespace: check with `vault token lookup`. A \
        login such as approle or kubernetes gets new tokens by itself",
        )
}

/// This login sees nothing at the mount: it does not exist, or no policy names anything below it.
pub(super) fn mount_unseen(subject: &str, mount: &str) -> Error {
    Error::new(
        ErrorKind::Denied,
        format!("{subject}: permission denied, and no mount `{}` is visible", Shown(mount)),
    )
    .with_code("403")
    .with_hint(format!(
        "Either nothing is mounted there (`vault secrets list`; check `mount_point` and `namespace`), or no \
            policy of this login names a path below `{}/`",
        Shown(mount)
    ))
}

/// There is no such mount, and this login would be able to see it.
pub(super) fn mount_missing(subject: &str, mount: &str) -> Error {
    Error::config(format!("{subject}: nothing is mounted at `{}`", Shown(mount)))
        .with_code("404")
        .with_hint("Check `mount_point` and `namespace` with `vault secrets list`")
}

/// The mount has another version than the configured one, or is not a KV engine.
pub(super) fn mount_differs(subject: &str, mount: &str, configured: u8, found: &str) -> Error {
    Error::config(format!(
        "{subject}: at `{}` is {found}, and `kv_engine_version` says {configured}",
        Shown(mount)
    ))
    .with_hint(
        "Write the version of the engine, or auto, as `kv_engine_version` (`vault secrets list -detailed`)",
    )
}

/// `kv_engine_version` is auto, and the mount is not a KV engine.
pub(super) fn no_kv(subject: &str, mount: &str) -> Error {
    Error::config(format!("{subject}: at `{}` is another engine than KV", Shown(mount)))
        .with_hint("Check `mount_point` with `vault secrets list`")
}

/// `kv_engine_version` is auto, and the server does not report the version.
pub(super) fn version_unknown(subject: &str, mount: &str, status: u16) -> Error {
    Error::config(format!("{subject}: the server does not report the KV version of `{}`", Shown(mount)))
        .with_code(status.to_string())
        .with_hint(
            "Write 1 or 2 as `kv_engine_version`, or check `mount_point` and that a policy names a \
        path below it",
        )
}

/// A refusal by something in between: its 404 does not prove an absence.
pub(super) fn foreign(reply: &Reply, subject: &str) -> Error {
    let kind = if reply.status == 403 { ErrorKind::Denied } else { ErrorKind::Malformed };
    Error::new(kind, format!("{subject}: refused, and not by Vault"))
        .with_code(reply.status.to_string())
        .with_hint("Check `url` and proxies: something else than Vault has answered")
}

/// A folder that must not be requested.
pub(super) fn name_refused(subject: &str, reason: &str) -> Error {
    Error::new(ErrorKind::InvalidName, format!("{subject}: {reason}, so it is not asked for"))
        .with_hint("Rename it: such a path would reach another secret, or none")
        .as_upstream_miss()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorStatus;

    #[test]
    fn statuses_are_classified_and_their_bodies_never_shown() {
        use ErrorKind::{
            Config, Denied, InvalidName, Malformed, Throttled, Timeout, Unauthenticated, Unreachable,
            Unsupported,
        };
        let table = [
            (307, Config, false),
            (400, InvalidName, false),
            (401, Unauthenticated, false),
            (403, Denied, false),
            (405, Unsupported, false),
            (408, Timeout, true),
            (412, Unreachable, true),
            (418, Malformed, false),
            (429, Throttled, true),
            (472, Unreachable, true),
            (473, Unreachable, true),
            (500, Unreachable, true),
            (501, Unreachable, false),
            (503, Unreachable, true),
        ];
        for (status, kind, temporary) in table {
            let error = refused(&Reply::of(status, r#"{"errors": ["canary"]}"#), "reading `x`");
            assert_eq!((error.kind(), error.is_temporary()), (kind, temporary), "{status}");
            assert_eq!(error.code(), Some(status.to_string().as_str()));
            assert!(error.hint().is_some() && !format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }

    #[test]
    fn the_server_says_how_long_to_wait() {
        let mut reply = Reply::of(429, "{}");
        reply.retry_after = Some(Duration::from_secs(7));
        let waits = ErrorStatus::Temporary { retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(refused(&reply, "reading").status(), waits);
    }

    #[test]
    fn a_denial_names_the_missing_rule() {
        insta::assert_snapshot!(denied("reading `secret/a`", "secret/data/a", "read"), @r#"reading `secret/a`: permission denied (403). Give a policy of this login `path "secret/data/a" { capabilities = ["read"] }`"#);
    }

    #[test]
    fn only_what_lists_errors_is_of_vault() {
        assert!(Reply::of(404, r#"{"errors": []}"#).is_of_vault());
        assert!(!Reply::of(404, "<html>").is_of_vault() && !Reply::of(403, "[]").is_of_vault());
    }
}
