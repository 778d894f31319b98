//! What is in use is refreshed before it expires, by the agent itself, so that no caller waits.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use tokio::time::Instant;

use crate::backend::Known;
use crate::store::convention::{Kind, Lookup};

/// A lookup for longer than the message that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Question {
    kind: u8,
    id: Box<str>,
    team: Option<Box<str>>,
    multi_team: Option<bool>,
    /// The position of the member that is asked, in a chain.
    member: Option<usize>,
}

impl Question {
    pub(super) fn of(lookup: Lookup<'_>, multi_team: Option<bool>, member: Option<usize>) -> Self {
        let kind = Kind::ALL.iter().position(|known| *known == lookup.kind).unwrap_or_default();
        Self {
            kind: u8::try_from(kind).unwrap_or_default(),
            id: lookup.id.into(),
            team: lookup.team.map(Into::into),
            multi_team,
            member,
        }
    }

    pub(super) fn multi_team(&self) -> Option<bool> {
        self.multi_team
    }

    pub(super) fn member(&self) -> Option<usize> {
        self.member
    }

    pub(super) fn lookup(&self) -> Lookup<'_> {
        let kind = Kind::ALL[usize::from(self.kind).min(Kind::ALL.len() - 1)];
        Lookup { kind, id: &self.id, team: self.team.as_deref() }
    }
}

/// When which answer is due, and whether it was asked for since it was last refreshed.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    in_use: HashMap<Question, Use>,
    queue: BinaryHeap<Reverse<(Instant, Question)>>,
}

#[derive(Debug)]
struct Use {
    is_asked: bool,
    is_under_way: bool,
}

impl Ahead {
    /// Notes that `question` was answered with `known` at `now`. `most` bounds what is followed: ids that
    /// change with each run would fill the memory.
    pub(super) fn note(&mut self, question: Question, known: &Known, now: Instant, most: usize) {
        if let Some(in_use) = self.in_use.get_mut(&question) {
            in_use.is_asked = true;
            return;
        }
        // What is absent costs no wait worth avoiding; an old value is refreshed by the cache's own rules.
        if known.value.is_none() || known.is_stale || known.fresh_for.is_zero() || self.in_use.len() >= most {
            return;
        }
        self.in_use.insert(question.clone(), Use { is_asked: false, is_under_way: false });
        self.queue.push(Reverse((now + known.fresh_for, question)));
    }

    /// Whether a refresh of `question` is under way.
    pub(super) fn is_under_way(&self, question: &Question) -> bool {
        self.in_use.get(question).is_some_and(|in_use| in_use.is_under_way)
    }

    /// When the next answer is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((due, _))| *due)
    }

    /// What is due at `now` and was asked for since its last refresh. The rest is no longer followed.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Question> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            let Some(Reverse((_, question))) = self.queue.pop() else { break };
            match self.in_use.get_mut(&question) {
                Some(in_use) if in_use.is_asked => {
                    *in_use = Use { is_asked: false, is_under_way: true };
                    due.push(question);
                }
                _ => drop(self.in_use.remove(&question)),
            }
        }
        due
    }

    /// Notes the end of a refresh; `known` is the new answer, if there is one.
    pub(super) fn refreshed(&mut self, question: Question, known: Option<&Known>, now: Instant) {
        let known =
            known.filter(|known| known.value.is_some() && !known.is_stale && !known.fresh_for.is_zero());
        match (known, self.in_use.get_mut(&question)) {
            (Some(known), Some(in_use)) => {
                in_use.is_under_way = false;
                self.queue.push(Reverse((now + known.fresh_for, question)));
            }
            _ => drop(self.in_use.remove(&question)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::value::SecretValue;

    fn question(id: &str) -> Question {
        let lookup = Lookup { kind: Kind::Variable, id, team: None };
        Question::of(lookup, None, None)
    }

    fn known(seconds: u64) -> Known {
        let fresh_for = Duration::from_secs(seconds);
        Known { value: Some(SecretValue::text("v")), age: Duration::ZERO, fresh_for, is_stale: false }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_again_is_due_and_the_rest_is_forgotten() {
        let (mut ahead, start) = (Ahead::default(), Instant::now());
        for id in ["used", "unused", "used"] {
            ahead.note(question(id), &known(54), start, 10);
        }
        let due = start + Duration::from_secs(54);
        assert_eq!(ahead.next(), Some(due));
        assert_eq!(ahead.take_due(due - Duration::from_secs(1)), []);
        assert_eq!(ahead.take_due(due), [question("used")]);
        assert!(ahead.is_under_way(&question("used")));
        assert_eq!(ahead.in_use.len(), 1);
        ahead.refreshed(question("used"), Some(&known(54)), due);
        assert!(!ahead.is_under_way(&question("used")));
        // Nobody asked meanwhile.
        assert_eq!(ahead.take_due(due + Duration::from_secs(54)), []);
        assert_eq!((ahead.in_use.len(), ahead.queue.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_that_fails_ends_it_and_absent_ones_and_too_many_are_not_followed() {
        let (mut ahead, start) = (Ahead::default(), Instant::now());
        let absent = Known { value: None, ..known(10) };
        ahead.note(question("absent"), &absent, start, 10);
        ahead.note(question("a"), &known(1), start, 1);
        ahead.note(question("a"), &known(1), start, 1);
        ahead.note(question("b"), &known(1), start, 1);
        assert_eq!(ahead.take_due(start + Duration::from_secs(1)), [question("a")]);
        ahead.refreshed(question("a"), None, start + Duration::from_secs(1));
        assert_eq!((ahead.in_use.len(), ahead.queue.len()), (0, 0));
    }
}
