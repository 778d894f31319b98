//! Asking the places of the chain, and remembering briefly which of them are not set up.
//!
//! Source: azure-identity 1.27.0 (`chained.py`), which only remembers the place that issued a token.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::AccessToken;

use crate::error::{Error, ErrorKind, Result};
use crate::process::{Clock, Timestamp};
#[cfg(feature = "vault")]
use crate::store::azure::credentials::ManagedIdentity;
use crate::store::azure::credentials::{NoToken, TokenSource};

type Boxed = Box<dyn TokenSource>;

/// How long a place is remembered as not set up. `az` takes a second to start, and a missing metadata service
/// a second to time out, so a series of lookups asks once; after a new login the wait is no longer than this.
const NOT_HERE_FOR: Duration = Duration::from_secs(5);

/// Asks one place after the other until one is set up, and only that one from then on.
#[derive(Debug)]
pub(super) struct Search {
    places: Vec<Candidate>,
    /// One more than the index of the place that issued a token; 0 for none.
    found: AtomicUsize,
    /// Whether the identity of the machine is configured by name: then silence is an outage, not a negative
    /// answer.
    expects_machine: bool,
    clock: Clock,
}

/// One source, and whether it was not set up when it was last asked.
#[derive(Debug)]
struct Candidate {
    source: Boxed,
    missed: Mutex<Option<(Timestamp, NoToken)>>,
}

impl Search {
    /// No place has been asked yet. `expects_machine` means that the identity of the machine is configured by
    /// name.
    pub(super) fn new(sources: Vec<Boxed>, expects_machine: bool, clock: Clock) -> Self {
        let places = sources.into_iter().map(|source| Candidate { source, missed: Mutex::default() });
        Self { places: places.collect(), found: AtomicUsize::new(0), expects_machine, clock }
    }

    /// Asks one place, unless it was found not to be set up a moment ago.
    async fn ask(&self, place: &Candidate, scope: &str) -> Result<AccessToken, NoToken> {
        if let Some(why) = place.missed_since(&self.clock) {
            return Err(why);
        }
        let answer = place.source.fetch(scope).await;
        let is_worth_noting = match &answer {
            Err(NoToken::NotHere(_)) => true,
            Err(NoToken::Silent(_)) => !self.expects_machine,
            _ => false,
        };
        if let Err(why) = &answer
            && is_worth_noting
        {
            place.note_miss(self.clock.now(), why.clone());
        }
        answer
    }

    /// The error if no place has a token. Silence alone decides nothing unless an answer was expected; a late
    /// place may have a token the next time.
    fn none_found(&self, reasons: &[String], silence: Option<Error>, is_late: bool) -> Error {
        match silence {
            Some(error) if self.expects_machine => error,
            silence => none_found(reasons, silence.is_some(), is_late),
        }
    }
}

impl Candidate {
    fn missed_since(&self, clock: &Clock) -> Option<NoToken> {
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let (moment, why) = missed.as_ref()?;
        (clock.now().since(*moment) < NOT_HERE_FOR).then(|| why.clone())
    }

    fn note_miss(&self, now: Timestamp, why: NoToken) {
        *self.missed.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, why));
    }
}

#[async_trait]
impl TokenSource for Search {
    fn name(&self) -> &'static str {
        "DefaultAzureCredential"
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let found = self.found.load(Ordering::Relaxed).checked_sub(1);
        if let Some(place) = found.and_then(|index| self.places.get(index)) {
            return place.source.fetch(scope).await;
        }
        let (mut reasons, mut silence, mut is_late) = (Vec::new(), None, false);
        for (index, place) in self.places.iter().enumerate() {
            let name = place.source.name();
            match self.ask(place, scope).await {
                Ok(token) => {
                    self.found.store(index + 1, Ordering::Relaxed);
                    return Ok(token);
                }
                Err(NoToken::NotHere(why)) => reasons.push(format!("{name} {why}")),
                Err(NoToken::Late(why)) => {
                    reasons.push(format!("{name} {why}"));
                    is_late = true;
                }
                Err(NoToken::Silent(error)) => {
                    reasons.push(format!("{name} found no metadata service: no answer"));
                    silence = Some(error);
                }
                // The place exists but failed, so a later place must not answer with another identity.
                Err(failed @ NoToken::Failed(_)) => return Err(failed),
            }
        }
        Err(NoToken::Failed(self.none_found(&reasons, silence, is_late)))
    }

    #[cfg(feature = "vault")]
    fn machine(&self) -> Option<&ManagedIdentity> {
        let found = self.found.load(Ordering::Relaxed).checked_sub(1);
        self.places.get(found?)?.source.machine()
    }
}

fn none_found(reasons: &[String], is_silent: bool, is_late: bool) -> Error {
    let mut hint =
        "Set tenant_id, client_id and client_secret in backend_kwargs, AZURE_* variables, or give the \
    machine or pod an identity"
            .to_owned();
    if is_silent {
        hint.push_str(
            ". If this is a machine of Azure, its metadata service was silent: \
            AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential has it asked again",
        );
    }
    let kind = if is_late { ErrorKind::Timeout } else { ErrorKind::Unauthenticated };
    let error = Error::new(kind, format!("no Azure credentials were found: {}", reasons.join("; ")));
    if is_late { error.with_hint(hint).temporary(None) } else { error.with_hint(hint) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::azure::testing::{Next, Scripted};

    fn search_of(sources: &[&Scripted], expects_machine: bool, clock: &Clock) -> Search {
        let sources = sources.iter().map(|source| Box::new((*source).clone()) as Boxed).collect();
        Search::new(sources, expects_machine, clock.clone())
    }

    fn search(sources: &[&Scripted]) -> Search {
        search_of(sources, false, &Clock::manual())
    }

    async fn failure(search: &Search) -> Error {
        search.fetch("s").await.unwrap_err().into_error("chain")
    }

    #[tokio::test]
    async fn the_first_place_that_is_set_up_is_asked_from_then_on() {
        let (absent, present) = (Scripted::new(Next::NotHere), Scripted::default());
        let search = search(&[&absent, &present]);
        for _ in 0..2 {
            search.fetch("s").await.unwrap();
        }
        assert_eq!((absent.calls(), present.calls()), (1, 2));
    }

    #[tokio::test]
    async fn a_failure_is_not_hidden_by_another_identity() {
        let (failing, present) = (Scripted::new(Next::Fail { temporary: false }), Scripted::default());
        assert!(search(&[&failing, &present]).fetch("s").await.is_err());
        assert_eq!(present.calls(), 0);
    }

    #[tokio::test]
    async fn a_place_that_is_not_set_up_is_asked_once_in_some_seconds() {
        let (absent, silent, clock) =
            (Scripted::new(Next::NotHere), Scripted::new(Next::Silent), Clock::manual());
        let search = search_of(&[&silent, &absent], false, &clock);
        let calls = || (silent.calls(), absent.calls());
        for _ in 0..10 {
            failure(&search).await;
        }
        assert_eq!(calls(), (1, 1));
        clock.advance(NOT_HERE_FOR);
        failure(&search).await;
        assert_eq!(calls(), (2, 2));
        absent.then(Next::Issue);
        assert!(failure(&search).await.to_string().contains("is not set up"));
        clock.advance(NOT_HERE_FOR);
        search.fetch("s").await.unwrap();
        search.fetch("s").await.unwrap();
        assert_eq!(calls(), (3, 4));
    }

    #[tokio::test]
    async fn silence_is_an_outage_where_the_identity_is_named() {
        let (absent, silent, clock) =
            (Scripted::new(Next::NotHere), Scripted::new(Next::Silent), Clock::manual());
        let named = search_of(&[&silent, &absent], true, &clock);
        for calls in 1..=3 {
            let error = failure(&named).await;
            assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unreachable, true));
            assert_eq!((silent.calls(), absent.calls()), (calls, 1));
        }
        silent.then(Next::Issue);
        named.fetch("s").await.unwrap();
    }

    #[tokio::test]
    async fn a_late_place_is_asked_again_and_does_not_end_the_search() {
        let (absent, late) = (Scripted::new(Next::NotHere), Scripted::new(Next::Late));
        let search = search(&[&late, &absent]);
        for calls in 1..=3 {
            let error = failure(&search).await;
            assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Timeout, true));
            assert_eq!((late.calls(), absent.calls()), (calls, 1));
        }
        late.then(Next::Issue);
        search.fetch("s").await.unwrap();
        late.then(Next::Late);
        assert!(failure(&search).await.is_temporary());
    }

    #[tokio::test]
    async fn a_chain_without_an_answer_says_so() {
        let silent = Scripted::new(Next::Silent);
        let error = failure(&search(&[&silent])).await;
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unauthenticated, false));
        insta::assert_snapshot!(error, @"no Azure credentials were found: scripted found no metadata \
        service: no answer. Set tenant_id, client_id and client_secret in backend_kwargs, AZURE_* \
        variables, or give the machine or pod an identity. If this is a machine of Azure, its metadata \
        service was silent: AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential has it asked again");
    }

    #[tokio::test]
    async fn if_no_place_is_set_up_each_says_why() {
        let absent = Scripted::new(Next::NotHere);
        let error = search(&[&absent, &absent]).fetch("s").await.unwrap_err().into_error("chain");
        insta::assert_snapshot!(error, @"no Azure credentials were found: scripted is not set up; scripted \
        is not set up. Set tenant_id, client_id and client_secret in backend_kwargs, AZURE_* variables, or \
        give the machine or pod an identity");
    }
}
