//! The day: which process looks up what, and when. `docs/day.md` describes the same in words.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use _native::store::convention::{Kind, Lookup};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::{Class, Client};
use crate::server::Server;
use crate::tally::{End, Part, Tally};
use crate::{Outcome, SEED};

const HOURS: u64 = 24;
const HOUR: Duration = Duration::from_secs(3600);

/// Airflow's defaults: `[dag_processor] min_file_process_interval` and `parsing_processes`.
const PARSE_EVERY: Duration = Duration::from_secs(30);
const PARSERS: usize = 2;
/// Airflow's default of `[core] parallelism`.
const SLOTS: usize = 32;

const FILES: u64 = 120;
/// The files with an hourly DAG; the others are daily.
const HOURLY: u64 = 80;
const TASKS_OF_HOURLY: u64 = 3;
const TASKS_OF_DAILY: u64 = 10;
const TRIGGERS: u64 = 50;
const EVERY_MINUTE: Duration = Duration::from_secs(60);

/// Airflow's ids.
pub(crate) mod ids {
    use super::Kind;

    const CONNECTIONS: u64 = 40;
    const VARIABLES: u64 = 30;
    /// The end of the ids that are in Airflow's database, and absent from the store.
    pub(crate) const ELSEWHERE: &str = "-elsewhere";
    /// The variable that every file asks for.
    pub(crate) const SHARED: &str = "environment";

    /// Every sixth is absent.
    fn id(letter: char, number: u64) -> String {
        format!("{letter}{number}{}", if number % 6 == 5 { ELSEWHERE } else { "" })
    }

    pub(crate) fn connection(number: u64) -> String {
        id('c', number % CONNECTIONS)
    }

    pub(crate) fn variable(number: u64) -> String {
        id('v', number % VARIABLES)
    }

    /// All ids of a kind.
    pub(crate) fn all(kind: Kind) -> Box<dyn Iterator<Item = String>> {
        match kind {
            Kind::Connection => Box::new((0..CONNECTIONS).map(connection)),
            _ => Box::new((0..VARIABLES).map(variable).chain([SHARED.to_owned()])),
        }
    }
}

/// State that all processes of Airflow share.
#[derive(Debug)]
struct Airflow {
    class: Class,
    server: Arc<Server>,
    tally: Tally,
    end: Instant,
}

/// A file and its lookups at the top level.
#[derive(Clone, Debug)]
struct File {
    number: u64,
    takes: Duration,
    variable: String,
    connection: String,
}

/// When each file is parsed next.
type Queue = Mutex<BinaryHeap<Reverse<(Instant, u64)>>>;

/// Plays the day.
pub(crate) async fn day(class: Class, server: Arc<Server>) -> Outcome<Tally> {
    let end = Instant::now() + HOUR * u32::try_from(HOURS)?;
    let airflow = Arc::new(Airflow { class, server, tally: Tally::default(), end });
    let mut parts = JoinSet::new();
    parse_files(&airflow, &mut parts);
    run_dags(&airflow, &mut parts);
    run_triggers(&airflow, &mut parts)?;
    parts.spawn(schedule(Arc::clone(&airflow)));
    while let Some(ended) = parts.join_next().await {
        ended??;
    }
    Ok(Arc::into_inner(airflow).ok_or("something still runs")?.tally)
}

impl Airflow {
    fn process(&self, part: Part) -> Outcome<Client> {
        self.class.process(&self.server, part)
    }

    /// Returns whether the lookup failed.
    async fn look_up(&self, client: &Client, part: Part, kind: Kind, id: &str) -> Outcome<bool> {
        let start = Instant::now();
        let end = client.look_up(Lookup { kind, id, team: None }).await?;
        self.tally.note(part, end, start.elapsed());
        Ok(end == End::Failed)
    }

    /// Looks up one after the other; returns whether any failed. A failure does not prevent the lookups after
    /// it.
    async fn look_up_all(&self, client: &Client, part: Part, wanted: &[(Kind, &str)]) -> Outcome<bool> {
        let mut any_failed = false;
        for (kind, id) in wanted {
            any_failed |= self.look_up(client, part, *kind, id).await?;
        }
        Ok(any_failed)
    }

    /// Records the end of a process; `failed` says whether one of its lookups has failed.
    fn note_end(&self, part: Part, failed: bool) {
        if failed {
            self.tally.note_spoiled(part);
        }
    }
}

impl File {
    fn new(number: u64) -> Self {
        let mut chance = chance(1, number);
        Self {
            number,
            takes: Duration::from_millis(chance.u64(100..400)),
            variable: ids::variable(chance.u64(..)),
            connection: ids::connection(chance.u64(..)),
        }
    }

    /// The lookups of the code at its top level.
    fn lookups(&self) -> [(Kind, &str); 4] {
        [
            (Kind::Variable, ids::SHARED),
            (Kind::Variable, &self.variable),
            (Kind::Variable, ids::SHARED),
            (Kind::Connection, &self.connection),
        ]
    }
}

/// Random numbers that are the same for every variant.
fn chance(topic: u64, number: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(SEED ^ topic << 56 ^ number << 8)
}

fn part_of(chance: &mut fastrand::Rng, longest: Duration) -> Duration {
    longest.mul_f64(chance.f64())
}

/// The DAG processor: each parse is a separate process.
fn parse_files(airflow: &Arc<Airflow>, parts: &mut JoinSet<Outcome<()>>) {
    let start = Instant::now();
    let queue: BinaryHeap<_> = (0..FILES).map(|number| Reverse((start, number))).collect();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..PARSERS {
        parts.spawn(parse(Arc::clone(airflow), Arc::clone(&queue)));
    }
}

async fn parse(airflow: Arc<Airflow>, queue: Arc<Queue>) -> Outcome<()> {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(Reverse((due, number))) = next else { return Ok(()) };
        if due >= airflow.end || Instant::now() >= airflow.end {
            return Ok(());
        }
        sleep_until(due).await;
        let file = File::new(number);
        let client = airflow.process(Part::Parsing)?;
        sleep(file.takes).await;
        let failed = airflow.look_up_all(&client, Part::Parsing, &file.lookups()).await?;
        airflow.note_end(Part::Parsing, failed);
        let again = Reverse((Instant::now() + PARSE_EVERY, number));
        queue.lock().unwrap_or_else(PoisonError::into_inner).push(again);
    }
}

/// The tasks: each is a separate process, on one of the slots.
fn run_dags(airflow: &Arc<Airflow>, parts: &mut JoinSet<Outcome<()>>) {
    let slots = Arc::new(Semaphore::new(SLOTS));
    for hour in 0..HOURS {
        for number in 0..FILES {
            let tasks = match number {
                _ if number < HOURLY => TASKS_OF_HOURLY,
                _ if hour == 0 => TASKS_OF_DAILY,
                _ => continue,
            };
            parts.spawn(run_dag(Arc::clone(airflow), Arc::clone(&slots), hour, File::new(number), tasks));
        }
    }
}

async fn run_dag(
    airflow: Arc<Airflow>,
    slots: Arc<Semaphore>,
    hour: u64,
    file: File,
    tasks: u64,
) -> Outcome<()> {
    let mut chance = chance(2, hour * FILES + file.number);
    sleep(HOUR * u32::try_from(hour)?).await;
    for _ in 0..tasks {
        // The scheduler needs a moment for each.
        sleep(part_of(&mut chance, Duration::from_secs(3))).await;
        let _slot = slots.acquire().await?;
        run_task(&airflow, &file, &mut chance).await?;
    }
    Ok(())
}

/// A task imports its file, then looks up two connections, twice each, and a variable; then it works.
async fn run_task(airflow: &Airflow, file: &File, chance: &mut fastrand::Rng) -> Outcome<()> {
    let client = airflow.process(Part::Tasks)?;
    sleep(Duration::from_secs(1) + file.takes).await;
    let mut failed = airflow.look_up_all(&client, Part::Tasks, &file.lookups()).await?;
    let connections = [ids::connection(chance.u64(..)), ids::connection(chance.u64(..))];
    let variable = ids::variable(chance.u64(..));
    let work = Duration::from_secs(20) + part_of(chance, Duration::from_secs(70));
    failed |= airflow.look_up(&client, Part::Tasks, Kind::Variable, &variable).await?;
    for _ in 0..2 {
        let both = connections.each_ref().map(|id| (Kind::Connection, id.as_str()));
        failed |= airflow.look_up_all(&client, Part::Tasks, &both).await?;
        sleep(work / 2).await;
    }
    airflow.note_end(Part::Tasks, failed);
    Ok(())
}

/// The triggerer: one process, whose triggers each look up a connection every minute.
fn run_triggers(airflow: &Arc<Airflow>, parts: &mut JoinSet<Outcome<()>>) -> Outcome<()> {
    let client = Arc::new(airflow.process(Part::Triggerer)?);
    for number in 0..TRIGGERS {
        let (airflow, client) = (Arc::clone(airflow), Arc::clone(&client));
        parts.spawn(async move {
            sleep(part_of(&mut chance(3, number), EVERY_MINUTE)).await;
            let connection = ids::connection(number % 10);
            while Instant::now() < airflow.end {
                airflow.look_up(&client, Part::Triggerer, Kind::Connection, &connection).await?;
                sleep(EVERY_MINUTE).await;
            }
            Ok(())
        });
    }
    Ok(())
}

/// The scheduler: one process, which looks up one of two connections every minute, such as for its mails.
async fn schedule(airflow: Arc<Airflow>) -> Outcome<()> {
    let client = airflow.process(Part::Scheduler)?;
    let mut number = 0;
    while Instant::now() < airflow.end {
        airflow.look_up(&client, Part::Scheduler, Kind::Connection, &ids::connection(number % 2)).await?;
        number += 1;
        sleep(EVERY_MINUTE).await;
    }
    Ok(())
}
