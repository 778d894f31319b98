//! Reading several secrets where a store has no request for that.

use futures_util::stream::{FuturesOrdered, StreamExt};

/// How many reads run at once at most: enough to hide the latency, few enough for any store's quota.
const AT_ONCE: usize = 8;

/// Reads each of `names` with `read`, at most eight at a time; the answers are in the order of the names.
/// Dropping the future stops the reads that are under way.
pub async fn one_by_one<Name, Read: Future>(
    names: impl IntoIterator<Item = Name>,
    mut read: impl FnMut(Name) -> Read,
) -> Vec<Read::Output> {
    // Not `StreamExt::buffered`: over a mapped iterator the compiler cannot tell that the future is Send.
    let mut names = names.into_iter();
    let mut answers = Vec::with_capacity(names.size_hint().0);
    let mut under_way: FuturesOrdered<Read> = names.by_ref().take(AT_ONCE).map(&mut read).collect();
    while let Some(answer) = under_way.next().await {
        answers.push(answer);
        under_way.extend(names.next().map(&mut read));
    }
    answers
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::store::SecretName;
    use crate::value::SecretValue;

    #[tokio::test(start_paused = true)]
    async fn answers_keep_their_order_and_eight_are_under_way() {
        let names: Vec<SecretName> = (0..20).map(|number| number.to_string().into()).collect();
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let answers = one_by_one(&names, async |name: &SecretName| {
            most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let number: u64 = name.as_str().parse().unwrap();
            tokio::time::sleep(Duration::from_millis(100 - number)).await;
            under_way.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Error>(Some(SecretValue::text(name.as_str())))
        })
        .await;
        let texts: Vec<_> =
            answers.into_iter().map(|answer| answer.unwrap().unwrap().expose().to_owned()).collect();
        assert_eq!(texts, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), AT_ONCE);
    }

    #[tokio::test]
    async fn one_error_does_not_lose_the_others() {
        let names = ["a", "denied", "b"].map(SecretName::from);
        let answers = one_by_one(&names, async |name: &SecretName| match name.as_str() {
            "denied" => Err(Error::new(ErrorKind::Denied, "no")),
            _ => Ok(None::<SecretValue>),
        })
        .await;
        let failed: Vec<bool> = answers.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, false]);
    }
}
