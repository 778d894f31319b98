//! MySQL and MariaDB: one connection for all lookups of a process, used by one of them at a time.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{ClientIdentity, Conn, DriverError, IoError, Opts, OptsBuilder, SslOpts, Value};

use crate::error::Result;
use crate::http::{Roots, TransportError, TransportKind, client_config, trusted, with_client_certificate};
use crate::store::kit::database_url::Host;
use crate::store::kit::files::WatchedFiles;

use super::Row;
use super::error::Fault;
use super::hosts::{Hosts, Opener, addresses, fits};
use super::settings::{Mode, Settings, Target};
use super::table::Statement;

/// The largest answer, in bytes: what the server allows need not be asked for.
const LARGEST: usize = 64 * 1024 * 1024;

/// How long a connection stays usable, in seconds, for the driver alone: it is asked for at each statement.
const ENDLESS: usize = 365 * 24 * 60 * 60;

/// One connection, opened when it is needed.
pub(super) struct MySql {
    ssl: Option<SslOpts>,
    hosts: Hosts,
    kept: tokio::sync::Mutex<Option<Conn>>,
}

impl fmt::Debug for MySql {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MySql").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl MySql {
    /// Reads the files of certificates; no network. Call it under [`crate::process::no_fork`].
    pub(super) fn open(settings: &Settings, files: &mut WatchedFiles) -> Result<Self> {
        let ssl = match settings.mode {
            Mode::Disable => None,
            _ => Some(ssl(settings, files)?),
        };
        Ok(Self { ssl, hosts: Hosts::default(), kept: tokio::sync::Mutex::default() })
    }

    /// The rows of a statement. A connection is only kept once its statement has come to an end: after a
    /// lookup that was given up, nothing is known of it.
    pub(super) async fn rows(&self, settings: &Settings, statement: &Statement) -> Result<Vec<Row>, Fault> {
        let text = limited(settings, &statement.text);
        let mut kept = self.kept.lock().await;
        if let Some(mut connection) = kept.take() {
            match ask(&mut connection, &text).await {
                Err(fault) if fault.is_dead() => {}
                answer => {
                    *kept = keep(connection, &answer);
                    return answer;
                }
            }
        }
        let mut connection = self.hosts.first(settings, self).await?;
        let answer = ask(&mut connection, &text).await;
        *kept = keep(connection, &answer);
        answer
    }
}

#[async_trait]
impl Opener for MySql {
    type Opened = Conn;

    async fn open_on(&self, settings: &Settings, host: &Host, target: Target) -> Result<Conn, Fault> {
        let addresses: Vec<IpAddr> = addresses(host).await?.iter().map(SocketAddr::ip).collect();
        let options = |ssl| options(settings, host, addresses.clone(), ssl);
        let opened = Conn::new(options(self.ssl.clone())).await;
        let mut connection = match opened {
            Err(mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer))
                if settings.mode == Mode::Prefer =>
            {
                Conn::new(options(None)).await.map_err(|error| fault(&error))?
            }
            opened => opened.map_err(|error| fault(&error))?,
        };
        if target != Target::Any && !fits(target, is_standby(&mut connection).await?) {
            return Err(Fault::NoTarget);
        }
        Ok(connection)
    }
}

fn keep<T>(connection: Conn, answer: &Result<T, Fault>) -> Option<Conn> {
    let is_usable =
        !answer.as_ref().is_err_and(|fault| !matches!(fault, Fault::Refused(_)) || fault.is_dead());
    is_usable.then_some(connection)
}

/// The statement with its time limit, in the words of both: MariaDB runs the first comment, MySQL reads the
/// second as a hint, and each ignores that of the other.
fn limited(settings: &Settings, text: &str) -> String {
    let millis = settings.statement_timeout.as_millis();
    match text.strip_prefix("SELECT ") {
        Some(rest) if millis > 0 => {
            let seconds = settings.statement_timeout.as_secs_f64();
            format!(
                "/*M!100101 SET STATEMENT max_statement_time={seconds:.3} FOR */ SELECT \
                /*+ MAX_EXECUTION_TIME({millis}) */ {rest}"
            )
        }
        _ => text.to_owned(),
    }
}

async fn ask(connection: &mut Conn, text: &str) -> Result<Vec<Row>, Fault> {
    let rows: Vec<mysql_async::Row> = connection.query(text).await.map_err(|error| fault(&error))?;
    rows.into_iter().map(|row| row.unwrap().into_iter().map(as_text).collect()).collect()
}

/// Every value of this protocol is a text, or null.
fn as_text(value: Value) -> Result<Option<String>, Fault> {
    match value {
        Value::NULL => Ok(None),
        Value::Bytes(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| Fault::Odd),
        _ => Err(Fault::Odd),
    }
}

async fn is_standby(connection: &mut Conn) -> Result<bool, Fault> {
    let rows = ask(connection, "SELECT @@GLOBAL.read_only").await?;
    Ok(rows.first().and_then(|row| row.first()).is_some_and(|text| text.as_deref() != Some("0")))
}

fn options(settings: &Settings, host: &Host, addresses: Vec<IpAddr>, ssl: Option<SslOpts>) -> Opts {
    OptsBuilder::default()
        .ip_or_hostname(&host.name)
        .tcp_port(host.port)
        .resolved_ips(Some(addresses))
        .user(settings.user.as_ref())
        .pass(settings.password.as_ref())
        .db_name(settings.database.as_ref())
        .ssl_opts(ssl)
        .prefer_socket(false)
        .tcp_keepalive(Some(std::time::Duration::from_mins(1)))
        .stmt_cache_size(0)
        // Otherwise the driver asks for both with each connection.
        .max_allowed_packet(Some(LARGEST))
        .wait_timeout(Some(ENDLESS))
        .into()
}

fn ssl(settings: &Settings, files: &mut WatchedFiles) -> Result<SslOpts> {
    if let Some(path) = settings.roots.path() {
        files.watch(path);
    }
    let (with_mozilla, others) = trusted(&settings.roots)?;
    let others = others.into_iter().map(|der| der.to_vec().into()).collect();
    let mut ssl = SslOpts::default()
        .with_disable_built_in_roots(!with_mozilla)
        .with_root_certs(others)
        .with_danger_skip_domain_validation(settings.mode != Mode::VerifyFull)
        .with_danger_accept_invalid_certs(settings.roots == Roots::Unverified);
    if settings.roots == Roots::Unverified {
        // A verifier needs a list, even one that accepts everything.
        ssl = ssl.with_disable_built_in_roots(false);
    }
    let Some((certificate, key)) = &settings.identity else { return Ok(ssl) };
    files.watch(certificate);
    files.watch(key);
    // Read once now, so that what is wrong with the files is said.
    with_client_certificate(&*client_config(&Roots::Mozilla)?, certificate, key)?;
    let identity = ClientIdentity::new(certificate.clone().into(), key.clone().into());
    Ok(ssl.with_client_identity(Some(identity)))
}

/// What an error of the driver means.
fn fault(error: &mysql_async::Error) -> Fault {
    match error {
        mysql_async::Error::Server(answer) => Fault::Refused(answer.code.to_string()),
        mysql_async::Error::Io(IoError::Tls(_)) => {
            Fault::NoAnswer(TransportError::of(error, TransportKind::Connect))
        }
        mysql_async::Error::Io(IoError::Io(cause)) => {
            let is_refused = matches!(
                cause.kind(),
                std::io::ErrorKind::ConnectionRefused
                    | std::io::ErrorKind::HostUnreachable
                    | std::io::ErrorKind::NetworkUnreachable
                    | std::io::ErrorKind::AddrNotAvailable
            );
            let kind = if is_refused { TransportKind::Connect } else { TransportKind::Broken };
            Fault::NoAnswer(TransportError::of(error, kind))
        }
        mysql_async::Error::Driver(DriverError::ConnectionClosed) => {
            Fault::silence(TransportKind::Broken, "connection closed")
        }
        mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer) => Fault::NoEncryption,
        mysql_async::Error::Driver(DriverError::UnknownAuthPlugin { .. }) => {
            Fault::Refused("2059".to_owned())
        }
        mysql_async::Error::Driver(DriverError::CleartextPluginDisabled) => {
            Fault::NoLogin("the server asks for the password in clear text")
        }
        mysql_async::Error::Driver(DriverError::MysqlOldPasswordDisabled) => {
            Fault::NoLogin("the user has a password in the format of MySQL 4.0")
        }
        _ => Fault::Odd,
    }
}
