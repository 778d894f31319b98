//! Asking the agent from an event loop's thread, where other lookups go on meanwhile.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::agent::client::Never;
use crate::agent::connection::NoReply;
use crate::agent::wire::{HEAD, MOST_ANSWERED, SILENCE, length};

type Outcome<T> = Result<T, NoReply<Never>>;

/// Sends `messages`, whole frames.
pub(super) async fn send(stream: &mut UnixStream, messages: &[u8]) -> Outcome<()> {
    // Where the other end has closed already, its last words are still to be read.
    timeout(SILENCE, stream.write_all(messages)).await.map(drop).map_err(|_| NoReply::Silent)
}

/// Waits for one message; each byte of it is a sign of life.
pub(super) async fn receive(stream: &mut UnixStream) -> Outcome<Zeroizing<Vec<u8>>> {
    let mut head = [0; HEAD];
    fill(stream, &mut head).await?;
    let length = length(head, MOST_ANSWERED).ok_or(NoReply::Silent)?;
    let mut body = Zeroizing::new(vec![0; length]);
    fill(stream, &mut body).await?;
    Ok(body)
}

async fn fill(stream: &mut UnixStream, bytes: &mut [u8]) -> Outcome<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        match timeout(SILENCE, stream.read(&mut bytes[filled..])).await {
            Ok(Ok(count)) if count > 0 => filled += count,
            _ => return Err(NoReply::Silent),
        }
    }
    Ok(())
}
