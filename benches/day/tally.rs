//! The outcomes of lookups.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The part of Airflow that looks up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// Processes that parse a DAG file and end.
    Parsing,
    /// Processes that run a task and end.
    Tasks,
    /// One long-lived process.
    Triggerer,
    /// Another long-lived process.
    Scheduler,
    /// The agent of the host, which looks nothing up for itself.
    Agent,
}

impl Part {
    pub(crate) const ALL: [Self; 5] =
        [Self::Parsing, Self::Tasks, Self::Triggerer, Self::Scheduler, Self::Agent];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Parsing => "parsing",
            Self::Tasks => "tasks",
            Self::Triggerer => "triggerer",
            Self::Scheduler => "scheduler",
            Self::Agent => "agent",
        }
    }
}

/// How a lookup ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the store's answer of now, or of a short while ago.
    Answered,
    /// With a value past its time to live.
    Stale,
    /// With an error.
    Failed,
}

/// Counts lookups.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    lookups: [u64; Part::ALL.len()],
    errors: [u64; Part::ALL.len()],
    /// Processes with a failed lookup.
    spoiled: [u64; Part::ALL.len()],
    stale: u64,
    milliseconds: [Vec<u32>; Part::ALL.len()],
}

/// How long lookups took, shortest first.
#[derive(Debug)]
pub(crate) struct Waits(Vec<u32>);

impl Tally {
    /// Records a lookup.
    pub(crate) fn note(&self, part: Part, end: End, took: Duration) {
        let mut counts = self.lock();
        counts.lookups[part as usize] += 1;
        counts.errors[part as usize] += u64::from(end == End::Failed);
        counts.stale += u64::from(end == End::Stale);
        counts.milliseconds[part as usize].push(u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
    }

    /// Records a process without one of its secrets.
    pub(crate) fn note_spoiled(&self, part: Part) {
        self.lock().spoiled[part as usize] += 1;
    }

    /// Lookups of a part, those that failed, and the processes with one that failed.
    pub(crate) fn of(&self, part: Part) -> [u64; 3] {
        let counts = self.lock();
        [&counts.lookups, &counts.errors, &counts.spoiled].map(|counts| counts[part as usize])
    }

    /// Lookups that ended with an old value.
    pub(crate) fn stale(&self) -> u64 {
        self.lock().stale
    }

    /// The durations of the lookups of `parts`.
    pub(crate) fn waits(&self, parts: &[Part]) -> Waits {
        let counts = self.lock();
        let mut milliseconds: Vec<u32> =
            parts.iter().flat_map(|part| &counts.milliseconds[*part as usize]).copied().collect();
        milliseconds.sort_unstable();
        Waits(milliseconds)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits {
    /// The longest duration of `thousandths` of the lookups, in milliseconds.
    pub(crate) fn part(&self, thousandths: usize) -> u32 {
        let count = (self.0.len() * thousandths).div_ceil(1000);
        self.0.get(count.saturating_sub(1)).copied().unwrap_or_default()
    }
}
