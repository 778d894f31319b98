//! The options of the layers.

use std::time::Duration;

use crate::layers::cache::CacheSettings;
use crate::layers::counters::Account;
use crate::layers::filter::{EXCLUDED_TAGS, FILTER_ON_PREFIX, FILTER_ON_TAGS, FilterRules};
use crate::layers::limit::LimitSettings;
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, Options, Rate};

/// The option `cache_ttl`.
pub(super) const TTL: OptionSpec = OptionSpec::new(
    "cache_ttl",
    OptionKind::Duration,
    "How long a value is served without asking the store; 0 stores nothing.",
)
.with(OptionDefault::Duration(Duration::from_mins(1)));

/// The same option of a store on this very machine, which is asked each time unless it is written.
pub const ASKED_EACH_TIME: OptionSpec = TTL.with(OptionDefault::Duration(Duration::ZERO));

/// The option `cache_negative_ttl`.
pub(super) const NEGATIVE_TTL: OptionSpec = OptionSpec::new(
    "cache_negative_ttl",
    OptionKind::Duration,
    "How long an absent secret is remembered as absent; never longer than cache_ttl where only that is \
    written.",
)
.with(OptionDefault::Duration(Duration::from_secs(15)));

/// The option `cache_max_stale`.
pub(super) const MAX_STALE: OptionSpec = OptionSpec::new(
    "cache_max_stale",
    OptionKind::Duration,
    "How long past its time to live a value is still served while the store does not answer; 0 is never.",
)
.with(OptionDefault::Duration(Duration::from_mins(10)));

/// The option `cache_max_entries`.
pub(super) const MAX_ENTRIES: OptionSpec = OptionSpec::new(
    "cache_max_entries",
    OptionKind::Count,
    "The most values kept; absent secrets have a bound of the same size of their own.",
)
.with(OptionDefault::Count(1000));

/// The option `cache_max_bytes`.
pub(super) const MAX_BYTES: OptionSpec = OptionSpec::new(
    "cache_max_bytes",
    OptionKind::Count,
    "The most bytes that the values kept have together.",
)
.with(OptionDefault::Count(16 * 1024 * 1024));

/// The option `timeout`.
const TIMEOUT: OptionSpec = OptionSpec::new(
    "timeout",
    OptionKind::Duration,
    "The deadline of a whole lookup: waiting, logging in, reading and retrying.",
)
.with(OptionDefault::Duration(Duration::from_secs(10)));

/// Five by default, as botocore has had for years: with three, a burst of throttling loses tasks.
const MAX_ATTEMPTS: OptionSpec = OptionSpec::new(
    "max_attempts",
    OptionKind::Count,
    "How often one read is tried in all, the first time included.",
)
.with(OptionDefault::Count(5));

/// The options of the layers, the same for every store.
pub const OPTIONS: &[OptionSpec] = &[
    TTL,
    NEGATIVE_TTL,
    MAX_STALE,
    OptionSpec::new(
        "cache_ttl_patterns",
        OptionKind::Durations,
        "Other values of cache_ttl by name: an object of regular expressions, matched from the start of the \
        name in the store.",
    ),
    MAX_ENTRIES,
    MAX_BYTES,
    OptionSpec::new(
        "rate_limit",
        OptionKind::Rate,
        "The most calls of this process in some time, such as 40/s; all its backends on the same store share \
        it.",
    ),
    TIMEOUT,
    MAX_ATTEMPTS,
    FILTER_ON_TAGS,
    EXCLUDED_TAGS,
    FILTER_ON_PREFIX,
];

/// The typed options of the layers.
#[derive(Clone, Debug)]
pub struct LayerSettings {
    /// Limits and ages of the cache.
    pub cache: CacheSettings,
    /// The limits for calls.
    pub limit: LimitSettings,
    /// The deadline of a whole lookup.
    pub timeout: Duration,
    /// The total number of attempts, at least one.
    pub max_attempts: usize,
    /// Which secrets are left out.
    pub filter: Option<FilterRules>,
    /// Where it is counted.
    pub account: Account,
}

impl LayerSettings {
    /// Reads the options. The user's `max_attempts` takes precedence over `store_attempts`, which the store's
    /// own configuration (such as `AWS_MAX_ATTEMPTS`) sets; `rate_limit` takes precedence over
    /// `after_throttle`, the rate that the store's quota suggests once it has throttled a call.
    pub fn from_options(
        options: &Options,
        store_attempts: Option<u64>,
        after_throttle: Option<Rate>,
    ) -> Self {
        let attempts =
            options.count(MAX_ATTEMPTS.key).or(store_attempts).unwrap_or(options.count_of(&MAX_ATTEMPTS));
        Self {
            cache: CacheSettings::from_options(options),
            limit: LimitSettings { rate: options.rate("rate_limit"), after_throttle },
            timeout: options.duration_of(&TIMEOUT),
            max_attempts: usize::try_from(attempts).unwrap_or(usize::MAX).max(1),
            filter: None,
            account: Account::default(),
        }
    }

    /// These, with secrets left out.
    #[must_use]
    pub fn with_filter(self, filter: Option<FilterRules>) -> Self {
        Self { filter, ..self }
    }

    /// The time limit of one attempt. A single attempt has the whole deadline; otherwise half of it, so that
    /// after an attempt that hangs there is still time for the next one.
    pub fn attempt_timeout(&self) -> Duration {
        if self.max_attempts > 1 { self.timeout / 2 } else { self.timeout }
    }
}

impl Default for LayerSettings {
    fn default() -> Self {
        Self::from_options(&Options::default(), None, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    #[test]
    fn defaults_agree_with_their_declarations() {
        let settings = LayerSettings::default();
        assert_eq!(settings.cache.ttl, Duration::from_secs(60));
        assert_eq!(settings.cache.negative_ttl, Duration::from_secs(15));
        assert_eq!(settings.cache.max_stale, Duration::from_secs(600));
        assert_eq!((settings.cache.max_entries, settings.cache.max_bytes), (1000, 16_777_216));
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert_eq!((settings.max_attempts, settings.attempt_timeout()), (5, Duration::from_secs(5)));
    }

    #[test]
    fn a_short_cache_is_short_for_absent_names_too() {
        let negative = |words: &[(&'static str, u64)]| {
            let mut options = Options::default();
            for (key, seconds) in words {
                options.set(key, OptionValue::Duration(Duration::from_secs(*seconds)));
            }
            LayerSettings::from_options(&options, None, None).cache.negative_ttl.as_secs()
        };
        assert_eq!((negative(&[("cache_ttl", 5)]), negative(&[("cache_ttl", 300)])), (5, 15));
        assert_eq!(negative(&[("cache_ttl", 5), ("cache_negative_ttl", 20)]), 20, "who writes it means it");
        assert_eq!(negative(&[("cache_ttl", 0), ("cache_negative_ttl", 20)]), 0);
    }

    #[test]
    fn the_users_attempts_take_precedence_over_the_stores() {
        let mut options = Options::default();
        assert_eq!(LayerSettings::from_options(&options, Some(7), None).max_attempts, 7);
        options.set("max_attempts", OptionValue::Count(0));
        let settings = LayerSettings::from_options(&options, Some(7), None);
        assert_eq!((settings.max_attempts, settings.attempt_timeout()), (1, Duration::from_secs(10)));
    }
}
