//! Starting an agent from a process that has met none.
//!
//! Airflow waits for the children of a task, and a parse child has milliseconds to live. So the agent is no
//! child of the process that wants it: a helper is spawned and waited for, and starts the agent in a session
//! of its own. Both run Python with this module and nothing else (`-I -S`): no site packages, no variables
//! that steer Python. The configuration goes through a pipe, never through arguments or a file.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::agent::limits::Limits;
use crate::agent::others::make_room;
use crate::agent::place::Place;
use crate::agent::serve::Agent;
use crate::agent::wire::VERSION;
use crate::backend::chain::entry_of;
use crate::config::{Configured, RawOptions, RawValue, configure};
use crate::error::{Error, Result};
use crate::process::{Lockable, Runtime, forget_parent, no_fork, protect_memory};
use crate::store::environment::Environment;
use crate::store::registry::variables;
use crate::value::json;

/// After an attempt no process of the user makes another for so long.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(30);

/// The variables that an agent inherits: what programs and folders need. What a store reads is in the order;
/// the rest is none of its business, and may hold secrets.
const KEPT: [&str; 8] = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "USER"];

/// Loads the native module from the path in the first argument and hands over.
const BOOT: &str = "\
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
loader = ExtensionFileLoader('strongroom._native', sys.argv[1])
module = module_from_spec(spec_from_loader(loader.name, loader))
loader.exec_module(module)
sys.exit(module.run_agent(sys.argv[2], sys.executable, sys.argv[1]))";

/// How an agent is run: the interpreter and the native module of this process.
#[derive(Clone, Debug)]
pub struct Program {
    /// The Python interpreter.
    pub python: PathBuf,
    /// The file of the native module.
    pub module: PathBuf,
}

/// What an agent has to know. Debug shows no value.
#[derive(Serialize, Deserialize)]
pub struct Order {
    version: String,
    store: String,
    options: Vec<(String, WireValue)>,
    environment: Vec<(String, String)>,
    idle: Duration,
}

#[derive(Serialize, Deserialize)]
enum WireValue {
    Text(String),
    Json(Vec<u8>),
}

impl std::fmt::Debug for Order {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Order").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Order {
    /// The order for an agent of this configuration that ends after `idle` without clients.
    pub fn new(store: &str, options: &RawOptions, environment: &Environment, idle: Duration) -> Self {
        let options = options.iter().map(|(key, value)| {
            let value = match value {
                RawValue::Text(text) => WireValue::Text(text.clone()),
                RawValue::Json(value) => WireValue::Json(json::write(value).as_bytes().to_vec()),
            };
            (key.to_owned(), value)
        });
        let environment = environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            version: VERSION.to_owned(),
            store: store.to_owned(),
            options: options.collect(),
            environment: environment.collect(),
            idle,
        }
    }

    fn options(&self) -> Result<RawOptions> {
        let read = |value: &WireValue| match value {
            WireValue::Text(text) => Ok(RawValue::Text(text.clone())),
            WireValue::Json(bytes) => crate::value::Text::from_utf8_surrogatepass(bytes.clone())
                .ok()
                .and_then(|text| json::parse(&text).ok())
                .map(RawValue::Json)
                .ok_or_else(|| Error::internal("an option did not arrive at the agent")),
        };
        self.options.iter().map(|(key, value)| Ok((key.clone(), read(value)?))).collect()
    }

    fn environment(&self) -> Environment {
        Environment::copied(variables(), |name| {
            self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }
}

/// Starts an agent at `place`, unless some process of the user has just tried. Waits for the helper, which
/// takes as long as Python needs to start, and not for the agent. Call it without the GIL.
pub fn start(program: &Program, place: &Place, order: &Order) -> Result<()> {
    if !is_first_attempt(&place.attempt())? {
        return Ok(());
    }
    let order = Zeroizing::new(postcard::to_stdvec(order).map_err(|_| broken())?);
    run(program, "begin", &order, true)
}

/// Whether no process has tried within the last seconds. Says so to the others.
fn is_first_attempt(note: &Path) -> Result<bool> {
    let noted = note.symlink_metadata().and_then(|file| file.modified());
    if noted.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < BETWEEN_ATTEMPTS)) {
        return Ok(false);
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(note);
    // Without the note every process would start one.
    file.and_then(|file| file.set_modified(SystemTime::now()))
        .map_err(|error| Error::config(format!("{} cannot be written", note.display())).with_source(error))?;
    Ok(true)
}

fn run(program: &Program, part: &str, order: &[u8], waits: bool) -> Result<()> {
    let mut child = Command::new(&program.python)
        .args(["-I", "-S", "-c", BOOT])
        .arg(&program.module)
        .arg(part)
        .current_dir("/")
        .env_clear()
        .envs(KEPT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(program, error))?;
    let mut pipe = child.stdin.take().ok_or_else(broken)?;
    pipe.write_all(order).map_err(|error| failed(program, error))?;
    drop(pipe);
    if !waits {
        return Ok(());
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(broken()),
        // The process ignores its children, or other code has waited for all of them.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::CHILD.raw_os_error()) => Ok(()),
        Err(error) => Err(failed(program, error)),
    }
}

fn failed(program: &Program, error: std::io::Error) -> Error {
    Error::internal(format!("the agent could not be started with {}", program.python.display()))
        .with_source(error)
}

fn broken() -> Error {
    Error::internal("the agent could not be started")
}

/// The helper (`begin`) and the agent (`serve`), with the order on the standard input.
pub fn run_part(part: &str, program: &Program) -> Result<()> {
    forget_parent();
    // Airflow ends a task by its process group, and the terminal by its session. The helper has to leave as
    // well: the agent is in its group until it has one of its own, and the task may end meanwhile.
    let _ = rustix::process::setsid();
    let mut order = Zeroizing::new(Vec::new());
    std::io::stdin().read_to_end(&mut order).map_err(|error| failed(program, error))?;
    if part == "begin" {
        return run(program, "serve", &order, false);
    }
    let memory = protect_memory();
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    let order: Order = postcard::from_bytes(&order).map_err(|_| broken())?;
    if order.version != VERSION {
        return Err(Error::internal("the agent is of another version than the process that wants it"));
    }
    serve(&order, memory)
}

fn serve(order: &Order, memory: Lockable) -> Result<()> {
    let entry = entry_of(&order.store).ok_or_else(broken)?;
    let (options, environment) = (order.options()?, order.environment());
    let place = Place::of(entry.info.name, &options, &environment)?;
    let Configured { settings, .. } = configure(entry, &options, environment)?;
    let settings = std::sync::Arc::into_inner(settings).ok_or_else(broken)?;
    make_room(&place);
    let agent = Agent::at(place, None)?;
    let held = no_fork();
    let runtime = Runtime::new()?;
    drop(held);
    let limits = Limits::usual(Some(order.idle), memory);
    runtime.block_on(agent.serve(settings, limits))?
}
