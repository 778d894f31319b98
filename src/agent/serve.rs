//! The agent: answering, and refreshing what is in use before it expires.

use std::cell::{Cell, RefCell};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
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

use crate::agent::ahead::{Ahead, Question};
use crate::agent::incoming::Incoming;
use crate::agent::limits::Limits;
use crate::agent::place::Place;
use crate::agent::wire::{
    HEARTBEAT, MOST_ASKED, Reply, Request, Status, VERSION, WireAnswer, WireKnown, WireLookup, frame, read,
};
use crate::backend::{Answered, Backend, Known, Plan, Settings, plan};
use crate::error::{Error, Result};
use crate::layers;
use crate::process::{Clock, effective_user};
use crate::store::convention::Lookup;

/// When the agent refreshes: nobody waits for it, so the refresh has the time of a whole lookup.
const REFRESH_AT: f64 = 0.9;

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
    /// Takes `place`. Another agent that has it is an error.
    pub fn at(place: Place) -> Result<Self> {
        let lock = lock(&place)?;
        let socket = place.socket();
        // What is left of an agent that was killed; the lock says that none is alive.
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != IoErrorKind::NotFound => return Err(unusable(&place, error)),
            _ => {}
        }
        let listener = Listener::bind(&socket)
            .and_then(|listener| {
                fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))?;
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
    pub async fn serve(self, mut settings: Settings, limits: Limits) -> Result<()> {
        settings.layers.cache.ahead = layers::Ahead { at: REFRESH_AT, patience: settings.layers.timeout };
        let settings = Arc::new(settings);
        let listener = UnixListener::from_std(self.listener).map_err(|error| unusable(&self.place, error))?;
        let work = Rc::new(Work {
            backend: Backend::open(Arc::clone(&settings), Clock::System)?,
            settings,
            limits,
            started: Instant::now(),
            ahead: RefCell::default(),
            earlier: Notify::new(),
            stopped: Notify::new(),
            last_used: Cell::new(Instant::now()),
            clients: Cell::new(0),
            lookups: Cell::new(0),
            from_memory: Cell::new(0),
            refreshes: Cell::new(0),
        });
        let local = LocalSet::new();
        let socket = self.place.socket();
        local
            .run_until(async {
                tokio::select! {
                    () = accept(&work, &listener) => {}
                    () = look_ahead(&work) => {}
                    () = work.stopped.notified() => {}
                    () = until_idle(&work) => {}
                    () = until_gone(&socket) => {}
                }
            })
            .await;
        if !self.is_passed {
            let _ = fs::remove_file(&socket);
        }
        Ok(())
    }
}

/// Whether an agent has `place`.
pub fn is_taken(place: &Place) -> bool {
    File::open(place.lock()).is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

fn lock(place: &Place) -> Result<File> {
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

/// An agent at work, on one thread.
#[derive(Debug)]
struct Work {
    backend: Backend,
    settings: Arc<Settings>,
    limits: Limits,
    started: Instant,
    ahead: RefCell<Ahead>,
    /// Something may be due earlier than before.
    earlier: Notify,
    stopped: Notify,
    last_used: Cell<Instant>,
    clients: Cell<u32>,
    lookups: Cell<u64>,
    from_memory: Cell<u64>,
    refreshes: Cell<u64>,
}

async fn accept(work: &Rc<Work>, listener: &UnixListener) {
    loop {
        // Out of descriptors, for example: that passes when clients go.
        let Ok((stream, _)) = listener.accept().await else {
            sleep(HEARTBEAT).await;
            continue;
        };
        let is_own = stream.peer_cred().is_ok_and(|peer| peer.uid() == effective_user());
        if !is_own {
            continue;
        }
        if work.clients.get() >= work.limits.most_clients {
            turn_away(stream);
            continue;
        }
        work.clients.set(work.clients.get() + 1);
        let work = Rc::clone(work);
        spawn_local(async move {
            // A client that goes, or talks nonsense, is left; the others never notice.
            let _ = attend(&work, stream).await;
            work.clients.set(work.clients.get() - 1);
            work.last_used.set(Instant::now());
        });
    }
}

/// Refuses a client at once. One that is only cut off would take the agent for silent, and would have all
/// others leave it alone.
fn turn_away(stream: UnixStream) {
    let full = Reply::Refused("this agent serves as many clients as it can");
    if let (Ok(mut stream), Ok(bytes)) = (stream.into_std(), frame(&full)) {
        let _ = stream.write_all(&bytes);
    }
}

/// Serves one client until it leaves. `None` ends the connection.
async fn attend(work: &Rc<Work>, mut stream: UnixStream) -> Option<()> {
    let mut incoming = Incoming::new(MOST_ASKED);
    let version = timeout(PATIENCE, receive(&mut stream, &mut incoming)).await.ok()??;
    if read::<&str>(incoming.at(version)) != Some(VERSION) {
        return send(&mut stream, &Reply::Refused("this agent is of another version")).await;
    }
    loop {
        let message = receive(&mut stream, &mut incoming).await?;
        work.last_used.set(Instant::now());
        match read(incoming.at(message))? {
            Request::Lookup(asked) => answer(work, &mut stream, asked).await?,
            Request::Refresh { id, team } => {
                work.backend.refresh(id, team);
                send(&mut stream, &Reply::Done).await?;
            }
            Request::Status => send(&mut stream, &Reply::Status(work.status())).await?,
            Request::Stop => {
                send(&mut stream, &Reply::Done).await?;
                work.stopped.notify_one();
            }
        }
    }
}

/// Answers a lookup, and says that it is at work until it can.
async fn answer(work: &Rc<Work>, stream: &mut UnixStream, asked: WireLookup<'_>) -> Option<()> {
    let lookup = asked.lookup()?;
    work.lookups.set(work.lookups.get() + 1);
    if let Some(known) = work.remembered(lookup, asked) {
        work.from_memory.set(work.from_memory.get() + 1);
        work.note(lookup, asked, &known);
        return send_answer(stream, &Answered { outcome: Ok(known), notes: Vec::new() }).await;
    }
    let mut answered = std::pin::pin!(work.ask(lookup, asked.multi_team));
    let answered = loop {
        tokio::select! {
            biased;
            answered = &mut answered => break answered,
            () = sleep(HEARTBEAT) => send(stream, &Reply::Working).await?,
        }
    };
    if let Ok(known) = &answered.outcome {
        work.note(lookup, asked, known);
    }
    send_answer(stream, &answered).await
}

impl Work {
    /// The answer from memory: fresh, or being refreshed at this moment.
    fn remembered(&self, lookup: Lookup<'_>, asked: WireLookup<'_>) -> Option<Known> {
        if let Some(known) = self.backend.known(lookup) {
            return Some(known);
        }
        if !self.ahead.borrow().is_under_way(&Question::of(asked, lookup.kind)) {
            return None;
        }
        let Ok(Plan::Ask(route)) = self.plan(lookup, asked.multi_team) else { return None };
        let held = self.backend.held(lookup, &route, true)?;
        let age = held.reply.age.unwrap_or_default();
        Some(Known { value: held.reply.value, age, fresh_for: Duration::ZERO, is_stale: false })
    }

    async fn ask(&self, lookup: Lookup<'_>, multi_team: Option<bool>) -> Answered {
        match self.plan(lookup, multi_team) {
            Ok(Plan::Ask(route)) => self.backend.answer(lookup, &route).await,
            // A client of the same configuration does not ask for what is skipped.
            Ok(Plan::Skip(skipped)) => {
                let error = skipped.as_error(lookup.id);
                let error = error.unwrap_or_else(|| Error::internal(skipped.reason(lookup.kind)));
                Answered { outcome: Err(error), notes: Vec::new() }
            }
            Err(error) => Answered { outcome: Err(error), notes: Vec::new() },
        }
    }

    /// Without word of the client Airflow counts as one with teams, so that no team reads what is another's.
    fn plan(&self, lookup: Lookup<'_>, multi_team: Option<bool>) -> Result<Plan> {
        plan(&self.settings, lookup, || multi_team.unwrap_or(true))
    }

    fn note(&self, lookup: Lookup<'_>, asked: WireLookup<'_>, known: &Known) {
        let most = self.settings.layers.cache.max_entries;
        let mut ahead = self.ahead.borrow_mut();
        let before = ahead.next();
        ahead.note(Question::of(asked, lookup.kind), known, Instant::now(), most);
        if ahead.next() != before {
            self.earlier.notify_one();
        }
    }

    fn status(&self) -> Status {
        Status {
            pid: std::process::id(),
            store: self.settings.entry.info.name.to_owned(),
            up: self.started.elapsed(),
            clients: self.clients.get(),
            lookups: self.lookups.get(),
            from_memory: self.from_memory.get(),
            refreshes: self.refreshes.get(),
        }
    }
}

/// Refreshes what is due and in use.
async fn look_ahead(work: &Rc<Work>) {
    loop {
        let next = work.ahead.borrow().next();
        tokio::select! {
            () = until(next) => {}
            () = work.earlier.notified() => {}
        }
        let due = work.ahead.borrow_mut().take_due(Instant::now());
        for question in due {
            work.refreshes.set(work.refreshes.get() + 1);
            let work = Rc::clone(work);
            spawn_local(async move {
                let answered = work.ask(question.lookup(), question.multi_team()).await;
                let known = answered.outcome.as_ref().ok();
                work.ahead.borrow_mut().refreshed(question, known, Instant::now());
                work.earlier.notify_one();
            });
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Ends once no client was there for as long as an agent may stay without one.
async fn until_idle(work: &Work) {
    let Some(idle) = work.limits.idle else { return std::future::pending().await };
    loop {
        let since = if work.clients.get() > 0 { Instant::now() } else { work.last_used.get() };
        if since.elapsed() >= idle {
            return;
        }
        sleep_until(since + idle).await;
    }
}

/// Ends once nobody can find the agent any more.
async fn until_gone(socket: &std::path::Path) {
    while socket.symlink_metadata().is_ok() {
        sleep(Duration::from_secs(1)).await;
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
