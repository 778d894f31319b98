//! What an agent does: answering lookups, and refreshing what is in use before it expires.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use crate::agent::ahead::{Ahead, Question};
use crate::agent::wire::Status;
use crate::backend::{Answered, Backend, Known, Plan, Settings, closing, plan};
use crate::error::{Error, Result};
use crate::layers::{self, Counters};
use crate::process::Clock;
use crate::store::convention::Lookup;

/// When the agent refreshes: nobody waits for it, so the refresh has the time of a whole lookup.
const REFRESH_AT: f64 = 0.9;

/// How often sessions of replaced stores are looked for.
const EACH_SECOND: Duration = Duration::from_secs(1);

/// The store, its logins and the cache of an agent, on one thread.
#[derive(Debug)]
pub struct Work {
    backend: Backend,
    settings: Arc<Settings>,
    started: Instant,
    ahead: RefCell<Ahead>,
    /// Something may be due earlier than before.
    earlier: Notify,
    last_asked: Cell<Instant>,
    lookups: Cell<u64>,
    from_memory: Cell<u64>,
    refreshes: Cell<u64>,
}

impl Work {
    /// The work of an agent with these settings. Makes no call.
    pub fn open(mut settings: Settings, clock: Clock) -> Result<Self> {
        settings.layers.cache.ahead = layers::Ahead { at: REFRESH_AT, patience: settings.layers.timeout };
        let settings = Arc::new(settings);
        Ok(Self {
            backend: Backend::open(Arc::clone(&settings), clock)?,
            settings,
            started: Instant::now(),
            ahead: RefCell::default(),
            earlier: Notify::new(),
            last_asked: Cell::new(Instant::now()),
            lookups: Cell::new(0),
            from_memory: Cell::new(0),
            refreshes: Cell::new(0),
        })
    }

    /// The answer to a lookup, from memory or from the store. `multi_team` says whether Airflow has teams.
    pub async fn answer(&self, lookup: Lookup<'_>, multi_team: Option<bool>) -> Answered {
        match self.remembered(lookup, multi_team) {
            Some(known) => Answered { outcome: Ok(known), notes: Vec::new() },
            None => self.ask(lookup, multi_team).await,
        }
    }

    /// Counts the lookup, and answers it from memory: with what is fresh, or being refreshed at this moment.
    pub(super) fn remembered(&self, lookup: Lookup<'_>, multi_team: Option<bool>) -> Option<Known> {
        self.lookups.set(self.lookups.get() + 1);
        self.last_asked.set(Instant::now());
        let known = self.backend.known(lookup).or_else(|| self.kept(lookup, multi_team))?;
        self.from_memory.set(self.from_memory.get() + 1);
        self.note(lookup, multi_team, &known);
        Some(known)
    }

    /// What is no longer fresh and being refreshed.
    fn kept(&self, lookup: Lookup<'_>, multi_team: Option<bool>) -> Option<Known> {
        if !self.ahead.borrow().is_under_way(&Question::of(lookup, multi_team)) {
            return None;
        }
        let Ok(Plan::Ask(route)) = self.plan(lookup, multi_team) else { return None };
        let held = self.backend.held(lookup, &route, true)?;
        let age = held.reply.age.unwrap_or_default();
        Some(Known { value: held.reply.value, age, fresh_for: Duration::ZERO, is_stale: false })
    }

    /// The answer of the store, which is followed from then on.
    pub(super) async fn ask(&self, lookup: Lookup<'_>, multi_team: Option<bool>) -> Answered {
        let answered = self.fetch(lookup, multi_team).await;
        if let Ok(known) = &answered.outcome {
            self.note(lookup, multi_team, known);
        }
        answered
    }

    async fn fetch(&self, lookup: Lookup<'_>, multi_team: Option<bool>) -> Answered {
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

    fn note(&self, lookup: Lookup<'_>, multi_team: Option<bool>, known: &Known) {
        let most = self.settings.layers.cache.max_entries;
        let mut ahead = self.ahead.borrow_mut();
        let before = ahead.next();
        ahead.note(Question::of(lookup, multi_team), known, Instant::now(), most);
        if ahead.next() != before {
            self.earlier.notify_one();
        }
    }

    /// Refreshes what is due and in use, for ever. Call it within a `LocalSet`.
    pub async fn look_ahead(self: Rc<Self>) {
        loop {
            let next = self.ahead.borrow().next();
            tokio::select! {
                () = until(next) => {}
                () = self.earlier.notified() => {}
            }
            let due = self.ahead.borrow_mut().take_due(Instant::now());
            for question in due {
                self.refreshes.set(self.refreshes.get() + 1);
                spawn_local(Rc::clone(&self).fetch_again(question));
            }
        }
    }

    async fn fetch_again(self: Rc<Self>, question: Question) {
        let answered = self.fetch(question.lookup(), question.multi_team()).await;
        let known = answered.outcome.as_ref().ok();
        self.ahead.borrow_mut().refreshed(question, known, Instant::now());
        self.earlier.notify_one();
    }

    /// Ends what services keep for the stores, within a short time.
    pub(super) async fn close(&self) {
        self.backend.close().await;
    }

    /// Ends it for stores that have been replaced, soon after, for ever.
    pub(super) async fn close_replaced(&self) {
        loop {
            closing::close_replaced().await;
            sleep(EACH_SECOND).await;
        }
    }

    /// The next lookup of `id`, or every next lookup, asks the store.
    pub(super) fn refresh(&self, id: Option<&str>, team: Option<&str>) {
        self.backend.refresh(id, team);
    }

    /// A number that changes whenever the store may have been asked.
    pub(super) fn activity(&self) -> u64 {
        self.lookups.get() - self.from_memory.get() + self.refreshes.get()
    }

    /// The figures, without those of the clients.
    pub(super) fn status(&self) -> Status {
        let store = self.settings.entry.info.name;
        Status {
            pid: std::process::id(),
            store: store.to_owned(),
            up: self.started.elapsed(),
            idle: self.last_asked.get().elapsed(),
            lookups: self.lookups.get(),
            from_memory: self.from_memory.get(),
            refreshes: self.refreshes.get(),
            calls: Counters::of(store).calls.get(),
            ..Status::default()
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
