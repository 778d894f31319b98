//! What the codes of databases mean. Their words are not shown, since they may hold what was sent.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};
use crate::http::{NoAnswerHints, TransportError, TransportKind};
use crate::store::kit::database_url::Dialect;

use super::settings::Settings;

/// Why there are no rows.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// There was no answer.
    NoAnswer(TransportError),
    /// The database answered with this code: a SQLSTATE, or a number of MySQL.
    Refused(String),
    /// The server does not encrypt, and has to.
    NoEncryption,
    /// The server asks for a password, and there is none.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "PostgreSQL and H2 alone have it"))]
    NoPassword,
    /// The login is not possible as it is configured.
    NoLogin(&'static str),
    /// No host is of the kind that may be asked.
    NoTarget,
    /// The answer makes no sense.
    Odd,
}

impl Fault {
    /// Without an answer.
    pub(super) fn silence(kind: TransportKind, text: &str) -> Self {
        Self::NoAnswer(TransportError::new(kind, text))
    }

    /// Whether the connection has ended, so that another one may work.
    pub(super) fn is_dead(&self) -> bool {
        match self {
            Self::NoAnswer(failure) => failure.kind() == TransportKind::Broken,
            Self::Refused(code) => ENDED.contains(&code.as_str()) || code.starts_with("08"),
            _ => false,
        }
    }

    /// Whether another host may answer instead.
    pub(super) fn is_of_host(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::NoEncryption | Self::NoTarget => true,
            Self::Refused(code) => meaning(code).is_some_and(|meaning| meaning.kind.is_outage()),
            _ => false,
        }
    }

    /// The error of a read.
    pub(super) fn to_error(&self, subject: &str, settings: &Settings) -> Error {
        let words = |kind, what: &str, hint: &'static str| {
            Error::new(kind, format!("{subject} {what}")).with_hint(hint)
        };
        match self {
            Self::NoAnswer(failure) => failure.to_error(subject, &NO_ANSWER),
            Self::Refused(code) => refused(code, subject, settings),
            Self::NoEncryption => words(
                ErrorKind::Config,
                &format!(
                    "failed, since the server does not encrypt and `sslmode` is {}",
                    settings.mode.as_str()
                ),
                "Switch encryption on in the server, or write `sslmode: disable` if the network may be read",
            ),
            Self::NoPassword => words(
                ErrorKind::Unauthenticated,
                "failed, since the server asks for a password and there is none",
                "Write `password`, or set STRONGROOM_JDBC_PASSWORD",
            ),
            Self::NoLogin(what) => Error::new(ErrorKind::Config, format!("{subject} failed: {what}"))
                .with_hint("Give the user a login that is supported; the page of databases lists them"),
            Self::NoTarget => {
                let what =
                    "failed, since none of the hosts is of the kind that `target_session_attrs` asks for";
                words(ErrorKind::Unreachable, what, "Check replication, or write `target_session_attrs: any`")
                    .temporary(None)
            }
            Self::Odd => words(
                ErrorKind::Malformed,
                "failed with an answer that is not understood",
                "Check host and port of `url`: something else than the database may have answered",
            ),
        }
    }
}

const NO_ANSWER: NoAnswerHints<'static> = NoAnswerHints {
    timeout: "Check the network path to the database, its load, and `timeout`",
    certificate: "Name the CA that signed it in `ca_bundle`, and check the host of `url`",
    dns: "Check the host of `url`, and DNS",
    connect: "Check host and port of `url`, firewalls, and that the database listens there",
    request: "Check `url`",
};

/// The connection was ended by the server: shutdown, an administrator, an idle session.
const ENDED: [&str; 9] = ["57P01", "57P02", "57P05", "25P03", "1927", "1053", "4031", "1152", "2013"];

/// What a code means, and what helps.
struct Meaning {
    kind: ErrorKind,
    what: &'static str,
    hint: &'static str,
}

#[allow(clippy::unnecessary_wraps)] // each arm of a match is one
const fn means(kind: ErrorKind, what: &'static str, hint: &'static str) -> Option<Meaning> {
    Some(Meaning { kind, what, hint })
}

/// Codes of PostgreSQL (appendix "Error Codes" of its documentation), H2 (`ErrorCode`), MySQL ("Server Error
/// Message Reference") and MariaDB ("Error Codes").
fn meaning(code: &str) -> Option<Meaning> {
    match code {
        "28P01" | "28000" | "1045" | "1698" | "1862" | "1820" | "3118" | "4151" => means(
            ErrorKind::Unauthenticated,
            "was refused, since the database does not accept the login",
            "Check `username` and `password`, `sslmode`, and from which hosts the user may log in \
            (pg_hba.conf, REQUIRE SSL, the host of a user of MySQL)",
        ),
        "42501" | "90096" | "1044" | "1142" | "1143" | "1227" | "1130" => means(
            ErrorKind::Denied,
            "was denied: the user may not read the table",
            "Grant it: `strongroom jdbc schema` prints the statement; check host, user and database, too",
        ),
        "3D000" | "1049" | "90146" => means(
            ErrorKind::Config,
            "failed, since the database does not exist",
            "Correct the name of the database in `url`",
        ),
        "42P01" | "3F000" | "42S02" | "42102" | "42104" | "90079" | "1146" => means(
            ErrorKind::Config,
            "failed, since the table does not exist",
            "Correct `table`, or make it with the statements of `strongroom jdbc schema`",
        ),
        "42703" | "42S22" | "42122" | "1054" => means(
            ErrorKind::Config,
            "failed, since the table lacks a column",
            "Compare it with the statements of `strongroom jdbc schema`; `table` may name another table",
        ),
        "53300" | "1040" | "1203" | "1226" => means(
            ErrorKind::Throttled,
            "was refused, since the database has too many connections",
            "Raise its limit of connections, or let an agent read for all processes (`strongroom agent`)",
        ),
        "57014" | "1969" | "3024" | "1317" | "55P03" | "1205" => means(
            ErrorKind::Timeout,
            "took the database too long, and it ended the statement",
            "Look at its load and at locks on the table, or raise `statement_timeout`",
        ),
        "08P01" => means(
            ErrorKind::Config,
            "failed, since the server or a pooler before it refuses what a connection begins with",
            "Behind PgBouncer write `statement_timeout: 0`, or let it ignore the startup parameter `options`",
        ),
        "55000" => means(
            ErrorKind::Unreachable,
            "failed, since the database takes no connections at present",
            "Look at what an administrator has switched off, or ask again later",
        ),
        "22021" | "22001" => {
            means(ErrorKind::InvalidName, "was refused as invalid", "The database's encoding has to be UTF-8")
        }
        "3159" => means(
            ErrorKind::Config,
            "failed, since the server only takes encrypted connections",
            "Write `sslmode: verify-full`, with the CA in `ca_bundle`",
        ),
        "1251" | "2059" => means(
            ErrorKind::Config,
            "failed, since the user's way to log in is not supported",
            "Use mysql_native_password, caching_sha2_password, ed25519 or a client certificate",
        ),
        _ => None,
    }
}

/// By the class of a SQLSTATE or by the number, for codes that have no meaning of their own.
fn kind_of_class(code: &str) -> ErrorKind {
    let is_state = code.len() == 5;
    match code.get(..2) {
        Some("08" | "53" | "57" | "58" | "XX" | "40") if is_state => ErrorKind::Unreachable,
        Some("28") if is_state => ErrorKind::Unauthenticated,
        _ if ENDED.contains(&code) || code == "1213" || code == "1129" => ErrorKind::Unreachable,
        _ => ErrorKind::Malformed,
    }
}

fn refused(code: &str, subject: &str, settings: &Settings) -> Error {
    let Some(Meaning { kind, what, hint }) = meaning(code) else {
        let kind = kind_of_class(code);
        let what = if kind == ErrorKind::Unreachable { "failed inside the database" } else { "was refused" };
        return coded(Error::new(kind, format!("{subject} {what}")), code)
            .with_hint("Look the code up in the documentation of the database, and look at its log");
    };
    let what = what.replace("the table", &format!("the table `{}`", settings.table.shown()));
    coded(Error::new(kind, format!("{subject} {what}")), code).with_hint(hint)
}

fn coded(error: Error, code: &str) -> Error {
    let is_code = code.len() <= 8 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let code: Cow<'static, str> = if is_code { Cow::Owned(code.to_owned()) } else { "unknown".into() };
    error.with_code(code).temporary_in_outage(None)
}

/// What is said where H2 closes the connection without a word.
#[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "PostgreSQL and H2 alone have it"))]
pub(super) fn of_login(fault: Fault, dialect: Dialect) -> Fault {
    match (fault, dialect) {
        (Fault::NoAnswer(failure), Dialect::H2) if failure.kind() == TransportKind::Broken => Fault::NoLogin(
            "H2 ended the connection, as it does for a wrong password, an unknown database, and a database \
            that was not made with MODE=PostgreSQL, DATABASE_TO_LOWER=TRUE and DEFAULT_NULL_ORDERING=HIGH",
        ),
        (fault, _) => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::environment::Environment;
    use crate::store::options::Options;

    fn error(fault: &Fault) -> Error {
        let options = Options::of_texts(&[("url", "postgres://h/d"), ("table", "own.secrets")]);
        fault.to_error("reading `variable/a`", &Settings::read(&options, &Environment::default()).unwrap())
    }

    #[test]
    fn every_code_has_its_kind_and_a_hint() {
        for (code, kind, is_temporary) in [
            ("28P01", ErrorKind::Unauthenticated, false),
            ("28001", ErrorKind::Unauthenticated, false),
            ("1045", ErrorKind::Unauthenticated, false),
            ("42501", ErrorKind::Denied, false),
            ("1142", ErrorKind::Denied, false),
            ("90096", ErrorKind::Denied, false),
            ("3D000", ErrorKind::Config, false),
            ("42P01", ErrorKind::Config, false),
            ("1146", ErrorKind::Config, false),
            ("08P01", ErrorKind::Config, false),
            ("53300", ErrorKind::Throttled, true),
            ("1040", ErrorKind::Throttled, true),
            ("53200", ErrorKind::Unreachable, true),
            ("57014", ErrorKind::Timeout, true),
            ("1969", ErrorKind::Timeout, true),
            ("57P01", ErrorKind::Unreachable, true),
            ("57P03", ErrorKind::Unreachable, true),
            ("40001", ErrorKind::Unreachable, true),
            ("1213", ErrorKind::Unreachable, true),
            ("XX000", ErrorKind::Unreachable, true),
            ("42601", ErrorKind::Malformed, false),
            ("1064", ErrorKind::Malformed, false),
        ] {
            let error = error(&Fault::Refused(code.to_owned()));
            assert_eq!((error.kind(), error.is_temporary(), error.code()), (kind, is_temporary, Some(code)));
            assert!(error.hint().is_some(), "{code}");
        }
    }

    #[test]
    fn the_words_name_the_table_and_never_the_answer() {
        let text = error(&Fault::Refused("42501".to_owned())).to_string();
        assert!(
            text.starts_with(
                "reading `variable/a` was denied: the user may not read the table `own.secrets`"
            )
        );
        let odd = error(&Fault::Refused("canary words".to_owned())).to_string();
        assert!(!odd.contains("canary") && odd.contains("(unknown)"), "{odd}");
        for fault in
            [Fault::NoEncryption, Fault::NoPassword, Fault::NoTarget, Fault::Odd, Fault::NoLogin("x")]
        {
            assert!(error(&fault).hint().is_some(), "{fault:?}");
        }
    }

    #[test]
    fn an_ended_connection_is_told_from_a_refusal() {
        let refused = |code: &str| Fault::Refused(code.to_owned());
        assert!(refused("57P01").is_dead() && refused("08006").is_dead() && !refused("28P01").is_dead());
        assert!(refused("53300").is_of_host() && !refused("28P01").is_of_host());
        let broken = Fault::silence(TransportKind::Broken, "x");
        assert!(broken.is_dead() && matches!(of_login(broken, Dialect::H2), Fault::NoLogin(_)));
    }
}
