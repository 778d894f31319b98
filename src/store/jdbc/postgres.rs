//! PostgreSQL and H2: one connection for all lookups of a process.
//!
//! A runtime that is not driven between two lookups reads no notice of a closed connection in the meantime.
//! So such notices are read first, and a read whose connection turns out to be dead is sent once more on a
//! new one.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rustls::ClientConfig;
use tokio::net::{TcpSocket, TcpStream};
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Result;
use crate::http::{
    Checked, Roots, TransportError, TransportKind, config_that_checks, with_client_certificate,
};
use crate::store::kit::database_url::{Dialect, Host};
use crate::store::kit::files::WatchedFiles;

use super::Row;
use super::error::{Fault, of_login};
use super::hosts::{Hosts, Opener, addresses, fits};
use super::settings::{Binding, Mode, Settings, Target};
use super::table::Statement;

/// Where the server reports that it is a standby, since PostgreSQL 14.
const STANDBY: &str = "in_hot_standby";

/// One connection, opened when it is needed.
pub(super) struct Postgres {
    config: Config,
    tls: Option<Arc<ClientConfig>>,
    hosts: Hosts,
    kept: Kept,
    /// Held while a connection is opened, so that one is enough for all who wait.
    opening: tokio::sync::Mutex<()>,
}

/// The connection, if there is one. Locked for a few instructions only.
type Kept = Mutex<Option<Arc<Client>>>;

impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Postgres").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// Forgets a connection unless its statement has come to an end: what is not answered in time may never be.
struct Doubt<'kept> {
    kept: &'kept Kept,
    client: &'kept Arc<Client>,
    is_settled: bool,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_settled && kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, self.client)) {
            *kept = None;
        }
    }
}

impl Postgres {
    /// Reads the files of certificates; no network. Call it under [`crate::process::no_fork`].
    pub(super) fn open(settings: &Settings, files: &mut WatchedFiles) -> Result<Self> {
        let tls = match settings.mode {
            Mode::Disable => None,
            _ => Some(tls(settings, files)?),
        };
        Ok(Self {
            config: config(settings),
            tls,
            hosts: Hosts::default(),
            kept: Kept::default(),
            opening: tokio::sync::Mutex::default(),
        })
    }

    /// The rows of a statement.
    pub(super) async fn rows(&self, settings: &Settings, statement: &Statement) -> Result<Vec<Row>, Fault> {
        notice_closed_connections().await;
        if let Some(client) = self.living() {
            match self.ask(&client, settings.dialect, statement).await {
                Err(fault) if fault.is_dead() => {}
                answer => return answer,
            }
        }
        let client = self.opened(settings).await?;
        self.ask(&client, settings.dialect, statement).await
    }

    fn living(&self) -> Option<Arc<Client>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|client| !client.is_closed()).map(Arc::clone)
    }

    async fn opened(&self, settings: &Settings) -> Result<Arc<Client>, Fault> {
        let _one_at_a_time = self.opening.lock().await;
        if let Some(client) = self.living() {
            return Ok(client);
        }
        let client = Arc::new(self.hosts.first(settings, self).await?);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn ask(
        &self,
        client: &Arc<Client>,
        dialect: Dialect,
        statement: &Statement,
    ) -> Result<Vec<Row>, Fault> {
        let mut doubt = Doubt { kept: &self.kept, client, is_settled: false };
        let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
            statement.parameters.iter().map(|text| (text as &(dyn ToSql + Sync), Type::TEXT)).collect();
        // Parsed, bound and executed in one round trip, without a statement that a pooler would have to know.
        let rows = client.query_typed(&statement.text, &parameters).await;
        let answer = rows
            .map_err(|error| fault(&error))
            .and_then(|rows| rows.iter().map(|row| texts(row, dialect)).collect::<Result<Vec<_>, _>>());
        doubt.is_settled = !answer.as_ref().is_err_and(Fault::is_dead);
        answer
    }
}

#[async_trait]
impl Opener for Postgres {
    type Opened = Client;

    async fn open_on(&self, settings: &Settings, host: &Host, target: Target) -> Result<Client, Fault> {
        let stream = connected(&addresses(host).await?).await?;
        let of_login = |error| of_login(fault(&error), settings.dialect);
        let (client, standby) = match &self.tls {
            None => driven(self.config.connect_raw(stream, NoTls).await.map_err(of_login)?),
            Some(tls) => {
                let mut make = MakeRustlsConnect::new(ClientConfig::clone(tls));
                let connect = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut make, &host.name);
                let connect = connect.map_err(|_| Fault::Odd)?;
                driven(self.config.connect_raw(stream, connect).await.map_err(of_login)?)
            }
        };
        if target != Target::Any && !fits(target, is_standby(&client, standby).await?) {
            return Err(Fault::NoTarget);
        }
        Ok(client)
    }
}

/// Lets the runtime poll its sockets, wake the task that owns this one, and let TLS finish.
async fn notice_closed_connections() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// The columns as texts; H2 sends their bytes.
fn texts(row: &tokio_postgres::Row, dialect: Dialect) -> Result<Row, Fault> {
    let text = |place: usize| match dialect {
        Dialect::H2 => {
            let bytes: Option<&[u8]> = row.try_get(place).map_err(|_| Fault::Odd)?;
            bytes.map(|bytes| String::from_utf8(bytes.to_vec()).map_err(|_| Fault::Odd)).transpose()
        }
        _ => row.try_get(place).map_err(|_| Fault::Odd),
    };
    (0..row.len()).map(text).collect()
}

async fn connected(addresses: &[std::net::SocketAddr]) -> Result<TcpStream, Fault> {
    let mut last = Fault::silence(TransportKind::Connect, "no address");
    for address in addresses {
        let connect = async || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_keepalive(true)?;
            let stream = socket.connect(*address).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        };
        match connect().await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Fault::silence(TransportKind::Connect, &error.to_string()),
        }
    }
    Err(last)
}

/// Spawns what drives the connection, and returns what it reports about being a standby.
fn driven<S>((client, connection): (Client, Connection<TcpStream, S>)) -> (Client, Option<bool>)
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    let standby = connection.parameter(STANDBY).map(|text| text == "on");
    // It ends with the connection or with the last use of the client; each statement reports its own errors.
    tokio::spawn(async move { drop(connection.await) });
    (client, standby)
}

async fn is_standby(client: &Client, reported: Option<bool>) -> Result<bool, Fault> {
    if let Some(reported) = reported {
        return Ok(reported);
    }
    let rows = client.query_typed("SELECT pg_is_in_recovery()", &[]).await.map_err(|error| fault(&error))?;
    rows.first().and_then(|row| row.try_get(0).ok()).ok_or(Fault::Odd)
}

fn config(settings: &Settings) -> Config {
    let mut config = Config::new();
    // The user's own name is what libpq takes, too.
    if let Some(user) = &settings.user {
        config.user(user);
    }
    if let Some(password) = &settings.password {
        config.password(password);
    }
    if let Some(database) = settings.database.as_ref().or(settings.user.as_ref()) {
        config.dbname(database);
    }
    let options = options(settings);
    if !options.is_empty() {
        config.options(&options);
    }
    config.application_name(&settings.application);
    config.ssl_mode(match settings.mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        _ => SslMode::Require,
    });
    config.channel_binding(match settings.binding {
        Binding::Disable => ChannelBinding::Disable,
        Binding::Prefer => ChannelBinding::Prefer,
        Binding::Require => ChannelBinding::Require,
    });
    config
}

/// Settings of the session, which cost no statement there. H2 knows none.
fn options(settings: &Settings) -> String {
    if settings.dialect == Dialect::H2 {
        return String::new();
    }
    let millis = settings.statement_timeout.as_millis();
    let timeout = (millis > 0).then(|| format!("-c statement_timeout={millis}"));
    let escaped = |schema: &String| schema.replace('\\', "\\\\").replace(' ', "\\ ");
    let schema = settings.schema.as_ref().map(|schema| format!("-c search_path={}", escaped(schema)));
    timeout.into_iter().chain(schema).collect::<Vec<_>>().join(" ")
}

fn tls(settings: &Settings, files: &mut WatchedFiles) -> Result<Arc<ClientConfig>> {
    let checked = match (settings.mode, &settings.roots) {
        (_, Roots::Unverified) => Checked::Nothing,
        (Mode::VerifyFull, _) => Checked::Host,
        _ => Checked::Authority,
    };
    if let Some(path) = settings.roots.path() {
        files.watch(path);
    }
    let config = config_that_checks(checked, &settings.roots)?;
    let Some((certificate, key)) = &settings.identity else { return Ok(config) };
    files.watch(certificate);
    files.watch(key);
    with_client_certificate(&config, certificate, key)
}

/// What an error of the client means. Its kinds are private, so those without a cause of their own are told
/// by the words of this version, which the lock file pins.
fn fault(error: &tokio_postgres::Error) -> Fault {
    if let Some(answer) = error.as_db_error() {
        return Fault::Refused(answer.code().code().to_owned());
    }
    let (words, cause) = (error.to_string(), std::error::Error::source(error).map(ToString::to_string));
    match (words.as_str(), cause.as_deref()) {
        (_, Some("server does not support TLS")) => Fault::NoEncryption,
        (_, Some("password missing")) => Fault::NoPassword,
        (_, Some("unsupported authentication method")) => {
            Fault::NoLogin("the server asks for a login of another kind (GSS or SSPI)")
        }
        (
            _,
            Some(
                "server did not use channel binding"
                | "channel binding is required but not supported by the server",
            ),
        ) => Fault::NoLogin(
            "the server does not bind the login to the connection, and `channel_binding` is require",
        ),
        ("authentication error", _) => Fault::NoLogin("the login could not be completed"),
        ("error performing TLS handshake", _) => {
            Fault::NoAnswer(TransportError::of(error, TransportKind::Connect))
        }
        ("connection closed" | "error communicating with the server", _) => {
            Fault::NoAnswer(TransportError::of(error, TransportKind::Broken))
        }
        _ => Fault::Odd,
    }
}
