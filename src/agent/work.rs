//! What an agent does: answering lookups, and refreshing what is in use before it expires.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use crate::agent::ahead::{Ahead, Question};
use crate::agent::wire::Status;
use crate::backend::chain::{Member, Time};
use crate::backend::{Answered, Backend, Known, Plan, Settings, closing, plan};
use crate::error::{Error, Result};
use crate::layers;
use crate::process::Clock;
use crate::store::convention::Lookup;

/// When the agent refreshes: nobody waits for it, so the refresh has the time of a whole lookup.
const REFRESH_AT: f64 = 0.9;

/// How often sessions of replaced stores are looked for.
const EACH_SECOND: Duration = Duration::from_secs(1);

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// The lookup.
    pub lookup: Lookup<'a>,
    /// Whether Airflow has teams, where the client had to know.
    pub multi_team: Option<bool>,
    /// The member that is asked, if it is one of a chain.
    pub member: Option<usize>,
    /// How long that may take, if less than a lookup.
    pub time: Option<Time>,
}

impl<'a> Inquiry<'a> {
    /// A lookup of a single store.
    pub fn new(lookup: Lookup<'a>, multi_team: Option<bool>) -> Self {
        Self { lookup, multi_team, member: None, time: None }
    }

    /// What was asked before.
    fn again(question: &'a Question) -> Self {
        Self { member: question.member(), ..Self::new(question.lookup(), question.multi_team()) }
    }

    fn question(self) -> Question {
        Question::of(self.lookup, self.multi_team, self.member)
    }
}

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
        look_ahead(&mut settings);
        let members =
            settings.chain.as_mut().and_then(Arc::get_mut).into_iter().flat_map(|chain| &mut chain.members);
        let members = members.filter_map(|member| Arc::get_mut(member.settings.as_mut().ok()?));
        members.for_each(look_ahead);
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

    /// The answer to a lookup, from memory or from the store.
    pub async fn answer(&self, asked: Inquiry<'_>) -> Answered {
        match self.remembered(asked) {
            Some(known) => Answered { outcome: Ok(known), notes: Vec::new() },
            None => self.ask(asked).await,
        }
    }

    /// Counts the lookup, and answers it from memory: with what is fresh, or being refreshed at this moment.
    pub(super) fn remembered(&self, asked: Inquiry<'_>) -> Option<Known> {
        self.lookups.set(self.lookups.get() + 1);
        self.last_asked.set(Instant::now());
        let known = match asked.member {
            None => self.backend.known(asked.lookup),
            Some(index) => self.backend.known_of(index, asked.lookup),
        };
        let known = known.or_else(|| self.kept(asked))?;
        self.from_memory.set(self.from_memory.get() + 1);
        self.note(asked, &known);
        Some(known)
    }

    /// What is no longer fresh and being refreshed.
    fn kept(&self, asked: Inquiry<'_>) -> Option<Known> {
        if !self.ahead.borrow().is_under_way(&asked.question()) {
            return None;
        }
        let Ok(Plan::Ask(route)) = self.plan(asked) else { return None };
        let held = match asked.member {
            None => self.backend.held(asked.lookup, &route, true)?,
            Some(index) => self.backend.held_of(index, asked.lookup, &route)?,
        };
        let age = held.reply.age.unwrap_or_default();
        Some(Known { value: held.reply.value, age, fresh_for: Duration::ZERO, is_stale: false })
    }

    /// The answer of the store, which is followed from then on.
    pub(super) async fn ask(&self, asked: Inquiry<'_>) -> Answered {
        let answered = self.fetch(asked).await;
        if let Ok(known) = &answered.outcome {
            self.note(asked, known);
        }
        answered
    }

    async fn fetch(&self, asked: Inquiry<'_>) -> Answered {
        let lookup = asked.lookup;
        match self.plan(asked) {
            Ok(Plan::Ask(route)) => match asked.member {
                Some(index) => self.backend.answer_of(index, asked.time, lookup, &route).await,
                None if self.settings.chain.is_some() => {
                    Answered::failed(Error::internal("the members of a chain are asked one by one"))
                }
                None => self.backend.answer(lookup, &route).await,
            },
            // A client of the same configuration does not ask for what is skipped.
            Ok(Plan::Skip(skipped)) => {
                let error = skipped.as_error(lookup.id);
                Answered::failed(error.unwrap_or_else(|| Error::internal(skipped.reason(lookup.kind))))
            }
            Err(error) => Answered::failed(error),
        }
    }

    /// Without word of the client Airflow counts as one with teams, so that no team reads what is another's.
    fn plan(&self, asked: Inquiry<'_>) -> Result<Plan> {
        plan(&self.settings, asked.lookup, || asked.multi_team.unwrap_or(true))
    }

    fn note(&self, asked: Inquiry<'_>, known: &Known) {
        let most = self.settings.layers.cache.max_entries;
        let mut ahead = self.ahead.borrow_mut();
        let before = ahead.next();
        ahead.note(asked.question(), known, Instant::now(), most);
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
        let answered = self.fetch(Inquiry::again(&question)).await;
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

    /// Requests to the store, or to all stores of a chain.
    fn calls(&self) -> u64 {
        let Some(chain) = &self.settings.chain else { return self.settings.counters().calls.get() };
        let counters = chain.members.iter().filter_map(Member::counters);
        // Members beyond those that have counters of their own share them with others of their store.
        let once: BTreeMap<usize, _> = counters.map(|its| (std::ptr::from_ref(its).addr(), its)).collect();
        once.values().map(|its| its.calls.get()).sum()
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
            calls: self.calls(),
            ..Status::default()
        }
    }
}

/// What is in use is refreshed by the agent itself, and not by a caller.
fn look_ahead(settings: &mut Settings) {
    settings.layers.cache.ahead = layers::Ahead { at: REFRESH_AT, patience: settings.layers.timeout };
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
