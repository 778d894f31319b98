//! `strongroom agent`: the process that reads for all others of the host, and what can be asked of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::agent::{Agent, Client, Limits, Place, Status, check_volume, is_taken, make_room};
use crate::backend::AgentMode;
use crate::cli::heard::say_at_once;
use crate::cli::output::{NO, Report, columns};
use crate::cli::setup::{Setup, Source};
use crate::cli::subject::KindWord;
use crate::config::with_stores_file;
use crate::error::{Error, ErrorKind, Result};
use crate::process::{Runtime, no_fork, orphans_are_reaped, passed_listener, protect_memory};
use crate::store::convention::Lookup;
use crate::store::tools::{Finding, Severity};

/// How long the end of an agent is awaited.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to do: be the agent, in the foreground, or ask the one that is at work.
    #[arg(value_name = "ACTION", default_value = "run")]
    action: Action,
    /// Of `clear`: the kind of the secret. All kinds of the id are cleared.
    #[arg(value_name = "KIND", requires = "id")]
    kind: Option<KindWord>,
    /// Of `clear`: Airflow's name of the secret. Without it everything is cleared.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Of `clear`: the team of the secret.
    #[arg(long, value_name = "TEAM", requires = "id")]
    team: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Be the agent, until it is told to stop.
    Run,
    /// Show the figures of the agent.
    Status,
    /// End the agent.
    Stop,
    /// Make the next lookup ask the store: of one id, or of all.
    Clear,
}

/// Runs the action.
pub(super) fn run(source: &Source, arguments: &Arguments) -> Result<Report> {
    if arguments.id.is_some() && arguments.action != Action::Clear {
        return Err(Error::config("only `strongroom agent clear` takes a kind and an id"));
    }
    let setup = Setup::read(source)?;
    let place = place(&setup)?;
    let shown = place.socket().display().to_string();
    let warnings = setup.warned();
    let client = Client::new(place.clone());
    let report = match arguments.action {
        Action::Run => serve(setup, place)?,
        Action::Status => status(&client, &shown),
        Action::Stop => stop(&client, &place)?,
        Action::Clear => {
            client.clear(arguments.id.as_deref(), arguments.team.as_deref())?;
            let what = arguments.id.as_deref().unwrap_or("everything");
            let json = json!({"cleared": what, "socket": shown});
            Report::done(format!("The next lookup of {what} asks the store.\n"), json)
        }
    };
    Ok(Report { warnings, ..report })
}

/// Where the agent of a configuration listens.
fn place(setup: &Setup) -> Result<Place> {
    let settings = &setup.settings;
    let options = with_stores_file(setup.entry, &setup.chosen.options, &settings.environment)?;
    Place::for_settings(&settings.agent, setup.entry.info.name, &options, &settings.environment)
}

/// Makes the agent of a configuration ask the store at the next lookup, if there is an agent.
pub(super) fn forget(setup: &Setup, lookup: Lookup<'_>) -> Result<()> {
    if setup.settings.agent.mode == AgentMode::Off {
        return Ok(());
    }
    let place = place(setup)?;
    if !is_taken(&place) {
        return Ok(());
    }
    Client::new(place).clear(Some(lookup.id), lookup.team)
}

fn serve(setup: Setup, place: Place) -> Result<Report> {
    let memory = protect_memory();
    let socket = place.socket().display().to_string();
    let settings =
        Arc::into_inner(setup.settings).ok_or_else(|| Error::internal("the settings are in use"))?;
    let variable = |name| std::env::var(name).ok();
    make_room(&place);
    check_volume(&place, settings.agent.is_shared)?;
    let group = settings.agent.group.as_ref().map(|group| group.group);
    let agent = match passed_listener(variable("LISTEN_PID").as_deref(), variable("LISTEN_FDS").as_deref()) {
        Some(listener) => Agent::on(place, listener)?,
        None => Agent::at(place, group)?,
    };
    let held = no_fork();
    let runtime = Runtime::new()?;
    drop(held);
    say_at_once(|| runtime.block_on(agent.serve(settings, Limits::usual(None, memory))))??;
    Ok(Report::done(format!("The agent at {socket} has ended.\n"), json!({"ended": true, "socket": socket})))
}

fn status(client: &Client, socket: &str) -> Report {
    match client.status() {
        Ok(status) => Report::done(as_text(&status, socket), as_json(&status, socket)),
        Err(error) => {
            let json = json!({"running": false, "socket": socket, "reason": error.to_string()});
            Report::done(format!("{error}\n"), json).with_code(NO)
        }
    }
}

fn as_text(status: &Status, socket: &str) -> String {
    let rows = [
        ("socket", socket.to_owned()),
        ("process", status.pid.to_string()),
        ("store", status.store.clone()),
        ("at work for", format!("{} s", status.up.as_secs())),
        ("last asked", format!("{} s ago", status.idle.as_secs())),
        ("clients", status.clients.to_string()),
        ("turned away", status.refused.to_string()),
        ("lookups", status.lookups.to_string()),
        ("from memory", status.from_memory.to_string()),
        ("refreshes", status.refreshes.to_string()),
        ("calls", status.calls.to_string()),
        ("longest silence", format!("{} ms", status.longest_gap.as_millis())),
    ];
    columns(&rows.map(|(name, value)| vec![name.to_owned(), value]))
}

fn as_json(status: &Status, socket: &str) -> serde_json::Value {
    json!({
        "running": true,
        "socket": socket,
        "pid": status.pid,
        "store": status.store,
        "seconds": status.up.as_secs(),
        "idle_seconds": status.idle.as_secs(),
        "clients": status.clients,
        "turned_away": status.refused,
        "lookups": status.lookups,
        "from_memory": status.from_memory,
        "refreshes": status.refreshes,
        "calls": status.calls,
        "longest_silence_ms": u64::try_from(status.longest_gap.as_millis()).unwrap_or(u64::MAX),
    })
}

fn stop(client: &Client, place: &Place) -> Result<Report> {
    client.stop()?;
    let (socket, start) = (place.socket(), Instant::now());
    while is_taken(place) {
        if start.elapsed() > PATIENCE {
            let text = format!("the agent at {} was asked to end and is still there", socket.display());
            return Err(Error::new(ErrorKind::Timeout, text));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let json = json!({"stopped": true, "socket": socket.display().to_string()});
    Ok(Report::done(format!("The agent at {} has ended.\n", socket.display()), json))
}

/// What `strongroom doctor` says about the agent, where the configuration wants one.
pub(super) fn check(setup: &Setup) -> Vec<Finding> {
    match setup.settings.agent.mode {
        AgentMode::Off => Vec::new(),
        AgentMode::At(_) => vec![at_work(setup)],
        AgentMode::Auto | AgentMode::Always => [at_work(setup)].into_iter().chain(orphans()).collect(),
    }
}

/// What is wrong with the first process of the container, whose child a started agent becomes.
fn orphans() -> Option<Finding> {
    if orphans_are_reaped() != Some(false) {
        return None;
    }
    let text = "the first process of this container does not wait for processes whose parent has ended, so \
                an agent that has ended stays as a zombie, and so do others";
    let remedy = "Start the container with an init: `docker run --init`, `init: true` in Compose, or an \
                  entry point such as dumb-init or tini";
    Some(Finding::new(Severity::Warning, "agent", text, remedy))
}

fn at_work(setup: &Setup) -> Finding {
    match place(setup).and_then(|place| Client::new(place).status()) {
        Ok(status) => {
            let (pid, seconds) = (status.pid, status.up.as_secs());
            let (lookups, calls) = (status.lookups, status.calls);
            let text =
                format!("process {pid} has been at work for {seconds} s: {lookups} lookups, {calls} calls");
            if status.refused == 0 {
                return Finding::fine("agent", text);
            }
            let text = format!("{text}; {} clients were turned away", status.refused);
            Finding::new(Severity::Warning, "agent", text, "Raise the hard limit of open files, LimitNOFILE")
        }
        Err(error) if matches!(setup.settings.agent.mode, AgentMode::At(_)) => {
            Finding::new(Severity::Warning, "agent", error.to_string(), "Lookups ask the store directly")
        }
        Err(error) => Finding::fine("agent", format!("{}; the next lookup starts one", error.message())),
    }
}
