//! Addresses of databases: of JDBC (`jdbc:postgresql://h1,h2:5433/db?user=a`), of the databases' own clients
//! (`postgresql://a:b@h/db`) and of SQLAlchemy (`mysql+pymysql://a:b@h/db`).
//!
//! Sources: "Connecting to the Database" of pgjdbc 42.7, "Connection URL Syntax" of Connector/J 9 and of
//! MariaDB's Connector/J 3, "Connection Strings" of libpq 17. No error shows a part of an address: it may
//! hold a password.

use std::fmt;

use crate::error::{Error, Result};

/// Which database is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL, and what speaks its protocol and its SQL.
    PostgreSql,
    /// MySQL and MariaDB.
    MySql,
    /// H2 with its PostgreSQL server (`-pg`).
    H2,
}

impl Dialect {
    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL or MariaDB",
            Self::H2 => "H2",
        }
    }

    /// The port where none is written.
    const fn port(self) -> u16 {
        match self {
            Self::PostgreSql => 5432,
            Self::MySql => 3306,
            Self::H2 => 5435,
        }
    }

    /// The one that this word means.
    pub fn of_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "postgresql" | "postgres" => Some(Self::PostgreSql),
            "mysql" | "mariadb" => Some(Self::MySql),
            "h2" => Some(Self::H2),
            _ => None,
        }
    }
}

/// A server that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name or its address, without brackets.
    pub name: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(formatter, "[{}]:{}", self.name, self.port)
        } else {
            write!(formatter, "{}:{}", self.name, self.port)
        }
    }
}

/// An address that can be used. Debug shows neither user, password nor parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// The database that it is of.
    pub dialect: Dialect,
    /// The servers, in the order in which they are tried; at least one.
    pub hosts: Vec<Host>,
    /// The database on the server.
    pub database: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// Everything after the question mark but user and password, in the order written.
    pub parameters: Vec<(String, String)>,
}

impl DatabaseUrl {
    /// Reads an address. `dialect` is written elsewhere, and takes precedence over the scheme.
    pub fn parse(text: &str, dialect: Option<Dialect>) -> Result<Self> {
        let (scheme, rest, is_jdbc) = scheme(text.trim())?;
        let dialect = chosen(scheme, dialect)?;
        let (authority, path, query) = parts(rest);
        // A slash in a password ends the hosts too early.
        if path.contains('@') {
            return Err(unusable("there is an `@` after the hosts", ENCODED));
        }
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let mut read = Self {
            dialect,
            hosts: read_hosts(hosts, dialect)?,
            database: non_empty(decoded(path, false)?),
            user: non_empty(decoded(user, false)?),
            password: password.map(|password| decoded(password, false)).transpose()?,
            parameters: Vec::new(),
        };
        read.take_parameters(query, is_jdbc)?;
        Ok(read)
    }

    /// The last value of a parameter, however its words are joined: `sslMode`, `ssl-mode` and `ssl_mode` are
    /// one.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let same = |(key, _): &&(String, String)| plain(key) == plain(name);
        self.parameters.iter().rev().find(same).map(|(_, value)| value.as_str())
    }

    fn take_parameters(&mut self, query: &str, is_jdbc: bool) -> Result<()> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Both drivers of JDBC decode as forms are decoded; libpq and the others do not.
            let (key, value) = (decoded(key, is_jdbc)?, decoded(value, is_jdbc)?);
            match plain(&key).as_str() {
                "user" | "username" => self.user = non_empty(value),
                "password" => self.password = Some(value),
                _ => self.parameters.push((key, value)),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DatabaseUrl")
            .field("dialect", &self.dialect)
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// A key without what joins its words.
pub fn plain(key: &str) -> String {
    key.chars().filter(|letter| !"-_".contains(*letter)).flat_map(char::to_lowercase).collect()
}

fn unusable(what: &str, hint: &'static str) -> Error {
    Error::config(format!("`url` is not the address of a database that can be used: {what}")).with_hint(hint)
}

const FORM: &str = "Write it as jdbc:postgresql://host:5432/database, jdbc:mysql://host:3306/database or \
    postgresql://host/database, with `username` and `password` beside it";

const ENCODED: &str = "Write `%`, `/`, `?`, `#`, `&` and `@` in a user, a password or a name as %25, %2F, \
    %3F, %23, %26 and %40, or write `username` and `password` as options, as they are";

/// The scheme, what is after its colon, and whether `jdbc:` is before it.
fn scheme(text: &str) -> Result<(&str, &str, bool)> {
    let begins = text.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case("jdbc:"));
    let rest = if begins { text.get(5..).unwrap_or_default() } else { text };
    let (scheme, rest) = rest.split_once(':').ok_or_else(|| unusable("it has no scheme", FORM))?;
    // SQLAlchemy names the driver there, too.
    Ok((scheme.split('+').next().unwrap_or_default(), rest, begins))
}

fn chosen(scheme: &str, written: Option<Dialect>) -> Result<Dialect> {
    let of_scheme = Dialect::of_word(scheme).ok_or_else(|| unusable("its scheme is unknown", FORM))?;
    if of_scheme == Dialect::H2 && written != Some(Dialect::H2) {
        return Err(unusable("H2's own protocol and its files need Java", OF_H2));
    }
    match written {
        None => Ok(of_scheme),
        Some(written) if written == of_scheme => Ok(written),
        // H2 is asked through the protocol of PostgreSQL.
        Some(Dialect::H2) if of_scheme == Dialect::PostgreSql => Ok(Dialect::H2),
        Some(_) => Err(unusable("its scheme is of another database than `dialect`", FORM)),
    }
}

const OF_H2: &str = "Start H2's server with `-pg`, and write jdbc:postgresql://host:5435/database with \
    `dialect: h2`";

/// What is between the slashes, the path and the query. Without slashes there is only a path.
fn parts(rest: &str) -> (&str, &str, &str) {
    // A word that says how Java chooses among several servers, such as `replication:`.
    let after_word = rest.split_once("//").filter(|(word, _)| is_word(word)).map(|(_, rest)| rest);
    let (before, query) =
        after_word.unwrap_or(rest).split_once('?').unwrap_or((after_word.unwrap_or(rest), ""));
    let (authority, path) = match after_word {
        Some(_) => before.split_once('/').unwrap_or((before, "")),
        None => ("", before.strip_prefix('/').unwrap_or(before)),
    };
    (authority, path, query)
}

fn is_word(text: &str) -> bool {
    let word = text.strip_suffix(':').unwrap_or(text);
    word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn read_hosts(text: &str, dialect: Dialect) -> Result<Vec<Host>> {
    if text.is_empty() {
        return Ok(vec![Host { name: "localhost".to_owned(), port: dialect.port() }]);
    }
    text.split(',').map(|host| read_host(host.trim(), dialect)).collect()
}

fn read_host(text: &str, dialect: Dialect) -> Result<Host> {
    let wrong = || unusable("a host in it cannot be used", HOSTS);
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']').ok_or_else(wrong)?;
            name.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (name, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) })
        }
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_letter) {
        return Err(wrong());
    }
    let port = match port {
        None | Some("") => dialect.port(),
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?,
    };
    Ok(Host { name: name.to_owned(), port })
}

const HOSTS: &str = "Write hosts as host:port, several with commas between them, and IPv6 in brackets; \
    sockets of Unix and `address=(...)` are not supported. A password with special characters goes into \
    `password`";

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// The text behind percent signs. In a form a plus is a space.
fn decoded(text: &str, is_form: bool) -> Result<String> {
    let wrong = || unusable("a percent sign in it does not begin a character", ENCODED);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                u8::try_from(high * 16 + low).map_err(|_| wrong())?
            }
            b'+' if is_form => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let url = DatabaseUrl::parse(text, None).unwrap();
        let hosts: Vec<_> = url.hosts.iter().map(Host::to_string).collect();
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        let more: Vec<_> = url.parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let hosts = hosts.join(",");
        let (user, password) = (part(&url.user), part(&url.password));
        format!("{:?} {hosts} {} {user} {password} {}", url.dialect, part(&url.database), more.join("&"))
    }

    #[test]
    fn addresses_of_jdbc_of_clients_and_of_sqlalchemy_are_read() {
        for (text, expected) in [
            ("jdbc:postgresql://h:1/d?user=a&password=b", "PostgreSql h:1 d a b "),
            ("jdbc:postgresql://h/", "PostgreSql h:5432 - - - "),
            ("jdbc:postgresql:d", "PostgreSql localhost:5432 d - - "),
            ("jdbc:postgresql:/", "PostgreSql localhost:5432 - - - "),
            ("jdbc:postgresql:d?sslmode=require", "PostgreSql localhost:5432 d - - sslmode=require"),
            ("JDBC:PostgreSQL://h1,h2:5,[::1]:6/d", "PostgreSql h1:5432,h2:5,[::1]:6 d - - "),
            ("postgres://a:b%40%2f@h/d", "PostgreSql h:5432 d a b@/ "),
            ("postgresql://a:b@c@h/d", "PostgreSql h:5432 d a b@c "),
            ("postgresql+psycopg2://a@h:1/d?sslmode=verify-ca", "PostgreSql h:1 d a - sslmode=verify-ca"),
            ("postgresql:///d?user=x", "PostgreSql localhost:5432 d x - "),
            ("jdbc:mysql://h/d?user=a&password=b+c%2B", "MySql h:3306 d a b c+ "),
            ("mysql://h/d?password=b+c", "MySql h:3306 d - b+c "),
            ("jdbc:mariadb:sequential://h1,h2:7/d", "MySql h1:3306,h2:7 d - - "),
            ("jdbc:mysql:replication://h1,h2/d", "MySql h1:3306,h2:3306 d - - "),
            ("mariadb+pymysql://a:b@h/d?charset=utf8mb4", "MySql h:3306 d a b charset=utf8mb4"),
            (" jdbc:postgresql://h?user=a&user=c ", "PostgreSql h:5432 - c - "),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_showing_it() {
        for text in [
            "",
            "canary",
            "canary://h/d",
            "jdbc:oracle:thin:@canary:1521/x",
            "jdbc:h2:file:/canary",
            "h2://canary/d",
            "postgresql://canary:99999/d",
            "postgresql://canary:0/d",
            "postgresql://u:canary@/x@h/d",
            "postgresql://u:canary%zz@h/d",
            "postgresql://u:canary%00@h/d",
            "postgresql://u:canary%ff@h/d",
            "postgresql://[canary]/d",
            "postgresql://%2Fvar%2Frun%2Fcanary/d",
            "postgresql://h,,canary/d",
            "jdbc:mysql://address=(host=canary)(port=1)/d",
        ] {
            let error = DatabaseUrl::parse(text, None).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("canary") && error.hint().is_some(), "{shown}");
        }
    }

    #[test]
    fn the_dialect_may_be_written_beside_the_address() {
        let dialect =
            |text: &str, word: &str| DatabaseUrl::parse(text, Dialect::of_word(word)).map(|url| url.dialect);
        assert_eq!(dialect("jdbc:postgresql://h/d", "h2").unwrap(), Dialect::H2);
        assert_eq!(dialect("jdbc:mysql://h/d", "MariaDB").unwrap(), Dialect::MySql);
        assert_eq!(dialect("postgres://h/d", "").unwrap(), Dialect::PostgreSql);
        assert!(dialect("jdbc:postgresql://h/d", "mysql").is_err() && dialect("mysql://h/d", "h2").is_err());
        assert_eq!(DatabaseUrl::parse("postgres://h/d", Some(Dialect::H2)).unwrap().hosts[0].port, 5435);
    }

    #[test]
    fn a_parameter_is_found_however_its_words_are_joined() {
        let url = DatabaseUrl::parse("mysql://h/d?sslMode=A&ssl-mode=B", None).unwrap();
        assert_eq!((url.parameter("sslmode"), url.parameter("ssl_mode")), (Some("B"), Some("B")));
        assert_eq!(url.parameter("ssl"), None);
        assert!(
            !format!("{:?}", DatabaseUrl::parse("mysql://u:canary@h/d?a=canary", None)).contains("canary")
        );
    }

    fn encoded(text: &str) -> String {
        text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02x}"))
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(
            user in "[^\0]{1,8}", password in "[^\0]{0,12}", database in "[^\0]{1,8}",
        ) {
            let (user, password, database) = (user.as_str(), password.as_str(), database.as_str());
            let places = [
                format!("postgresql://{}:{}@h/{}", encoded(user), encoded(password), encoded(database)),
                [
                    format!("jdbc:mysql://h/{}", encoded(database)),
                    format!("?user={}&password={}", encoded(user), encoded(password)),
                ]
                .concat(),
            ];
            for text in places {
                let url = DatabaseUrl::parse(&text, None).unwrap();
                let read = (url.user.as_deref(), url.password.as_deref(), url.database.as_deref());
                prop_assert_eq!(read, (Some(user), Some(password), Some(database)));
            }
        }

        #[test]
        fn nothing_makes_it_panic_or_shows_a_password(
            text in "\\PC{0,60}", begin in "(jdbc:)?(postgresql|mysql|h2)?:?/?/?",
        ) {
            for text in [format!("{begin}{text}"), format!("postgres://u:canary7{text}")] {
                if let Err(error) = DatabaseUrl::parse(&text, None) {
                    prop_assert!(!error.to_string().contains("canary7"));
                }
            }
        }
    }
}
