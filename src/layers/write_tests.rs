//! Changes never happen twice, and one whose answer is lost is looked for.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::layers::{LayerSettings, stack};
use crate::process::Clock;

/// What happens to one write.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    /// It is made, and no answer comes.
    Lost,
    /// It is not made, and no answer comes.
    Dropped,
    Throttled,
    Denied,
}

#[derive(Debug)]
struct Ledger {
    fates: Mutex<VecDeque<Fate>>,
    held: Mutex<Option<SecretValue>>,
    puts: Mutex<Vec<String>>,
    is_repeatable: bool,
    is_blind: bool,
}

impl Ledger {
    fn new(fates: &[Fate], is_repeatable: bool) -> Self {
        let fates = Mutex::new(fates.iter().copied().collect());
        Self { fates, held: Mutex::default(), puts: Mutex::default(), is_repeatable, is_blind: false }
    }

    async fn meet(&self, change: impl Fn()) -> Result<()> {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Done);
        let error = |kind| Error::new(kind, "as the script says");
        match fate {
            Fate::Done => change(),
            Fate::Lost => {
                change();
                return Err(error(ErrorKind::Unreachable).temporary(None));
            }
            Fate::Dropped => std::future::pending::<()>().await,
            Fate::Throttled => return Err(error(ErrorKind::Throttled).temporary(None)),
            Fate::Denied => return Err(error(ErrorKind::Denied)),
        }
        Ok(())
    }
}

#[async_trait]
impl crate::store::Store for Ledger {
    fn info(&self) -> &StoreInfo {
        &StoreInfo { name: "ledger", title: "Ledger" }
    }

    async fn get(&self, _name: &SecretName) -> Result<Option<SecretValue>> {
        if self.is_blind {
            return Err(Error::new(ErrorKind::Denied, "no reading"));
        }
        Ok(self.held.lock().unwrap().clone())
    }

    fn write(&self) -> Option<&dyn Write> {
        Some(self)
    }
}

#[async_trait]
impl Write for Ledger {
    fn accepts(&self) -> Accepts {
        Accepts::default()
    }

    async fn current(&self, name: &SecretName) -> Result<Current> {
        let held = crate::store::Store::get(self, name).await?;
        Ok(held.map_or(Current::ABSENT, |_| Current::present(Some("1".to_owned()))))
    }

    async fn put(&self, _name: &SecretName, secret: &NewSecret, _over: &Current) -> Result<Option<String>> {
        self.puts.lock().unwrap().push(secret.token.clone());
        self.meet(|| *self.held.lock().unwrap() = Some(secret.value.clone())).await?;
        Ok(Some("1".to_owned()))
    }

    fn is_repeatable(&self, _over: &Current) -> bool {
        self.is_repeatable
    }

    async fn delete(&self, _name: &SecretName, _how: Removal, _over: &Current) -> Result<()> {
        self.meet(|| *self.held.lock().unwrap() = None).await
    }

    async fn restore(&self, _name: &SecretName, _over: &Current) -> Result<()> {
        self.meet(|| ()).await
    }
}

fn written(ledger: Ledger) -> (Arc<Ledger>, Written) {
    let ledger = Arc::new(ledger);
    let layered = stack(ledger.clone(), &LayerSettings::default(), Clock::System);
    (ledger, layered.write)
}

fn secret() -> NewSecret {
    let value = SecretValue::text("canary");
    NewSecret { value, tags: Vec::new(), expires: None, token: "t".to_owned() }
}

async fn put(ledger: Ledger) -> (Result<Option<String>>, usize) {
    let (ledger, written) = written(ledger);
    let outcome = written.put(&"a".into(), &secret(), &Current::ABSENT).await;
    let puts = ledger.puts.lock().unwrap().clone();
    assert!(puts.iter().all(|token| token == "t"), "all attempts have one token");
    (outcome, puts.len())
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_sent_again_only_where_the_store_knows_it() {
    for (fate, is_repeatable, puts) in [
        (Fate::Lost, false, 1),
        (Fate::Lost, true, 2),
        (Fate::Dropped, true, 2),
        (Fate::Throttled, false, 2),
        (Fate::Throttled, true, 2),
    ] {
        let (outcome, made) = put(Ledger::new(&[fate], is_repeatable)).await;
        assert_eq!((outcome.unwrap().as_deref(), made), (Some("1"), puts), "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_not_made_is_reported_as_such() {
    let (outcome, made) = put(Ledger::new(&[Fate::Dropped], false)).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), made, error.is_temporary()), (ErrorKind::Timeout, 1, false));
    assert!(error.message().starts_with("a moment later `a` was as before: no answer"), "{error}");
    let (outcome, made) = put(Ledger::new(&[Fate::Denied, Fate::Done], true)).await;
    assert_eq!((outcome.unwrap_err().kind(), made), (ErrorKind::Denied, 1));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_stays_in_doubt() {
    let ledger = Ledger { is_blind: true, ..Ledger::new(&[Fate::Lost], false) };
    let error = put(ledger).await.0.unwrap_err();
    assert!(error.message().ends_with("it is not known whether `a` was changed"), "{error}");
    assert_eq!(error.store(), Some("ledger"));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_whose_answer_is_lost_is_found() {
    for (fate, is_done) in [(Fate::Done, true), (Fate::Lost, true), (Fate::Dropped, false)] {
        let (ledger, written) = written(Ledger::new(&[fate], false));
        *ledger.held.lock().unwrap() = Some(SecretValue::text("canary"));
        let over = Current::present(None);
        let outcome = written.delete(&"a".into(), Removal::default(), &over).await;
        assert_eq!(outcome.is_ok(), is_done, "{fate:?}");
    }
}

#[tokio::test]
async fn a_store_that_only_reads_says_so() {
    let store = Arc::new(crate::layers::testing::Scripted::new(vec![]));
    let written = stack(store, &LayerSettings::default(), Clock::System).write;
    assert!(!written.is_possible());
    let error = written.current(&"a".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
