//! Strongroom: an Apache Airflow secrets backend with a Rust core.
//!
//! The map of the house. Data flows down this list and back up; a module imports only from modules below it.
//!
//! | module | what stands there |
//! |---|---|
//! | `python` | the PyO3 boundary: kwargs in; values, exceptions and log records out (feature `python`) |
//! | `cli` | the command line, one file per command (feature `cli`) |
//! | [`config`] | what the user wrote, and what it means |
//! | [`backend`] | Airflow's words to store words: kind, prefix, pattern, team, bundle, prefetch; what becomes of errors; the audit file |
//! | [`masking`] | what is secret in an answer, and how it is found in what is logged |
//! | [`layers`] | wrappers around a store: observe, cache, limit, retry, timeout |
//! | [`store`] | one folder per place where secrets live, and their registry |
//! | `http` | the shared client: TLS settings, proxies, timeouts (stores that speak HTTP) |
//! | [`process`] | forks, the runtime, deadlines, the clock; the only folder with `unsafe` |
//! | [`value`] | secrets, JSON as Python has it, connections |
//! | [`moment`] | moments as RFC 3339 writes them |
//! | `log` | hearing what the house logs, for Python and the terminal |
//! | [`redact`] | what may be shown of foreign text |
//! | [`error`] | what can go wrong |
//!
//! `docs/architecture.md` tells the same at more length.

pub mod backend;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod error;
#[cfg(feature = "http")]
pub mod http;
pub mod layers;
#[cfg(any(feature = "cli", feature = "python"))]
mod log;
pub mod masking;
pub mod moment;
pub mod process;
#[cfg(feature = "python")]
mod python;
pub mod redact;
pub mod store;
pub mod value;
