//! The agent: its place, its socket and its clients.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener as Listener;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::agent::caller::Caller;
use crate::agent::incoming::Incoming;
use crate::agent::limits::Limits;
use crate::agent::place::Place;
use crate::agent::wire::{
    HEARTBEAT, MOST_ASKED, Reply, Request, Status, VERSION, WireAnswer, WireKnown, frame, read,
};
use crate::agent::work::{Inquiry, Work};
use crate::backend::{AgentGroup, Answered, Settings};
use crate::error::{Error, Result};
use crate::process::{Clock, hide_memory, peer};

/// How often memory that has come since is kept from swap and from dumps, and the socket is looked for.
const EACH_SECOND: Duration = Duration::from_secs(1);

/// How long a client may take for one message, once it has begun. One that is slower holds memory for others.
const PATIENCE: Duration = Duration::from_secs(5);

/// An agent that has its place and is not at work yet.
#[derive(Debug)]
pub struct Agent {
    place: Place,
    listener: Listener,
    /// Whether a service manager made the socket, which then outlives the agent.
    is_passed: bool,
    /// Held as long as the agent lives: whoever holds it may listen.
    _lock: File,
}

impl Agent {
    /// Takes `place`, which the members of `group` may reach as well. Another agent that has it is an error.
    pub fn at(place: Place, group: Option<u32>) -> Result<Self> {
        if let Some(group) = group {
            place.open_folder_to(group)?;
        }
        let lock = lock(&place)?;
        let socket = place.socket();
        // What is left of an agent that was killed; the lock says that none is alive.
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != IoErrorKind::NotFound => return Err(unusable(&place, error)),
            _ => {}
        }
        let listener = Listener::bind(&socket)
            .and_then(|listener| {
                open_to(&socket, group)?;
                listener.set_nonblocking(true).map(|()| listener)
            })
            .map_err(|error| unusable(&place, error))?;
        Ok(Self::with(place, listener, lock, false))
    }

    /// Takes `place`, where a service manager already listens.
    pub fn on(place: Place, listener: Listener) -> Result<Self> {
        let lock = lock(&place)?;
        let address = listener.local_addr().map_err(|error| unusable(&place, error))?;
        if address.as_pathname() != Some(&place.socket()) {
            let named = address.as_pathname().unwrap_or(Path::new("another kind of socket")).display();
            let why =
                format!("the service manager listens at {named}, lookups ask {}", place.socket().display());
            return Err(Error::config(why).with_hint("Name the same path in `agent` and in ListenStream"));
        }
        Ok(Self::with(place, listener, lock, true))
    }

    fn with(place: Place, listener: Listener, lock: File, is_passed: bool) -> Self {
        let _ = fs::remove_file(place.silent());
        Self { place, listener, is_passed, _lock: lock }
    }

    /// Serves clients until it is told to stop, has been idle for too long, or its socket has gone.
    pub async fn serve(self, settings: Settings, limits: Limits) -> Result<()> {
        let listener = UnixListener::from_std(self.listener).map_err(|error| unusable(&self.place, error))?;
        let group = settings.agent.group.clone();
        let office = Rc::new(Office::new(Rc::new(Work::open(settings, Clock::System)?), group, limits));
        let local = LocalSet::new();
        let socket = self.place.socket();
        local
            .run_until(async {
                tokio::select! {
                    () = accept(&office, &listener) => {}
                    () = Rc::clone(&office.work).look_ahead() => {}
                    () = office.stopped.notified() => {}
                    () = until_idle(&office) => {}
                    () = until_gone(&socket) => {}
                    () = keep_hidden(&office) => {}
                    () = office.work.close_replaced() => {}
                }
            })
            .await;
        office.work.close().await;
        if !self.is_passed {
            let _ = fs::remove_file(&socket);
        }
        Ok(())
    }
}

/// Closes a socket to all but its owner, and the members of `group`.
fn open_to(socket: &Path, group: Option<u32>) -> std::io::Result<()> {
    chown(socket, None, group)?;
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    fs::set_permissions(socket, fs::Permissions::from_mode(mode))
}

/// Whether an agent has `place`.
pub fn is_taken(place: &Place) -> bool {
    File::open(place.lock()).is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

fn lock(place: &Place) -> Result<File> {
    place.check_folder()?;
    let path = place.lock();
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| unusable(place, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Error::config(format!("another agent is at work at {}", place.socket().display()))
                .with_hint("`strongroom agent stop` ends it"))
        }
        Err(fs::TryLockError::Error(error)) => Err(unusable(place, error)),
    }
}

fn unusable(place: &Place, error: std::io::Error) -> Error {
    Error::config(format!("the agent cannot listen at {}", place.socket().display())).with_source(error)
}

/// An agent at work and its clients, on one thread.
#[derive(Debug)]
struct Office {
    work: Rc<Work>,
    /// Who else than the user of this process is served.
    group: Option<Arc<AgentGroup>>,
    limits: Limits,
    stopped: Notify,
    last_used: Cell<Instant>,
    clients: Cell<u32>,
    /// Clients that were turned away.
    refused: Cell<u64>,
    /// The longest time between two words to a client that waits.
    longest_gap: Cell<Duration>,
}

impl Office {
    fn new(work: Rc<Work>, group: Option<Arc<AgentGroup>>, limits: Limits) -> Self {
        Self {
            work,
            group,
            limits,
            stopped: Notify::new(),
            last_used: Cell::new(Instant::now()),
            clients: Cell::new(0),
            refused: Cell::new(0),
            longest_gap: Cell::new(Duration::ZERO),
        }
    }

    fn status(&self) -> Status {
        Status {
            clients: self.clients.get(),
            refused: self.refused.get(),
            longest_gap: self.longest_gap.get(),
            ..self.work.status()
        }
    }

    fn note_gap(&self, gap: Duration) {
        self.longest_gap.set(self.longest_gap.get().max(gap));
    }
}

async fn accept(office: &Rc<Office>, listener: &UnixListener) {
    loop {
        // Out of descriptors, for example: that passes when clients go.
        let Ok((stream, _)) = listener.accept().await else {
            sleep(HEARTBEAT).await;
            continue;
        };
        let Some(caller) = peer(stream.as_fd()).and_then(|peer| Caller::of(peer, office.group.clone()))
        else {
            continue;
        };
        if !caller.may_ask() {
            turn_away(stream, "this user is not among those that `allow` of `agent_group` names");
            continue;
        }
        if office.clients.get() >= office.limits.most_clients {
            office.refused.set(office.refused.get() + 1);
            turn_away(stream, "this agent serves as many clients as it can");
            continue;
        }
        office.clients.set(office.clients.get() + 1);
        let office = Rc::clone(office);
        spawn_local(async move {
            // A client that goes, or talks nonsense, is left; the others never notice.
            let _ = attend(&office, stream, &caller).await;
            office.clients.set(office.clients.get() - 1);
            office.last_used.set(Instant::now());
        });
    }
}

/// Refuses a client at once. One that is only cut off would take the agent for silent, and would have all
/// others leave it alone.
fn turn_away(stream: UnixStream, why: &str) {
    if let (Ok(mut stream), Ok(bytes)) = (stream.into_std(), frame(&Reply::Refused(why))) {
        let _ = stream.write_all(&bytes);
    }
}

/// Serves one client until it leaves. `None` ends the connection.
async fn attend(office: &Rc<Office>, mut stream: UnixStream, caller: &Caller) -> Option<()> {
    let mut incoming = Incoming::new(MOST_ASKED);
    let version = timeout(PATIENCE, receive(&mut stream, &mut incoming)).await.ok()??;
    if read::<&str>(incoming.at(version)) != Some(VERSION) {
        return send(&mut stream, &Reply::Refused("this agent is of another version")).await;
    }
    loop {
        let message = receive(&mut stream, &mut incoming).await?;
        office.last_used.set(Instant::now());
        match read(incoming.at(message))? {
            Request::Lookup(asked) => {
                let lookup = asked.lookup()?;
                match caller.multi_team(lookup, asked.multi_team) {
                    Ok(multi_team) => {
                        let (member, time) = asked.member().unzip();
                        let asked = Inquiry { lookup, multi_team, member, time };
                        answer(office, &mut stream, asked).await?;
                    }
                    Err(denied) => send_answer(&mut stream, &Answered::failed(denied)).await?,
                }
            }
            Request::Refresh { id, team } if !caller.may_refresh(id, team) => {
                send(&mut stream, &Reply::Refused("this user may not clear that")).await?;
            }
            Request::Stop if !caller.is_own() => {
                send(&mut stream, &Reply::Refused("only the user of the agent may stop it")).await?;
            }
            Request::Refresh { id, team } => {
                office.work.refresh(id, team);
                send(&mut stream, &Reply::Done).await?;
            }
            Request::Status => send(&mut stream, &Reply::Status(office.status())).await?,
            Request::Stop => {
                send(&mut stream, &Reply::Done).await?;
                office.stopped.notify_one();
            }
        }
    }
}

/// Answers a lookup, and says that it is at work until it can.
async fn answer(office: &Rc<Office>, stream: &mut UnixStream, asked: Inquiry<'_>) -> Option<()> {
    if let Some(known) = office.work.remembered(asked) {
        return send_answer(stream, &Answered { outcome: Ok(known), notes: Vec::new() }).await;
    }
    let mut said = Instant::now();
    let mut answered = std::pin::pin!(office.work.ask(asked));
    let answered = loop {
        tokio::select! {
            biased;
            answered = &mut answered => break answered,
            () = sleep(HEARTBEAT) => send(stream, &Reply::Working).await?,
        }
        office.note_gap(said.elapsed());
        said = Instant::now();
    };
    office.note_gap(said.elapsed());
    send_answer(stream, &answered).await
}

/// Ends once no client was there for as long as an agent may stay without one.
async fn until_idle(office: &Office) {
    let Some(idle) = office.limits.idle else { return std::future::pending().await };
    loop {
        let since = if office.clients.get() > 0 { Instant::now() } else { office.last_used.get() };
        if since.elapsed() >= idle {
            return;
        }
        sleep_until(since + idle).await;
    }
}

/// Ends once nobody can find the agent any more.
async fn until_gone(socket: &std::path::Path) {
    while socket.symlink_metadata().is_ok() {
        sleep(EACH_SECOND).await;
    }
}

/// Keeps memory that was taken for answers from swap and from dumps, soon after.
async fn keep_hidden(office: &Office) {
    let Some(lockable) = office.limits.memory else { return std::future::pending().await };
    let mut known = None;
    loop {
        let present = office.work.activity();
        if known.replace(present) != Some(present) {
            hide_memory(lockable);
        }
        sleep(EACH_SECOND).await;
    }
}

async fn send_answer(stream: &mut UnixStream, answered: &Answered) -> Option<()> {
    let outcome = match &answered.outcome {
        Ok(known) => Ok(WireKnown::new(known.value.as_ref(), known.age, known.fresh_for, known.is_stale)),
        Err(error) => Err(error.into()),
    };
    send(stream, &Reply::Answer(WireAnswer { outcome, notes: answered.notes.clone() })).await
}

async fn send(stream: &mut UnixStream, reply: &Reply<'_>) -> Option<()> {
    let bytes = frame(reply).ok()?;
    timeout(PATIENCE, stream.write_all(&bytes)).await.ok()?.ok()
}

/// One message. A client may think for as long as it likes before it, and not within it.
async fn receive(stream: &mut UnixStream, incoming: &mut Incoming) -> Option<Range<usize>> {
    if incoming.is_empty() {
        read_some(stream, incoming).await?;
    }
    let whole = async {
        loop {
            if let Some(message) = incoming.take().ok()? {
                return Some(message);
            }
            read_some(stream, incoming).await?;
        }
    };
    timeout(PATIENCE, whole).await.ok()?
}

async fn read_some(stream: &mut UnixStream, incoming: &mut Incoming) -> Option<()> {
    let count = stream.read(incoming.room()).await.ok().filter(|count| *count > 0)?;
    incoming.add(count);
    Some(())
}
