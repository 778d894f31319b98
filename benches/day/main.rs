//! A day of Airflow against a store that throttles, in virtual time: the layers of Strongroom as they are in
//! production, compared with a model of the official class.
//!
//! `day` plays every variant and prints one line of JSON for each. `day calibrate <clients> <lookups> <rate>
//! <latency>` lets clients of the model look up without a pause, for a comparison with the official class.
//! `benches/day.py` does both and writes `docs/day.md`.

mod agent;
mod client;
mod clock;
mod official;
mod server;
mod store;
mod tally;
mod workload;

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Class, VARIANTS};
use crate::official::Official;
use crate::server::Server;
use crate::tally::{Part, Tally};

/// What the store allows, in calls a second and in calls at once.
const RATE: u32 = 40;
const LATENCIES: [u64; 3] = [5, 20, 100];
/// The same day in every run.
const SEED: u64 = 20_260_228;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => every_day(),
        ["calibrate", clients, lookups, rate, latency] => {
            let (clients, lookups) = (clients.parse()?, lookups.parse()?);
            say(&calibrate(clients, lookups, rate.parse()?, Duration::from_millis(latency.parse()?))?)
        }
        _ => Err("write `day` or `day calibrate <clients> <lookups> <rate> <latency in ms>`".into()),
    }
}

fn say(line: &Value) -> Outcome<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Plays every variant at every latency, as many at a time as there are processors.
fn every_day() -> Outcome<()> {
    let days: Vec<_> =
        LATENCIES.iter().flat_map(|latency| VARIANTS.map(|variant| (*latency, variant))).collect();
    let next = AtomicUsize::new(0);
    let play = || -> Outcome<Vec<(usize, Value)>> {
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((latency, variant)) = days.get(index) else { return Ok(results) };
            results.push((index, a_day(*latency, variant)?));
        }
    };
    let workers = std::thread::available_parallelism()?.get();
    let mut results = std::thread::scope(|scope| -> Outcome<Vec<(usize, Value)>> {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(play)).collect();
        let mut results = Vec::new();
        for thread in threads {
            results.extend(thread.join().map_err(|_| "a simulation panicked")??);
        }
        Ok(results)
    })?;
    results.sort_by_key(|(index, _)| *index);
    results.iter().try_for_each(|(_, line)| say(line))
}

/// One variant at one latency.
fn a_day(latency: u64, variant: &client::Variant) -> Outcome<Value> {
    let (server, tally) = clock::virtual_time(async move {
        let server = Arc::new(Server::new(RATE, Duration::from_millis(latency)));
        let class = Class::of(variant, &server)?;
        let tally = workload::day(class, Arc::clone(&server)).await?;
        Ok((server, tally))
    })?;
    Ok(report(latency, variant.label, &server, &tally))
}

fn report(latency: u64, label: &str, server: &Server, tally: &Tally) -> Value {
    let parts: serde_json::Map<_, _> = Part::ALL
        .into_iter()
        .map(|part| (part.word().to_owned(), report_part(part, server, tally)))
        .collect();
    json!({
        "latency": latency,
        "variant": label,
        "throttled": server.throttled(),
        "stale": tally.stale(),
        "waits": waits(tally, &Part::ALL),
        "parts": parts,
    })
}

fn report_part(part: Part, server: &Server, tally: &Tally) -> Value {
    let [lookups, errors, spoiled] = tally.of(part);
    json!({
        "lookups": lookups,
        "errors": errors,
        "spoiled": spoiled,
        "calls": server.calls(part),
        "waits": waits(tally, &[part]),
    })
}

/// The median, the upper bounds of 99 % and 99.9 %, and the longest, in milliseconds.
fn waits(tally: &Tally, parts: &[Part]) -> Value {
    let waits = tally.waits(parts);
    [500, 990, 999, 1000].map(|thousandths| waits.part(thousandths)).to_vec().into()
}

/// Clients of the model that make one lookup after the other, all at the same time.
fn calibrate(clients: u64, lookups: u64, rate: u32, latency: Duration) -> Outcome<Value> {
    let (server, errors) = clock::virtual_time(async move {
        let server = Arc::new(Server::new(rate, latency));
        let asking: Vec<_> = (0..clients)
            .map(|_| {
                let client = Official::new(Arc::clone(&server), Part::Tasks, official::STANDARD);
                tokio::spawn(async move {
                    let mut errors = 0u64;
                    for _ in 0..lookups {
                        errors += u64::from(!client.look_up("a").await);
                    }
                    errors
                })
            })
            .collect();
        let mut errors = 0;
        for client in asking {
            errors += client.await?;
        }
        Ok((server, errors))
    })?;
    Ok(json!({"lookups": clients * lookups, "calls": server.calls(Part::Tasks), "errors": errors}))
}
