//! `strongroom stats`: a summary of what Airflow's lookups have cost, from the audit file.

mod shown;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind as IoErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::backend::audit::put_aside;
use crate::cli::bench::{Times, quota};
use crate::cli::dates::iso;
use crate::cli::output::{NO, Report};
use crate::cli::setup::{Setup, Source};
use crate::config::parse_duration;
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Shown;
use crate::store::options::Rate;

/// How many ids are shown.
const NAMED: usize = 5;

/// The characters of a line's time up to its seconds, `2026-02-28T23:59:59`.
const TO_THE_SECOND: usize = 19;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The audit file; by default `audit_path` of the configuration. What was put aside as FILE.1 is read
    /// before it.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only what is not older than this, such as 90s, 10m, 24h or 7d; by default everything.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    since: Option<Duration>,
}

fn duration(text: &str) -> std::result::Result<Duration, &'static str> {
    parse_duration(text).ok_or("a number with a unit: 90s, 10m, 24h, 7d")
}

/// Reads the file and makes no call. The exit code is 1 if it contains no lookup.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    let setup = source.airflow().and_then(|airflow| Setup::of(&airflow, source.component()));
    let (path, quota) = match (&arguments.file, setup) {
        (Some(file), setup) => (file.clone(), setup.ok().and_then(|setup| quota(&setup))),
        (None, setup) => setup.and_then(|setup| Ok((configured(&setup)?, quota(&setup))))?,
    };
    let mut sums = Sums::default();
    let begin = arguments.since.and_then(|since| SystemTime::now().checked_sub(since)).map(iso);
    for part in parts(&path)? {
        sums.read(BufReader::new(part), begin.as_deref()).map_err(|error| unreadable(&path, error))?;
    }
    Ok(report(&path, sums, quota))
}

fn configured(setup: &Setup) -> Result<PathBuf> {
    let path = setup.settings.options.non_empty("audit_path").map(PathBuf::from);
    path.ok_or_else(|| {
        Error::config("the configuration has no audit file, so no lookups were recorded").with_hint(
            "Set `audit_path` in backend_kwargs and come back later, or name a file with --file; `strongroom \
            bench` measures lookups of its own",
        )
    })
}

/// The rotated file, if there is one, and the present one.
fn parts(path: &Path) -> Result<Vec<File>> {
    let aside = put_aside(path);
    // Opened first: a rotation in between then repeats lines, while the other order would lose some.
    let present = File::open(path).map_err(|error| unreadable(path, error))?;
    match File::open(&aside) {
        Ok(file) => Ok(vec![file, present]),
        Err(error) if error.kind() == IoErrorKind::NotFound => Ok(vec![present]),
        Err(error) => Err(unreadable(&aside, error)),
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let hint = "Run this as the user that Airflow runs as, on the machine where it does, or name the file \
    with --file";
    Error::new(
        ErrorKind::Config,
        format!("the audit file `{}` cannot be read: {error}", Shown(&path.to_string_lossy())),
    )
    .with_hint(hint)
    .with_source(error)
}

/// The lookups with one outcome.
#[derive(Default)]
struct Group {
    from_store: usize,
    times: Vec<Duration>,
}

/// The contents of the lines.
#[derive(Default)]
struct Sums {
    unread: usize,
    span: Option<(String, String)>,
    processes: BTreeSet<u64>,
    outcomes: BTreeMap<String, Group>,
    /// How often the store was asked in each second.
    seconds: HashMap<String, usize>,
    /// Lookups of each kind and id, and how many of them went to the store.
    ids: HashMap<(String, String), (usize, usize)>,
}

impl Sums {
    /// Adds lines that are not older than `begin`. Lines that are not from the audit log are counted,
    /// including a last one that is still being written.
    fn read(&mut self, mut lines: impl BufRead, begin: Option<&str>) -> std::io::Result<()> {
        let mut line = Vec::new();
        // Bytes, since a line from elsewhere may not be UTF-8.
        while lines.read_until(b'\n', &mut line)? > 0 {
            let parsed = serde_json::from_slice(&line).ok();
            if parsed.and_then(|value: Value| self.add(&value, begin)).is_none() {
                self.unread += 1;
            }
            line.clear();
        }
        Ok(())
    }

    /// `None` if it is not a line of the audit log.
    fn add(&mut self, line: &Value, begin: Option<&str>) -> Option<()> {
        let text = |key: &str| line.get(key)?.as_str().map(str::to_owned);
        let second = text("time")?.get(..TO_THE_SECOND)?.to_owned();
        let (kind, id, outcome) = (text("kind")?, text("id")?, text("outcome")?);
        let took = Duration::try_from_secs_f64(line.get("took_ms")?.as_f64()? / 1000.0).ok()?;
        // Moments in UTC compare as texts.
        if begin.and_then(|begin| begin.get(..TO_THE_SECOND)).is_some_and(|begin| second.as_str() < begin) {
            return Some(());
        }
        let is_asked = is_from_store(&outcome, line.get("age_seconds").and_then(Value::as_f64), took);
        self.processes.extend(line.get("pid").and_then(Value::as_u64));
        let group = self.outcomes.entry(outcome).or_default();
        group.times.push(took);
        group.from_store += usize::from(is_asked);
        let (lookups, asked) = self.ids.entry((kind, id)).or_default();
        *lookups += 1;
        *asked += usize::from(is_asked);
        if is_asked {
            *self.seconds.entry(second.clone()).or_default() += 1;
        }
        let (first, last) = self.span.take().unwrap_or_else(|| (second.clone(), second.clone()));
        self.span = Some((first.min(second.clone()), last.max(second)));
        Some(())
    }

    fn lookups(&self) -> usize {
        self.outcomes.values().map(|group| group.times.len()).sum()
    }

    fn asked_of_store(&self) -> usize {
        self.outcomes.values().map(|group| group.from_store).sum()
    }

    /// The ids that went to the store most often.
    fn most_asked(&self) -> Vec<NameCount> {
        let asked = self.ids.iter().map(|((kind, id), &(lookups, from_store))| NameCount {
            kind: kind.clone(),
            id: id.clone(),
            from_store,
            lookups,
        });
        let mut asked: Vec<_> = asked.filter(|asked| asked.from_store > 0).collect();
        asked.sort_unstable_by(|one, other| {
            (other.from_store, &one.kind, &one.id).cmp(&(one.from_store, &other.kind, &other.id))
        });
        asked.truncate(NAMED);
        asked
    }
}

/// Whether a lookup went to the store: an answered one did if the answer is no older than the lookup itself.
fn is_from_store(outcome: &str, age_seconds: Option<f64>, took: Duration) -> bool {
    match outcome {
        "skipped" | "refused" | "config" | "invalid_name" => false,
        "value" | "absent" => age_seconds.is_some_and(|age| age <= took.as_secs_f64()),
        _ => true,
    }
}

fn report(path: &Path, sums: Sums, quota: Option<Rate>) -> Report {
    let summed = Summed::of(path, sums, quota);
    let report = Report::done(shown::text(&summed), shown::json(&summed));
    if summed.lookups == 0 { report.with_code(NO) } else { report }
}

/// The summary.
struct Summed {
    path: String,
    lookups: usize,
    processes: usize,
    /// The first and the last second, such as `2026-02-28T23:59:59Z`.
    span: Option<(String, String)>,
    outcomes: Vec<Outcome>,
    from_store: usize,
    busiest_second: usize,
    quota_per_second: Option<f64>,
    most_asked: Vec<NameCount>,
    unread: usize,
}

/// The lookups with one outcome, and how long they took.
struct Outcome {
    name: String,
    from_store: usize,
    times: Times,
}

/// A name that went to the store.
struct NameCount {
    kind: String,
    id: String,
    from_store: usize,
    lookups: usize,
}

impl Summed {
    fn of(path: &Path, sums: Sums, quota: Option<Rate>) -> Self {
        let (lookups, from_store, most_asked) = (sums.lookups(), sums.asked_of_store(), sums.most_asked());
        let outcome = |(name, group): (String, Group)| Outcome {
            name,
            from_store: group.from_store,
            times: Times::of(group.times),
        };
        Self {
            path: path.to_string_lossy().into_owned(),
            lookups,
            processes: sums.processes.len(),
            span: sums.span.map(|(first, last)| (format!("{first}Z"), format!("{last}Z"))),
            outcomes: sums.outcomes.into_iter().map(outcome).collect(),
            from_store,
            busiest_second: sums.seconds.into_values().max().unwrap_or_default(),
            quota_per_second: quota.map(|rate| f64::from(rate.calls.get()) / rate.per.as_secs_f64()),
            most_asked,
            unread: sums.unread,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use serde_json::json;

    use super::*;

    fn line(second: u32, outcome: &str, id: &str, age: &str, took_ms: f64) -> String {
        format!(
            "{{\"time\": \"2026-03-01T12:00:{second:02}.500Z\", \"pid\": {}, \"kind\": \"variable\", \"id\": \
            \"{id}\", \"outcome\": \"{outcome}\", \"age_seconds\": {age}, \"took_ms\": {took_ms}}}\n",
            second % 2
        )
    }

    fn summed(begin: Option<&str>) -> Sums {
        let lines = [
            line(1, "value", "a", "0.001", 12.0),
            line(1, "value", "b", "0.003", 8.5),
            line(2, "value", "a", "1.002", 0.02),
            line(3, "absent", "gone", "0.0", 5.0),
            line(4, "denied", "c", "null", 4.0),
            line(5, "skipped", "d", "null", 0.01),
            "canary\n".to_owned(),
            "{\"time\": \"2026".to_owned(),
        ];
        let mut sums = Sums::default();
        sums.read(lines.concat().as_bytes(), begin).unwrap();
        sums
    }

    #[test]
    fn lookups_are_summed_up_by_their_outcome() {
        let quota = Rate { calls: NonZeroU32::new(40).unwrap(), per: Duration::from_secs(1) };
        let report = report(Path::new("/a.jsonl"), summed(None), Some(quota));
        insta::assert_snapshot!(report.text, @r"
        /a.jsonl: 6 lookups of 2 processes, from 2026-03-01T12:00:01Z to 2026-03-01T12:00:05Z

        OUTCOME  LOOKUPS  FROM THE STORE  P50       P99
        absent   1        1               5.000 ms  5.000 ms
        denied   1        1               4.000 ms  4.000 ms
        skipped  1        0               0.010 ms  0.010 ms
        value    3        2               8.500 ms  12.000 ms

        The store was asked for 4 of them, and for 2 in the busiest second.
        The quota is 40 calls a second, of all processes together.

        Most often asked of the store:
        KIND      ID    FROM THE STORE  LOOKUPS
        variable  a     1               2
        variable  b     1               1
        variable  c     1               1
        variable  gone  1               1

        Left out, since not the audit's: 2 lines.
        ");
        assert_eq!((&report.json["from_store"], &report.json["busiest_second"]), (&json!(4), &json!(2)));
        assert_eq!(report.json["outcomes"][0]["outcome"], "absent");
        assert!(!report.text.contains("canary"));
    }

    #[test]
    fn what_is_older_is_left_out() {
        let sums = summed(Some("2026-03-01T12:00:03Z"));
        assert_eq!((sums.lookups(), sums.asked_of_store()), (3, 2));
        let nothing = report(Path::new("/a.jsonl"), summed(Some("2027-01-01T00:00:00Z")), None);
        assert_eq!(
            (nothing.code, &nothing.json["lookups"], &nothing.json["from"]),
            (NO, &json!(0), &Value::Null)
        );
    }
}
