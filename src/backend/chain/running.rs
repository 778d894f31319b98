//! The members of a chain in one process.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::chain::elsewhere::Time;
use crate::backend::chain::routes::Routes;
use crate::backend::chain::settings::{ChainSettings, Member};
use crate::backend::lookup::Backend;
use crate::backend::on_error::OnError;
use crate::backend::settings::Settings;
use crate::backend::warnings::Warnings;
use crate::error::Result;
use crate::process::{Clock, Deadline, ForkCell};

/// What a deadline is called if a member has a part of the time only.
pub(super) const SHARE: &str = "its part of the time of the lookup";

/// A running chain: each member is built when it is asked first.
#[derive(Debug)]
pub(in crate::backend) struct Chain {
    pub(in crate::backend) settings: Arc<ChainSettings>,
    pub(super) members: Vec<Running>,
    pub(super) routes: Routes,
    pub(in crate::backend) clock: Clock,
}

/// A member of a running chain.
#[derive(Debug, Default)]
pub(in crate::backend) struct Running {
    live: ForkCell<Backend>,
    pub(super) warnings: Warnings,
}

impl Chain {
    /// The chain of these settings, if they are those of a chain.
    pub(in crate::backend) fn of(settings: &Settings, clock: &Clock) -> Option<Self> {
        let settings = Arc::clone(settings.chain.as_ref()?);
        let members = settings.members.iter().map(|_| Running::default()).collect();
        Some(Self { settings, members, routes: Routes::new(), clock: clock.clone() })
    }

    /// The member at `index`: its settings, and what runs of it.
    pub(in crate::backend) fn member(&self, index: usize) -> Option<(&Member, &Running)> {
        Some((self.settings.members.get(index)?, self.members.get(index)?))
    }

    /// Every backend that is already built.
    pub(in crate::backend) fn built(&self) -> impl Iterator<Item = &Backend> {
        self.members.iter().filter_map(Running::existing)
    }
}

impl Running {
    /// The backend, if it is already built.
    pub(in crate::backend) fn existing(&self) -> Option<&Backend> {
        self.live.get()
    }

    /// The backend, built on first use.
    pub(in crate::backend) fn backend(&self, member: &Member, clock: &Clock) -> Result<&Backend> {
        let settings = member.settings.as_ref().map_err(Clone::clone)?;
        self.live.get_or_try(|| Backend::open(Arc::clone(settings), clock.clone()))
    }

    /// Replaces the backend that the settings name.
    #[cfg(test)]
    pub(in crate::backend) fn put(&self, backend: Backend) {
        let _ = self.live.get_or_init(|| backend);
    }
}

impl Member {
    /// Until when it may take its time, with `others` still to be asked after it. A member whose errors lead
    /// on leaves an equal part to each of them; any other one may use what is left, since its timeout would
    /// end the search.
    pub(super) fn deadline(&self, whole: Deadline, others: usize) -> Deadline {
        let time = self.time(whole, others);
        if time.is_share { Deadline::within(time.left, SHARE) } else { whole }
    }

    /// The same, for another process.
    pub(super) fn time(&self, whole: Deadline, others: usize) -> Time {
        let left = whole.remaining();
        let parts = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
        let is_shared = matches!(self.on_error, OnError::Next | OnError::Miss);
        let share = if is_shared { left / parts } else { left };
        let own = self.settings.as_ref().map_or(Duration::MAX, |settings| settings.layers.timeout);
        Time { left: own.min(share).min(left), is_share: own.min(share) < left }
    }
}
