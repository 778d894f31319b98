//! Asking the agent from an event loop's thread, where other lookups go on meanwhile.

use std::ops::Range;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::agent::client::Never;
use crate::agent::connection::NoReply;
use crate::agent::incoming::Incoming;
use crate::agent::wire::SILENCE;

type Outcome<T> = Result<T, NoReply<Never>>;

/// Sends `messages`, whole frames.
pub(super) async fn send(stream: &mut UnixStream, messages: &[u8]) -> Outcome<()> {
    // Where the other end has closed already, its last words are still to be read.
    timeout(SILENCE, stream.write_all(messages)).await.map(drop).map_err(|_| NoReply::Silent)
}

/// Waits for one message; each byte of it is a sign of life. Its place is for [`Incoming::at`].
pub(super) async fn receive(stream: &mut UnixStream, incoming: &mut Incoming) -> Outcome<Range<usize>> {
    loop {
        if let Some(message) = incoming.take().map_err(|_| NoReply::Silent)? {
            return Ok(message);
        }
        match timeout(SILENCE, stream.read(incoming.room())).await {
            Ok(Ok(count)) if count > 0 => incoming.add(count),
            _ => return Err(NoReply::Silent),
        }
    }
}
