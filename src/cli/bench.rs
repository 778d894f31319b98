//! `strongroom bench`: what a lookup of this configuration costs from this machine.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::backend::{Explained, Route};
use crate::cli::doctor::PROBE;
use crate::cli::output::{Report, columns};
use crate::cli::progress::Progress;
use crate::cli::setup::{Client, Setup, Source};
use crate::cli::subject::{KindWord, route};
use crate::error::Result;
use crate::layers::Counters;
use crate::store::convention::{Kind, Lookup};
use crate::store::options::Rate;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The kind of secret that is looked up.
    #[arg(value_name = "KIND", default_value = "connection")]
    kind: KindWord,
    /// Airflow's name of it; without one, a name that no secret has.
    #[arg(value_name = "ID", default_value = PROBE)]
    id: String,
    /// How many lookups go to the store, 1 to 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
}

/// The times of one source of answers, sorted.
pub(super) struct Times(Vec<Duration>);

impl Times {
    /// Sorts the times.
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that this percentage does not exceed, in milliseconds.
    pub(super) fn shown(&self, percent: usize) -> String {
        format!("{:.3} ms", self.percentile(percent).as_secs_f64() * 1000.0)
    }

    /// `p50_us` and `p99_us`, in microseconds.
    pub(super) fn as_json(&self) -> Value {
        let micros = |percent| u64::try_from(self.percentile(percent).as_micros()).unwrap_or(u64::MAX);
        json!({"p50_us": micros(50), "p99_us": micros(99)})
    }

    /// The time that this percentage does not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }
}

/// Repeats the same lookup: first without the cache, then from the cache.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let airflow = source.airflow()?;
    let setup = Setup::of(&airflow, source.component())?.of_one_store("bench")?;
    let kind = Kind::from(arguments.kind);
    let lookup = Lookup { kind, id: &arguments.id, team: None };
    let route = route(&setup, &airflow, lookup).map_err(|unasked| unasked.into_error(&setup))?;
    let client = setup.open()?;
    let counters = Counters::of(setup.entry.info.name);
    let before = counters.calls.get();
    let from_store = past_the_cache(&client, lookup, &route, arguments.count)?;
    let calls = counters.calls.get() - before;
    let from_memory = out_of_the_cache(&client, lookup, arguments.count);
    let report = report(arguments.count, calls, &from_store, from_memory.as_ref(), quota(&setup));
    Ok(Report { warnings: setup.warned(), ..report })
}

/// The quota of the store, as far as it is configured or known.
pub(super) fn quota(setup: &Setup) -> Option<Rate> {
    let limit = setup.settings.layers.limit;
    limit.rate.or(limit.after_throttle)
}

fn past_the_cache(client: &Client, lookup: Lookup<'_>, route: &Route, count: u32) -> Result<Times> {
    let mut times = Vec::new();
    let progress = Progress::of(usize::try_from(count).unwrap_or_default(), "lookups");
    for _ in 0..count {
        // Makes the lookup ask the store.
        client.backend.refresh(None, None);
        let start = Instant::now();
        let (explained, _) = client.run(client.backend.explain(lookup, route))?;
        times.push(start.elapsed());
        progress.advance(1);
        if let Explained { error: Some(error), .. } = explained {
            return Err(error);
        }
    }
    Ok(Times::of(times))
}

/// `None` if nothing is cached.
fn out_of_the_cache(client: &Client, lookup: Lookup<'_>, count: u32) -> Option<Times> {
    let mut times = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        client.backend.remembered(lookup)?;
        times.push(start.elapsed());
    }
    Some(Times::of(times))
}

fn report(count: u32, calls: u64, store: &Times, memory: Option<&Times>, quota: Option<Rate>) -> Report {
    let per_lookup = f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) / f64::from(count);
    let mut rows = vec![["", "P50", "P99", "CALLS PER LOOKUP"].map(str::to_owned).to_vec()];
    let row = |name: &str, times: &Times, calls: f64| {
        vec![name.to_owned(), times.shown(50), times.shown(99), format!("{calls:.2}")]
    };
    rows.push(row("from the store", store, per_lookup));
    rows.extend(memory.map(|times| row("from memory", times, 0.0)));
    let mut text = columns(&rows);
    let lookups = quota
        .filter(|_| calls > 0)
        .map(|rate| f64::from(rate.calls.get()) / rate.per.as_secs_f64() / per_lookup);
    let _ = match lookups {
        Some(lookups) => {
            writeln!(text, "The quota allows {lookups:.1} such lookups a second, of all processes together.")
        }
        None => writeln!(text, "No quota is configured (`rate_limit`), and none is known for this store."),
    };
    let json = json!({
        "lookups": count,
        "calls": calls,
        "store": store.as_json(),
        "memory": memory.map(Times::as_json),
        "quota_lookups_per_second": lookups,
    });
    Report::done(text, json)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = Times::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(
            (times.percentile(50), times.percentile(99)),
            (Duration::from_millis(50), Duration::from_millis(99))
        );
        let one = Times::of(vec![Duration::from_millis(7)]);
        assert_eq!(
            (one.percentile(50), one.percentile(99)),
            (Duration::from_millis(7), Duration::from_millis(7))
        );
    }

    #[test]
    fn the_quota_is_shown_in_lookups() {
        let times = Times::of(vec![Duration::from_millis(2)]);
        let rate = Rate { calls: NonZeroU32::new(40).unwrap(), per: Duration::from_secs(1) };
        let report = report(10, 20, &times, None, Some(rate));
        insta::assert_snapshot!(report.text, @r"
                        P50       P99       CALLS PER LOOKUP
        from the store  2.000 ms  2.000 ms  2.00
        The quota allows 20.0 such lookups a second, of all processes together.
        ");
        assert_eq!(report.json["quota_lookups_per_second"], 20.0);
    }
}
