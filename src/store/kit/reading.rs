//! Reading files that hold secrets: on another thread, up to a size, and wiped afterwards.

use std::io::{self, Read};

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Runs `work`, which reads files, on the blocking pool, if there is one: a network file system may hang, and
/// the deadline of the lookup must be able to end the wait.
pub async fn on_another_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await.map_err(|error| stopped(&error)),
        Err(_) => Ok(work()),
    }
}

/// The reading thread did not finish. Its panic message may contain a secret, so only the fact is reported.
fn stopped(error: &tokio::task::JoinError) -> Error {
    let what = if error.is_panic() { "failed" } else { "was stopped" };
    Error::internal(format!("reading a secret file {what}")).with_operation("read")
}

/// Reads to the end; `None` if that is beyond `most` bytes. A growing vector would leave copies behind, so it
/// is replaced by a larger one and wiped.
pub fn read_all(mut file: impl Read, capacity: usize, most: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    loop {
        let room = bytes.capacity().saturating_sub(bytes.len());
        let count = file.by_ref().take(u64::try_from(room).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
            return Ok(None);
        }
        // Less than the free space was read, so this is the end of the file.
        if count < room {
            return Ok(Some(bytes));
        }
        // Copied by hand, so that the smaller buffer is wiped: a growing `Vec` would leave it behind.
        let mut larger = Zeroizing::new(Vec::with_capacity(bytes.capacity().saturating_mul(2)));
        larger.extend_from_slice(&bytes);
        bytes = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_grow_are_read_to_their_end_and_large_ones_not_at_all() {
        let bytes: Vec<u8> = (0..100_000).map(|number: u32| number.to_le_bytes()[0]).collect();
        for capacity in [1, 10, 100_000, 100_001] {
            assert_eq!(*read_all(bytes.as_slice(), capacity, 100_000).unwrap().unwrap(), bytes);
            assert!(read_all(bytes.as_slice(), capacity, 99_999).unwrap().is_none());
            assert!(read_all(io::repeat(1), capacity, 1 << 20).unwrap().is_none());
        }
    }
}
