//! The agent of the host: the one of production, asked through a channel in place of a socket, which takes no
//! time.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use _native::agent::{Inquiry, Work};
use _native::backend::{Answered, Settings};
use _native::process::Clock;
use _native::store::convention::{Kind, Lookup};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::Instant;

use crate::server::Server;
use crate::tally::{End, Part};
use crate::{Outcome, store};

/// A lookup on its way to the agent.
#[derive(Debug)]
struct Question {
    kind: Kind,
    id: String,
    answer: oneshot::Sender<Answered>,
}

/// What all processes of the host ask.
#[derive(Clone, Debug)]
pub(crate) struct Agent(mpsc::UnboundedSender<Question>);

/// One process: it keeps what it was answered as long as the agent would repeat it.
#[derive(Debug)]
pub(crate) struct Asking {
    agent: Agent,
    kept: Mutex<HashMap<String, Instant>>,
}

impl Agent {
    /// An agent at work. Call it within the day.
    pub(crate) fn start(settings: Arc<Settings>, server: &Arc<Server>) -> Outcome<Self> {
        let settings = Arc::into_inner(settings).ok_or("the settings are in use")?;
        store::prepare(server, Part::Agent);
        let work = Rc::new(Work::open(settings, Clock::tokio())?);
        let (ask, questions) = mpsc::unbounded_channel();
        spawn_local(Rc::clone(&work).look_ahead());
        spawn_local(attend(work, questions));
        Ok(Self(ask))
    }

    /// A new process.
    pub(crate) fn process(&self) -> Asking {
        Asking { agent: self.clone(), kept: Mutex::default() }
    }
}

async fn attend(work: Rc<Work>, mut questions: mpsc::UnboundedReceiver<Question>) {
    while let Some(question) = questions.recv().await {
        let work = Rc::clone(&work);
        spawn_local(async move {
            let lookup = Lookup { kind: question.kind, id: &question.id, team: None };
            // A process that has ended needs no answer.
            let _ = question.answer.send(work.answer(Inquiry::new(lookup, Some(false))).await);
        });
    }
}

impl Asking {
    /// As `src/agent/remote.rs`: memory, then the agent.
    pub(crate) async fn look_up(&self, lookup: Lookup<'_>) -> Outcome<End> {
        if self.kept().get(lookup.id).is_some_and(|until| Instant::now() < *until) {
            return Ok(End::Answered);
        }
        let (answer, answered) = oneshot::channel();
        let question = Question { kind: lookup.kind, id: lookup.id.to_owned(), answer };
        self.agent.0.send(question).map_err(|_| "the agent has ended")?;
        let Ok(known) = answered.await?.outcome else { return Ok(End::Failed) };
        self.kept().insert(lookup.id.to_owned(), Instant::now() + known.fresh_for);
        Ok(if known.is_stale { End::Stale } else { End::Answered })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
