//! What has arrived on a connection. Most messages come whole with one read, and a read is what a lookup
//! through the agent mostly costs.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::agent::wire::{HEAD, length};

/// The bytes that are read at a time, until a message is longer.
const USUAL: usize = 512;

/// The other side announces a longer message than it may send, or an empty one.
#[derive(Debug)]
pub(super) struct WrongLength;

/// Bytes of messages. They may hold secrets, so they are overwritten when dropped, and have no Debug.
pub(super) struct Incoming {
    bytes: Zeroizing<Vec<u8>>,
    /// What has arrived and was not taken.
    arrived: Range<usize>,
    /// The bytes of the next message with its head, as far as they are known.
    awaited: usize,
    most: usize,
}

impl Incoming {
    /// Nothing yet. The other side may send messages of `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: Zeroizing::new(vec![0; USUAL]), arrived: 0..0, awaited: HEAD, most }
    }

    /// Whether nothing has arrived of the next message.
    pub(super) fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    /// The next message, once all of it has arrived: its place, for [`Self::at`].
    pub(super) fn take(&mut self) -> Result<Option<Range<usize>>, WrongLength> {
        let arrived = &self.bytes[self.arrived.clone()];
        let Some(head) = arrived.first_chunk::<HEAD>() else {
            self.awaited = HEAD;
            return Ok(None);
        };
        self.awaited = HEAD + length(*head, self.most).ok_or(WrongLength)?;
        if arrived.len() < self.awaited {
            return Ok(None);
        }
        let begin = self.arrived.start;
        self.arrived.start += self.awaited;
        Ok(Some(begin + HEAD..begin + self.awaited))
    }

    /// The message at a place that [`Self::take`] gave, until [`Self::room`] is asked for.
    pub(super) fn at(&self, place: Range<usize>) -> &[u8] {
        &self.bytes[place]
    }

    /// Where the next bytes go. It is never empty while a message is incomplete.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let (arrived, count) = (self.arrived.clone(), self.arrived.len());
        if self.awaited > self.bytes.len() {
            // Not grown in place, which would leave a copy behind in memory that was given back.
            let mut longer = Zeroizing::new(vec![0; self.awaited]);
            longer[..count].copy_from_slice(&self.bytes[arrived]);
            self.bytes = longer;
        } else {
            self.bytes.copy_within(arrived, 0);
        }
        self.arrived = 0..count;
        &mut self.bytes[count..]
    }

    /// Notes that `count` bytes were written to [`Self::room`].
    pub(super) fn add(&mut self, count: usize) {
        self.arrived.end += count;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        [&u32::try_from(message.len()).unwrap().to_le_bytes(), message].concat()
    }

    proptest! {
        #[test]
        fn messages_arrive_as_they_were_however_they_are_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..1500), 1..6),
            cuts in proptest::collection::vec(1_usize..700, 1..40),
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
            let (mut incoming, mut found, mut rest) = (Incoming::new(1500), Vec::new(), stream.as_slice());
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let room = incoming.room();
                let count = cuts.next().unwrap().min(room.len()).min(rest.len());
                prop_assert!(count > 0);
                room[..count].copy_from_slice(&rest[..count]);
                incoming.add(count);
                rest = &rest[count..];
                while let Some(place) = incoming.take().unwrap() {
                    found.push(incoming.at(place).to_vec());
                }
            }
            prop_assert!(incoming.is_empty());
            prop_assert_eq!(found, messages);
        }
    }

    #[test]
    fn a_length_that_is_not_allowed_is_an_error() {
        for wrong in [0_u32, 10, u32::MAX] {
            let mut incoming = Incoming::new(9);
            incoming.room()[..HEAD].copy_from_slice(&wrong.to_le_bytes());
            incoming.add(HEAD);
            assert!(incoming.take().is_err(), "{wrong}");
        }
    }
}
