//! What the options and the parameters of the address mean.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::http::Roots;
use crate::store::environment::Environment;
use crate::store::kit::database_url::{DatabaseUrl, Dialect, Host, plain};
use crate::store::kit::files::expand;
use crate::store::kit::trust::{CA_BUNDLE, Trust, VERIFY, Verify};
use crate::store::options::{OptionSpec, Options};

use super::config::{
    CHANNEL_BINDING, CONNECT_TIMEOUT, DIALECT, OF_PASSWORD, OF_URL, OF_USER, PASSWORD, SSLCERT, SSLKEY,
    SSLMODE, STATEMENT_TIMEOUT, TABLE, TARGET, URL, USERNAME,
};
use super::table::Table;

/// Parameters of addresses that mean the same as an option here, by their plain names, and those that say
/// nothing that matters to reading.
const KNOWN: [&str; 26] = [
    "applicationname",
    "channelbinding",
    "characterencoding",
    "charset",
    "connecttimeout",
    "currentschema",
    "encoding",
    "logintimeout",
    "loglevel",
    "prepare",
    "preparethreshold",
    "requiressl",
    "searchpath",
    "servertimezone",
    "ssl",
    "sslca",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statementtimeout",
    "targetservertype",
    "targetsessionattrs",
    "tcpkeepalive",
    "usessl",
    "verifyservercertificate",
];

/// How a connection is encrypted, in the words of libpq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    /// What a word of libpq, of Connector/J or of MariaDB's Connector/J means.
    fn of(word: &str) -> Option<Self> {
        match plain(word).as_str() {
            "disable" | "disabled" => Some(Self::Disable),
            "allow" | "prefer" | "preferred" => Some(Self::Prefer),
            "require" | "required" | "trust" => Some(Self::Require),
            "verifyca" => Some(Self::VerifyCa),
            "verifyfull" | "verifyidentity" => Some(Self::VerifyFull),
            _ => None,
        }
    }

    /// Whether the certificate is looked at.
    pub(super) const fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }

    /// The word in messages.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Which of several hosts may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Any,
    Primary,
    Standby,
    PreferStandby,
}

impl Target {
    fn of(word: &str) -> Option<Self> {
        match plain(word).as_str() {
            "any" => Some(Self::Any),
            "primary" | "master" | "readwrite" => Some(Self::Primary),
            "standby" | "slave" | "secondary" | "readonly" => Some(Self::Standby),
            "preferstandby" | "preferslave" | "prefersecondary" => Some(Self::PreferStandby),
            _ => None,
        }
    }
}

/// A client certificate and its key.
pub(super) type Identity = (PathBuf, PathBuf);

/// What the options mean. Debug shows neither user nor password.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) dialect: Dialect,
    pub(super) hosts: Vec<Host>,
    pub(super) database: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "PostgreSQL and H2 alone have it"))]
    pub(super) schema: Option<String>,
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "PostgreSQL and H2 alone have it"))]
    pub(super) application: String,
    pub(super) mode: Mode,
    pub(super) roots: Roots,
    pub(super) identity: Option<Identity>,
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "PostgreSQL and H2 alone have it"))]
    pub(super) binding: Binding,
    pub(super) target: Target,
    pub(super) connect_timeout: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) table: Table,
}

/// Whether a login is bound to the encrypted connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    Disable,
    Prefer,
    Require,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("dialect", &self.dialect)
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// The address as it is written; `None` without one.
pub(super) fn written(options: &Options, environment: &Environment) -> Option<Result<DatabaseUrl>> {
    let text = options.non_empty_or(URL.key, environment, OF_URL)?;
    Some(DatabaseUrl::parse(text, Dialect::of_word(options.text_of(&DIALECT))))
}

impl Settings {
    /// Reads the options. No I/O.
    pub(super) fn read(options: &Options, environment: &Environment) -> Result<Self> {
        let url = written(options, environment).ok_or_else(|| {
            Error::config("there is no address of a database")
                .with_hint(format!("Write `{}` or set {OF_URL}", URL.key))
        })??;
        let text = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(str::to_owned);
        let own = |key: &str, variable| text(options.non_empty_or(key, environment, variable));
        let choice = |spec: &OptionSpec, others: &[&str]| {
            let of_url = || others.iter().find_map(|name| url.parameter(name));
            options.non_empty(spec.key).or_else(of_url).unwrap_or(spec.default_text()).to_owned()
        };
        let mode = mode(options, &url)?;
        if url.dialect == Dialect::H2 && mode != Mode::Disable && mode != Mode::Prefer {
            return Err(Error::config("H2's server for PostgreSQL has no encryption")
                .with_hint("Leave `sslmode` out, and keep the server on a network that may be read"));
        }
        let target = choice(&TARGET, &["target_session_attrs", "targetServerType"]);
        let binding = choice(&CHANNEL_BINDING, &["channel_binding"]);
        Ok(Self {
            dialect: url.dialect,
            database: url.database.clone(),
            user: own(USERNAME.key, OF_USER).or_else(|| url.user.clone()),
            password: own(PASSWORD.key, OF_PASSWORD).or_else(|| url.password.clone()),
            schema: url
                .parameter("currentSchema")
                .or_else(|| url.parameter("search_path"))
                .map(str::to_owned),
            application: text(url.parameter("ApplicationName")).unwrap_or_else(|| "strongroom".to_owned()),
            mode,
            roots: roots(options, environment, &url, mode),
            identity: identity(options, environment, &url)?,
            binding: binding_of(&binding)?,
            target: Target::of(&target).ok_or_else(|| unknown(TARGET.key))?,
            connect_timeout: duration(options, &CONNECT_TIMEOUT, &url, &["connect_timeout", "loginTimeout"])?,
            statement_timeout: options.duration_of(&STATEMENT_TIMEOUT),
            table: Table::parse(options.text_of(&TABLE))?,
            hosts: url.hosts,
        })
    }

    /// Whether an answer may be read on its way, or come from somebody else.
    pub(super) fn is_open(&self) -> bool {
        !self.mode.verifies() && !self.hosts.iter().all(is_here)
    }
}

/// Parameters of the address that have no effect.
pub(super) fn without_effect(url: &DatabaseUrl) -> Vec<&str> {
    let is_known = |key: &str| KNOWN.contains(&plain(key).as_str());
    url.parameters.iter().map(|(key, _)| key.as_str()).filter(|key| !is_known(key)).collect()
}

fn unknown(option: &str) -> Error {
    Error::config(format!("`{option}` has a word that is unknown"))
        .with_hint("The page of databases has the words that it may have")
}

fn binding_of(word: &str) -> Result<Binding> {
    match plain(word).as_str() {
        "disable" => Ok(Binding::Disable),
        "prefer" => Ok(Binding::Prefer),
        "require" => Ok(Binding::Require),
        _ => Err(unknown(CHANNEL_BINDING.key)),
    }
}

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    let name = host.name.as_str();
    let is_loopback = name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || name == "localhost" || name.ends_with(".localhost")
}

fn mode(options: &Options, url: &DatabaseUrl) -> Result<Mode> {
    let written = options.non_empty(SSLMODE.key).or_else(|| url.parameter("sslmode"));
    if let Some(word) = written {
        return Mode::of(word).ok_or_else(|| unknown(SSLMODE.key));
    }
    let flag = |name| url.parameter(name).map(|text| !text.eq_ignore_ascii_case("false") && text != "0");
    // Older words of both drivers.
    match (flag("ssl").or_else(|| flag("useSSL")), flag("verifyServerCertificate")) {
        (Some(false), _) => Ok(Mode::Disable),
        (Some(true), Some(false)) => Ok(Mode::Require),
        (Some(true), Some(true)) => Ok(Mode::VerifyCa),
        (Some(true), None) => Ok(Mode::VerifyFull),
        (None, _) if url.dialect == Dialect::H2 => Ok(Mode::Disable),
        (None, _) => Ok(if url.hosts.iter().all(is_here) { Mode::Prefer } else { Mode::VerifyFull }),
    }
}

/// The certificates to trust. As in libpq, `require` with an authority looks at who signed the certificate.
fn roots(options: &Options, environment: &Environment, url: &DatabaseUrl, mode: Mode) -> Roots {
    let verify = Verify::read(options, VERIFY.key);
    let of_url = url.parameter("sslrootcert").or_else(|| url.parameter("sslca"));
    let of_url = of_url.filter(|path| !path.is_empty());
    let trust = Trust {
        ca_bundle: options.non_empty(CA_BUNDLE.key),
        verify: (&verify, VERIFY.key),
        others: vec![(of_url, "sslrootcert")],
    };
    match trust.roots(environment) {
        named @ Roots::Bundle { .. } => named,
        _ if !mode.verifies() => Roots::Unverified,
        roots => roots,
    }
}

fn identity(options: &Options, environment: &Environment, url: &DatabaseUrl) -> Result<Option<Identity>> {
    let path = |spec: &OptionSpec| {
        let written = options.non_empty(spec.key).or_else(|| url.parameter(spec.key));
        written.filter(|path| !path.is_empty()).map(|path| expand(path, environment))
    };
    match (path(&SSLCERT), path(&SSLKEY)) {
        (None, None) => Ok(None),
        (Some(certificate), key) => Ok(Some((certificate.clone(), key.unwrap_or(certificate)))),
        (None, Some(_)) => {
            Err(Error::config("`sslkey` without `sslcert`").with_hint("Write the certificate as `sslcert`"))
        }
    }
}

/// An option, or the seconds in the address.
fn duration(options: &Options, spec: &OptionSpec, url: &DatabaseUrl, names: &[&str]) -> Result<Duration> {
    let of_url = names.iter().find_map(|name| url.parameter(name));
    match of_url {
        Some(text) if options.duration(spec.key).is_none() => {
            let number: u64 = text.parse().map_err(|_| unknown(spec.key))?;
            // MySQL's driver counts milliseconds, and no login needs a quarter of an hour.
            let is_millis = url.dialect == Dialect::MySql && number >= 1000;
            Ok(if is_millis { Duration::from_millis(number) } else { Duration::from_secs(number.max(1)) })
        }
        _ => Ok(options.duration_of(spec).max(Duration::from_millis(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<Settings> {
        Settings::read(&Options::of_texts(pairs), &Environment::default())
    }

    fn mode_of(url: &str) -> Mode {
        read(&[("url", url)]).unwrap().mode
    }

    #[test]
    fn the_words_of_every_driver_mean_the_same() {
        for (query, mode) in [
            ("sslmode=disable", Mode::Disable),
            ("sslmode=allow", Mode::Prefer),
            ("sslMode=PREFERRED", Mode::Prefer),
            ("sslMode=REQUIRED", Mode::Require),
            ("sslMode=trust", Mode::Require),
            ("ssl-mode=VERIFY_CA", Mode::VerifyCa),
            ("sslmode=verify-ca", Mode::VerifyCa),
            ("sslMode=VERIFY_IDENTITY", Mode::VerifyFull),
            ("sslmode=verify-full", Mode::VerifyFull),
            ("ssl=true", Mode::VerifyFull),
            ("useSSL=false", Mode::Disable),
            ("useSSL=true&verifyServerCertificate=false", Mode::Require),
            ("useSSL=true&verifyServerCertificate=true", Mode::VerifyCa),
            ("", Mode::VerifyFull),
        ] {
            assert_eq!(mode_of(&format!("jdbc:postgresql://db.example.com/d?{query}")), mode, "{query}");
        }
        assert_eq!(mode_of("jdbc:postgresql://localhost,127.0.0.1,[::1]/d"), Mode::Prefer);
        assert_eq!(mode_of("jdbc:postgresql://localhost,db.example.com/d"), Mode::VerifyFull);
        assert_eq!(
            read(&[("url", "postgres://h/d?sslmode=require"), ("sslmode", "disable")]).unwrap().mode,
            Mode::Disable
        );
    }

    #[test]
    fn an_authority_that_is_named_is_looked_at() {
        let roots = |url: &str| read(&[("url", url)]).unwrap().roots;
        assert_eq!(roots("postgres://h/d?sslmode=require"), Roots::Unverified);
        assert!(matches!(roots("postgres://h/d?sslmode=require&sslrootcert=/ca.pem"), Roots::Bundle { .. }));
        assert_eq!(roots("postgres://h/d?sslmode=verify-ca"), Roots::Mozilla);
        assert_eq!(roots("postgres://h/d?sslrootcert=system"), Roots::System);
    }

    #[test]
    fn options_take_precedence_over_the_address_and_that_over_nothing() {
        let own = read(&[("url", "mysql://a:b@h/d"), ("username", "c"), ("password", "e")]).unwrap();
        assert_eq!((own.user.as_deref(), own.password.as_deref()), (Some("c"), Some("e")));
        let of_url = read(&[("url", "mysql://a:b@h/d?connectTimeout=2500&sslcert=/c.pem")]).unwrap();
        assert_eq!((of_url.user.as_deref(), of_url.connect_timeout.as_millis()), (Some("a"), 2500));
        assert_eq!(of_url.identity, Some(("/c.pem".into(), "/c.pem".into())));
        let set = [(OF_URL, "postgres://h/d?targetServerType=preferSecondary"), (OF_PASSWORD, "p")];
        let of_variables = Settings::read(&Options::default(), &Environment::of(&set)).unwrap();
        assert_eq!(
            (of_variables.password.as_deref(), of_variables.target),
            (Some("p"), Target::PreferStandby)
        );
        assert!(!format!("{own:?} {of_variables:?}").contains("pass"));
    }

    #[test]
    fn what_cannot_work_is_said_without_values() {
        for (pairs, text) in [
            (&[][..], "there is no address of a database"),
            (&[("url", "postgres://h/d?sslmode=canary")], "`sslmode` has a word that is unknown"),
            (&[("url", "postgres://h/d?sslkey=/k")], "`sslkey` without `sslcert`"),
            (&[("url", "postgres://h/d"), ("dialect", "h2"), ("sslmode", "require")], "H2's server for"),
            (&[("url", "postgres://h/d"), ("table", "a; b")], "`table` is not a name"),
            (
                &[("url", "postgres://h/d?targetServerType=x")],
                "`target_session_attrs` has a word that is unknown",
            ),
        ] {
            let error = read(pairs).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        }
    }

    #[test]
    fn parameters_without_effect_are_found() {
        let url =
            DatabaseUrl::parse("mysql://h/d?sslMode=DISABLED&allowPublicKeyRetrieval=true", None).unwrap();
        assert_eq!(without_effect(&url), ["allowPublicKeyRetrieval"]);
    }
}
