//! Random numbers for spreading retries. Not for secrets.

use std::cell::RefCell;
use std::time::Duration;

use crate::process::{Generation, generation};

thread_local! {
    static SOURCE: RefCell<Option<(Generation, fastrand::Rng)>> = const { RefCell::new(None) };
}

/// A random part of `longest`, from nothing to all of it: "full jitter" (AWS Architecture Blog, "Exponential
/// Backoff And Jitter").
///
/// A forked child reseeds, or all children of one parent would wait equally long and retry together.
pub fn full_jitter(longest: Duration) -> Duration {
    SOURCE.with_borrow_mut(|source| {
        let current = generation();
        match source {
            Some((seeded_in, random)) if *seeded_in == current => longest.mul_f64(random.f64()),
            _ => {
                let mut random = fastrand::Rng::with_seed(seed());
                let part = longest.mul_f64(random.f64());
                *source = Some((current, random));
                part
            }
        }
    })
}

/// Makes the random numbers of this thread repeatable, for simulations.
pub fn seed_jitter(seed: u64) {
    SOURCE.set(Some((generation(), fastrand::Rng::with_seed(seed))));
}

/// Differs between processes and threads that start at the same moment.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u64(generation());
    hasher.write_u128(std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_covers_the_whole_range() {
        let longest = Duration::from_secs(10);
        let waits: Vec<_> = (0..1000).map(|_| full_jitter(longest)).collect();
        assert!(waits.iter().all(|wait| *wait <= longest));
        assert!(waits.iter().any(|wait| *wait < longest / 10));
        assert!(waits.iter().any(|wait| *wait > longest * 9 / 10));
        assert_eq!(full_jitter(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_seed_repeats_it() {
        let waits = || -> Vec<_> {
            seed_jitter(7);
            (0..10).map(|_| full_jitter(Duration::from_secs(10))).collect()
        };
        assert_eq!(waits(), waits());
    }
}
