use std::sync::Arc;

use super::*;
use crate::error::ErrorKind;

/// Its number, and its lifetime in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pass(u32, u64);

impl Expiring for Pass {
    fn lifetime(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.1))
    }
}

const TERMS: Terms = Terms {
    before: Duration::from_mins(5),
    again: Duration::from_mins(1),
    outlives_refusal: false,
    outage: "x",
};

fn holder(terms: Terms) -> (TokenHolder<Pass>, Clock) {
    let clock = Clock::manual();
    (TokenHolder::new(terms, clock.clone()), clock)
}

fn error(is_temporary: bool) -> Error {
    let error = Error::new(ErrorKind::Unauthenticated, "no");
    if is_temporary { error.temporary(None) } else { error }
}

/// The number of the token that is held after a call in which the login would supply `next`.
async fn number(holder: &TokenHolder<Pass>, next: u32) -> u32 {
    holder.get(|_| async move { Ok(Pass(next, 3600)) }).await.unwrap().0
}

async fn failure(holder: &TokenHolder<Pass>, is_temporary: bool) -> Result<Pass> {
    holder.get(|_| async move { Err(error(is_temporary)) }).await
}

#[tokio::test]
async fn renewal_leaves_time() {
    for (lifetime, due) in [(86_400, 86_100), (3600, 3300), (600, 480), (10, 8), (0, 0)] {
        let (holder, clock) = holder(TERMS);
        holder.get(|_| async { Ok(Pass(1, lifetime)) }).await.unwrap();
        clock.advance(Duration::from_secs(due).saturating_sub(Duration::from_nanos(1)));
        assert_eq!(number(&holder, 2).await, if lifetime == 0 { 2 } else { 1 }, "{lifetime}");
        clock.advance(Duration::from_nanos(1));
        assert_eq!(number(&holder, 2).await, 2, "{lifetime}");
    }
}

#[tokio::test]
async fn what_still_works_outlives_an_outage_but_not_its_end() {
    for (left, kept) in [(20, 20), (290, 60)] {
        let (holder, clock) = holder(TERMS);
        assert_eq!(number(&holder, 1).await, 1);
        clock.advance(Duration::from_secs(3600 - left));
        assert_eq!(failure(&holder, true).await.unwrap().0, 1);
        clock.advance(Duration::from_secs(kept - 1));
        assert_eq!(number(&holder, 2).await, 1, "the next renewal waits");
        clock.advance(Duration::from_secs(1));
        assert_eq!(failure(&holder, true).await.is_ok(), left > kept);
    }
}

#[tokio::test]
async fn it_outlives_a_refusal_only_where_the_terms_say_so() {
    for outlives_refusal in [false, true] {
        let (holder, clock) = holder(Terms { outlives_refusal, ..TERMS });
        number(&holder, 1).await;
        clock.advance(Duration::from_secs(3400));
        assert_eq!(failure(&holder, false).await.is_ok(), outlives_refusal);
        assert_eq!(number(&holder, 2).await, if outlives_refusal { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_renewal_that_is_cut_off_leaves_the_old_one_to_the_others() {
    let (holder, clock) = holder(TERMS);
    number(&holder, 1).await;
    clock.advance(Duration::from_secs(3400));
    tokio::select! {
        biased;
        _ = holder.get(|_| std::future::pending()) => unreachable!("the login hangs"),
        other = number(&holder, 2) => assert_eq!(other, 1),
    }
    assert_eq!(number(&holder, 2).await, 1);
    clock.advance(TERMS.again);
    assert_eq!(number(&holder, 2).await, 2);
}

#[tokio::test]
async fn one_login_answers_all_who_wait_and_so_does_its_failure() {
    for fails in [false, true] {
        let (holder, calls) = (Arc::new(holder(TERMS).0), Arc::new(AtomicU64::new(0)));
        let ask = |holder: Arc<TokenHolder<Pass>>, calls: Arc<AtomicU64>| async move {
            let fetch = |_| async move {
                calls.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                if fails { Err(error(false)) } else { Ok(Pass(1, 3600)) }
            };
            holder.get(fetch).await.is_err()
        };
        let tasks: Vec<_> =
            (0..8).map(|_| tokio::spawn(ask(Arc::clone(&holder), Arc::clone(&calls)))).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), fails);
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(ask(Arc::clone(&holder), Arc::clone(&calls)).await, fails);
        assert_eq!(calls.load(Ordering::SeqCst), 1 + u64::from(fails), "a failure is not remembered");
    }
}

#[tokio::test]
async fn only_what_was_refused_is_dropped() {
    let (holder, _) = holder(TERMS);
    number(&holder, 1).await;
    assert!(holder.refused(|pass| pass.0 == 1));
    assert_eq!(number(&holder, 2).await, 2);
    assert!(holder.refused(|pass| pass.0 == 1), "there is another already");
    assert_eq!(number(&holder, 3).await, 2);
}

#[tokio::test]
async fn a_refused_one_does_not_outlive_an_outage() {
    let (holder, _) = holder(Terms { outlives_refusal: true, ..TERMS });
    number(&holder, 1).await;
    holder.refused(|_| true);
    assert!(failure(&holder, true).await.is_err());
}

#[tokio::test]
async fn an_identity_that_is_not_accepted_is_left_alone_for_a_while() {
    let (holder, clock) = holder(TERMS);
    number(&holder, 1).await;
    assert!(holder.refused(|_| true));
    number(&holder, 2).await;
    assert!(!holder.refused(|_| true) && !holder.refused(|_| true));
    assert_eq!(number(&holder, 3).await, 2);
    clock.advance(SETTLED_FOR);
    assert!(holder.refused(|_| true));
    assert_eq!(number(&holder, 3).await, 3);
}

#[tokio::test]
async fn one_that_was_accepted_is_replaced_again() {
    let (holder, _) = holder(TERMS);
    for round in [1, 2] {
        number(&holder, round).await;
        holder.accepted(|pass| pass.0 == round);
        assert!(holder.refused(|pass| pass.0 == round));
    }
    assert_eq!(number(&holder, 3).await, 3);
}

#[tokio::test]
async fn a_replaced_token_stays_until_there_is_another() {
    let (holder, _) = holder(TERMS);
    let first = number(&holder, 1).await;
    let is_first = |pass: &Pass| pass.0 == first;
    assert!(holder.instead_of(is_first, || async { Err(error(true)) }).await.is_err());
    assert_eq!(number(&holder, 2).await, 1);
    for next in [2, 3] {
        let second = holder.instead_of(is_first, || async move { Ok(Pass(next, 3600)) }).await;
        assert_eq!(second.unwrap().0, 2);
    }
    holder.forget(is_first);
    assert_eq!(holder.held(), Some(Pass(2, 3600)));
    holder.forget(|pass| pass.0 == 2);
    assert_eq!(holder.held(), None);
}
