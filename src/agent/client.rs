//! Asking the agent, and leaving it alone when it does not answer.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::agent::connection::{Connection, NoReply};
use crate::agent::incoming::Incoming;
use crate::agent::place::Place;
use crate::agent::waiting;
use crate::agent::wire::{MOST_ANSWERED, Reply, Request, SILENCE, Status, VERSION, WireLookup, frame, read};
use crate::backend::{Answered, Known};
use crate::error::{Error, ErrorKind, Result};

/// For so long an agent that was found silent is left alone by all processes of the user.
const LEFT_ALONE: Duration = Duration::from_secs(5);

/// How long a command may take: the agent answers it from memory.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections kept open for the next lookup: as many as threads have asked at the same time, up to this.
const MOST_KEPT: usize = 8;

/// What came of asking the agent.
#[derive(Debug)]
pub enum Asked<Interruption> {
    /// The agent's answer, which counts, whatever it is.
    Answered(Answered),
    /// The agent does not answer, so the store has to be asked; `is_news` if this has just been found out.
    Direct {
        /// Whether the agent was there and has just been found silent.
        is_news: bool,
        /// Whether none is there, so that one could be started.
        is_absent: bool,
    },
    /// The caller does not want to wait any longer.
    Interrupted(Interruption),
}

/// A client of the agent. It belongs to one generation of the process.
#[derive(Debug)]
pub struct Client {
    place: Place,
    idle: Mutex<Vec<Connection>>,
    /// When this process found it silent and could not write so for the others, as on a full disk.
    silent: Mutex<Option<Instant>>,
    /// How long the agent may say that it is at work.
    patience: Duration,
}

impl Client {
    /// A client of the agent at `place`. Makes no connection.
    pub fn new(place: Place) -> Self {
        Self { place, idle: Mutex::default(), silent: Mutex::default(), patience: PATIENCE }
    }

    /// The same for lookups that take `timeout` at most. The agent ends a lookup by itself at its timeout, so
    /// one that is at work for longer than that is taken for silent.
    #[must_use]
    pub fn for_lookups_within(self, timeout: Duration) -> Self {
        Self { patience: timeout.saturating_add(SILENCE), ..self }
    }

    /// Asks for the answer to `lookup`. `check` is called every 50 ms while the agent is at work; what it
    /// fails with ends the wait.
    pub(super) fn ask<I>(
        &self,
        lookup: WireLookup<'_>,
        mut check: impl FnMut() -> std::result::Result<(), I>,
    ) -> Asked<I> {
        if self.is_left_alone() {
            return Asked::Direct { is_news: false, is_absent: false };
        }
        let request = Request::Lookup(lookup);
        self.asked(self.exchange(&request, &mut check, answered))
    }

    /// Like [`Self::ask`], for a thread that drives other lookups meanwhile.
    pub(super) async fn ask_later<I>(&self, lookup: WireLookup<'_>) -> Asked<I> {
        if self.is_left_alone() {
            return Asked::Direct { is_news: false, is_absent: false };
        }
        let request = Request::Lookup(lookup);
        match self.exchange_later(&request).await {
            Err(NoReply::Interrupted(never)) => match never {},
            Err(NoReply::NotThere) => self.asked(Err(NoReply::NotThere)),
            Err(NoReply::Rejected(why)) => self.asked(Err(NoReply::Rejected(why))),
            Err(NoReply::Silent | NoReply::Closed) => self.asked(Err(NoReply::Silent)),
            Ok(answered) => Asked::Answered(answered),
        }
    }

    async fn exchange_later(&self, request: &Request<'_>) -> std::result::Result<Answered, NoReply<Never>> {
        let unwritable = |_| NoReply::NotThere;
        let hello = frame(&VERSION).map_err(unwritable)?;
        let request = frame(request).map_err(unwritable)?;
        let connection = Connection::open(&self.place)?;
        let mut stream = tokio::net::UnixStream::from_std(connection.into_stream())?;
        waiting::send(&mut stream, &hello).await?;
        waiting::send(&mut stream, &request).await?;
        let (asked, mut incoming) = (Instant::now(), Incoming::new(MOST_ANSWERED));
        loop {
            let message = waiting::receive(&mut stream, &mut incoming).await?;
            match read(incoming.at(message)).ok_or(NoReply::Silent)? {
                Reply::Working if asked.elapsed() < self.patience => {}
                Reply::Refused(why) => return Err(NoReply::Rejected(why.to_owned())),
                reply => return answered(reply).ok_or(NoReply::Silent),
            }
        }
    }

    fn asked<I>(&self, outcome: std::result::Result<Answered, NoReply<I>>) -> Asked<I> {
        match outcome {
            Ok(answered) => Asked::Answered(answered),
            Err(NoReply::Interrupted(interruption)) => Asked::Interrupted(interruption),
            Err(NoReply::NotThere) => Asked::Direct { is_news: false, is_absent: true },
            Err(NoReply::Rejected(_)) => Asked::Direct { is_news: true, is_absent: false },
            Err(NoReply::Silent | NoReply::Closed) => {
                self.leave_alone();
                Asked::Direct { is_news: true, is_absent: false }
            }
        }
    }

    /// The next lookup of `id`, or every next lookup, asks the store. Nothing happens where no agent answers.
    pub fn refresh(&self, id: Option<&str>, team: Option<&str>) {
        if !self.is_left_alone()
            && let Err(NoReply::Silent) = self.send_command(&Request::Refresh { id, team })
        {
            self.leave_alone();
        }
    }

    /// Like [`Self::refresh`], and an error where no agent answers.
    pub fn clear(&self, id: Option<&str>, team: Option<&str>) -> Result<()> {
        self.command(&Request::Refresh { id, team })
    }

    /// Whether the operator has named the socket.
    pub(super) fn is_named(&self) -> bool {
        self.place.is_named()
    }

    /// The place of the agent.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Asks the agent to end.
    pub fn stop(&self) -> Result<()> {
        self.command(&Request::Stop)
    }

    /// The figures of the agent.
    pub fn status(&self) -> Result<Status> {
        self.exchange(&Request::Status, &mut never, |reply| match reply {
            Reply::Status(status) => Some(status),
            _ => None,
        })
        .map_err(|no_reply| self.no_agent(&no_reply))
    }

    fn command(&self, request: &Request<'_>) -> Result<()> {
        self.send_command(request).map_err(|no_reply| self.no_agent(&no_reply))
    }

    fn send_command(&self, request: &Request<'_>) -> std::result::Result<(), NoReply<Never>> {
        self.exchange(request, &mut never, |reply| matches!(reply, Reply::Done).then_some(()))
    }

    fn no_agent(&self, no_reply: &NoReply<Never>) -> Error {
        let socket = self.place.socket();
        let text = match no_reply {
            NoReply::Rejected(why) => why.clone(),
            NoReply::NotThere => format!("no agent of this user listens at {}", socket.display()),
            _ => format!("the agent at {} does not answer", socket.display()),
        };
        Error::new(ErrorKind::Unreachable, text).with_hint("Start it with `strongroom agent`")
    }

    /// Sends `request` and takes the first reply that is not "at work". A connection that was idle may be of
    /// an agent that has ended since: then another one is opened, once.
    fn exchange<T, I>(
        &self,
        request: &Request<'_>,
        check: &mut impl FnMut() -> std::result::Result<(), I>,
        mut take: impl FnMut(Reply<'_>) -> Option<T>,
    ) -> std::result::Result<T, NoReply<I>> {
        let bytes = frame(request).map_err(|_| NoReply::NotThere)?;
        let kept = self.lock().pop();
        if let Some(connection) = kept {
            match self.exchange_on(connection, &bytes, check, &mut take) {
                Err(NoReply::Closed) => {}
                outcome => return outcome,
            }
        }
        let mut connection = Connection::open(&self.place)?;
        send(&mut connection, &frame(&VERSION).map_err(|_| NoReply::NotThere)?, check)?;
        self.exchange_on(connection, &bytes, check, &mut take)
    }

    fn exchange_on<T, I>(
        &self,
        mut connection: Connection,
        request: &[u8],
        check: &mut impl FnMut() -> std::result::Result<(), I>,
        take: &mut impl FnMut(Reply<'_>) -> Option<T>,
    ) -> std::result::Result<T, NoReply<I>> {
        send(&mut connection, request, check)?;
        let (asked, mut incoming) = (Instant::now(), Incoming::new(MOST_ANSWERED));
        loop {
            let message = connection.receive(&mut incoming, check)?;
            let taken = match read(incoming.at(message)).ok_or(NoReply::Silent)? {
                Reply::Working if asked.elapsed() < self.patience => continue,
                Reply::Refused(why) => return Err(NoReply::Rejected(why.to_owned())),
                reply => take(reply).ok_or(NoReply::Silent)?,
            };
            let mut idle = self.lock();
            if idle.len() < MOST_KEPT {
                idle.push(connection);
            }
            return Ok(taken);
        }
    }

    /// Whether some process of the user has found the agent silent just now. The file's time says so to each
    /// new process, which would else wait for the silence again.
    fn is_left_alone(&self) -> bool {
        let silent = *self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if silent.is_some_and(|at| at.elapsed() < LEFT_ALONE) {
            return true;
        }
        let noted = self.place.silent().symlink_metadata().and_then(|file| file.modified());
        noted.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < LEFT_ALONE))
    }

    fn leave_alone(&self) {
        self.lock().clear();
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.place.silent());
        // Where the folder cannot be written, each process finds out for itself, once.
        let is_noted = file.and_then(|file: File| file.set_modified(SystemTime::now())).is_ok();
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = (!is_noted).then(Instant::now);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A panic while the lock was held leaves a list that is still a list.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends `message`. Where the other end has closed already, its last words are still to be read: an agent
/// turns clients away before it has read a word of them.
fn send<I>(
    connection: &mut Connection,
    message: &[u8],
    check: &mut impl FnMut() -> std::result::Result<(), I>,
) -> std::result::Result<(), NoReply<I>> {
    match connection.send(message, check) {
        Err(NoReply::Closed) => Ok(()),
        sent => sent,
    }
}

fn answered(reply: Reply<'_>) -> Option<Answered> {
    let Reply::Answer(answer) = reply else { return None };
    Some(Answered {
        outcome: answer.outcome.map_err(Error::from).map(|known| Known {
            value: known.value(),
            age: known.age,
            fresh_for: known.fresh_for,
            is_stale: known.is_stale,
        }),
        notes: answer.notes,
    })
}

/// What a command is never interrupted by.
#[derive(Debug)]
pub(super) enum Never {}

#[allow(clippy::unnecessary_wraps)] // it is one of the checks that may fail
fn never() -> std::result::Result<(), Never> {
    Ok(())
}
