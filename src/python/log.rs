//! Log records: collected while the GIL is away, handed to Python's `logging` once it is back.
//!
//! Only our own modules are heard: the SDKs' records may hold requests and answers. Nothing is written while
//! a lookup runs, since a log handler may fork, block or take the GIL.

use std::cell::RefCell;
use std::fmt::{self, Write};

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::python::guard::unless_raised_by_handler;

thread_local! {
    static RECORDS: RefCell<Option<Vec<(Level, String)>>> = const { RefCell::new(None) };
}

/// Sends our events to the thread that looks something up. Call it once, when the module is imported.
pub(super) fn install() {
    // It fails only if it ran before, which leaves the same subscriber in place.
    let _ = tracing::subscriber::set_global_default(Collector);
}

/// Runs `work` and collects what it logs on this thread.
pub(super) fn collect<T>(work: impl FnOnce() -> T) -> (T, Vec<(Level, String)>) {
    let outer = RECORDS.replace(Some(Vec::new()));
    let result = work();
    let records = RECORDS.replace(outer).unwrap_or_default();
    (result, records)
}

/// Hands `records` to the Python logger `name`. A log handler that fails never fails a lookup; errors are those
/// that a signal handler raised meanwhile.
pub(super) fn emit(py: Python<'_>, name: &str, records: &[(Level, String)]) -> PyResult<()> {
    if records.is_empty() {
        return Ok(());
    }
    let emitted = py.import("logging").and_then(|logging| {
        let logger = logging.call_method1("getLogger", (name,))?;
        for (level, text) in records {
            logger.call_method1("log", (python_level(*level), text))?;
        }
        Ok(())
    });
    unless_raised_by_handler(py, emitted)
}

/// Logs `warnings` to the Python logger `name`.
pub(super) fn warn(py: Python<'_>, name: &str, warnings: Vec<String>) -> PyResult<()> {
    let records: Vec<_> = warnings.into_iter().map(|warning| (Level::WARN, warning)).collect();
    emit(py, name, &records)
}

fn python_level(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        _ => 10,
    }
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("_native") && *metadata.level() <= Level::DEBUG
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &Event<'_>) {
        RECORDS.with_borrow_mut(|records| {
            if let Some(records) = records {
                let mut message = Message(String::new());
                event.record(&mut message);
                records.push((*event.metadata().level(), message.0));
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The text of an event; our events carry nothing else.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}
