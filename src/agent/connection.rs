//! A connection to the agent, for a thread that has nothing but time slices: no runtime, no other thread.

use std::io::{ErrorKind as IoErrorKind, Read};
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::agent::incoming::Incoming;
use crate::agent::place::Place;
use crate::agent::wire::SILENCE;
use crate::process::peer_user;

/// How long a signal may wait for its handler.
const SLICE: Duration = Duration::from_millis(50);

/// An agent that has gone must not end this process by SIGPIPE.
#[cfg(not(target_vendor = "apple"))]
const QUIETLY: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const QUIETLY: SendFlags = SendFlags::empty();

fn unsafe_place<I>(place: &Place) -> NoReply<I> {
    NoReply::Rejected(format!(
        "{} is no socket in a folder that only this user can write to",
        place.socket().display()
    ))
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum NoReply<Interruption> {
    /// Nothing listens, or what listens may not be trusted. It costs nothing to find that out again.
    NotThere,
    /// It is there and may not be asked, or does not serve this client; the text says why.
    Rejected(String),
    /// It is there and silent, or talks nonsense, or has gone in the middle of a reply.
    Silent,
    /// The connection was closed before the first byte of a reply: it was idle, or the agent has ended.
    Closed,
    /// The caller does not want to wait any longer.
    Interrupted(Interruption),
}

impl<I> From<std::io::Error> for NoReply<I> {
    fn from(_: std::io::Error) -> Self {
        Self::Silent
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection(UnixStream);

impl Connection {
    /// Connects without waiting. An agent whose backlog is full is not waited for.
    pub(super) fn open<I>(place: &Place) -> Result<Self, NoReply<I>> {
        match place.is_safe() {
            None => return Err(NoReply::NotThere),
            Some(false) => return Err(unsafe_place(place)),
            Some(true) => {}
        }
        let address = SockAddr::unix(place.socket()).map_err(|_| NoReply::NotThere)?;
        let connected = Socket::new(Domain::UNIX, Type::STREAM, None).and_then(|socket| {
            socket.set_nonblocking(true)?;
            #[cfg(target_vendor = "apple")]
            socket.set_nosigpipe(true)?;
            socket.connect(&address).map(|()| socket)
        });
        let stream = match connected {
            Ok(socket) => UnixStream::from(std::os::fd::OwnedFd::from(socket)),
            Err(error) if error.kind() == IoErrorKind::WouldBlock => return Err(NoReply::Silent),
            Err(_) => return Err(NoReply::NotThere),
        };
        // Another user who could put a socket into the folder would give false secrets.
        if !peer_user(stream.as_fd()).is_some_and(|user| place.trusts(user)) {
            return Err(unsafe_place(place));
        }
        Ok(Self(stream))
    }

    /// The socket itself, for a runtime.
    pub(super) fn into_stream(self) -> UnixStream {
        self.0
    }

    /// Sends `request`, a whole frame.
    pub(super) fn send<I>(
        &mut self,
        request: &[u8],
        check: &mut impl FnMut() -> Result<(), I>,
    ) -> Result<(), NoReply<I>> {
        let (mut sent, until) = (0, Instant::now() + SILENCE);
        while sent < request.len() {
            match send(&self.0, &request[sent..], QUIETLY) {
                Ok(count) => sent += count,
                Err(Errno::AGAIN) => {
                    self.wait(PollFlags::OUT, until, check)?;
                }
                Err(Errno::INTR) => {}
                Err(_) => return Err(NoReply::Closed),
            }
        }
        Ok(())
    }

    /// Waits for one message; each byte of it is a sign of life. Its place is for [`Incoming::at`].
    pub(super) fn receive<I>(
        &mut self,
        incoming: &mut Incoming,
        check: &mut impl FnMut() -> Result<(), I>,
    ) -> Result<Range<usize>, NoReply<I>> {
        let mut until = Instant::now() + SILENCE;
        loop {
            if let Some(message) = incoming.take().map_err(|_| NoReply::Silent)? {
                return Ok(message);
            }
            // Nothing is there yet right after a request, so a read before the wait would be in vain.
            self.wait(PollFlags::IN, until, check)?;
            match self.0.read(incoming.room()) {
                Ok(count) if count > 0 => {
                    incoming.add(count);
                    until = Instant::now() + SILENCE;
                }
                Err(error) if is_passing(error.kind()) => {}
                _ if incoming.is_empty() => return Err(NoReply::Closed),
                _ => return Err(NoReply::Silent),
            }
        }
    }

    /// Waits until the socket is ready, in slices, with a look at the signals after each.
    fn wait<I>(
        &self,
        readiness: PollFlags,
        until: Instant,
        check: &mut impl FnMut() -> Result<(), I>,
    ) -> Result<(), NoReply<I>> {
        loop {
            let left = until.saturating_duration_since(Instant::now()).min(SLICE);
            let slice = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
            let ready = poll(&mut [PollFd::from_borrowed_fd(self.0.as_fd(), readiness)], Some(&slice));
            match ready {
                Ok(0) | Err(Errno::INTR) => check().map_err(NoReply::Interrupted)?,
                Ok(_) => return Ok(()),
                Err(_) => return Err(NoReply::Silent),
            }
            if Instant::now() >= until {
                return Err(NoReply::Silent);
            }
        }
    }
}

/// Whether a read that ended so may be made again.
fn is_passing(kind: IoErrorKind) -> bool {
    matches!(kind, IoErrorKind::WouldBlock | IoErrorKind::Interrupted)
}
