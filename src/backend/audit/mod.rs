//! Who read which secret, and when: one line of JSON for each access, if the operator asks for it.
//!
//! A line contains names, an outcome and durations, but never a value. Nothing is kept between two lines: the
//! file is opened for each. So nothing is used across a fork (a child may inherit a descriptor that another
//! thread had open at that moment, and leaves it alone), and after the file is moved away, by this module or
//! a tool such as logrotate, the next line creates a new one.
//!
//! `docs/observability.md` describes for operators what a line contains and what happens when it cannot be
//! written.

mod error;
mod file;
mod line;
mod rotate;
mod settings;

use std::time::Duration;

pub use line::Claims;
pub use rotate::put_aside;
pub use settings::{AuditSettings, OPTIONS};

use crate::error::Result;
use crate::store::convention::Lookup;

/// A lookup that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// What was asked for.
    pub lookup: Lookup<'a>,
    /// The registry name of the store.
    pub store: &'static str,
    /// The member of a chain that has the value.
    pub member: Option<&'a str>,
    /// How it ended, as a slug: `value`, `absent`, `stale`, `skipped`, `refused`, or
    /// [`ErrorKind::as_str`](crate::error::ErrorKind::as_str).
    pub outcome: &'static str,
    /// The time since the store gave the answer, where it is known.
    pub age: Option<Duration>,
    /// How long the lookup took.
    pub took: Duration,
    /// The caller, according to its own environment.
    pub claims: &'a Claims,
}

/// The audit file of one configuration: plain data, valid in forked processes too.
#[derive(Clone, Debug)]
pub struct AuditLog {
    settings: AuditSettings,
}

impl AuditLog {
    /// An audit log that touches nothing before the first access.
    pub fn new(settings: AuditSettings) -> Self {
        Self { settings }
    }

    /// Whether a lookup has to fail when its line cannot be written.
    pub fn is_required(&self) -> bool {
        self.settings.is_required()
    }

    /// Appends the line of `access`.
    ///
    /// An error means that the line may be missing (or, if rotation failed, that the file grows beyond its
    /// limit; then the line has been written). The caller decides what follows: with [`Self::is_required`]
    /// the lookup fails, otherwise a warning is logged once a minute.
    ///
    /// Call it without the GIL and not under [`no_fork`](crate::process::no_fork), which rotation takes.
    pub fn record(&self, access: &Access<'_>) -> Result<()> {
        let line = line::write(access);
        // The line is written even if the file could not be rotated.
        let rotated = rotate::make_room(&self.settings, line.len());
        file::append(self.settings.path(), &line)?;
        rotated
    }
}

#[cfg(test)]
mod tests;
