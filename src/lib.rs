//! Strongroom: an Apache Airflow secrets backend with a Rust core.
//!
//! The map of the crate. Data flows down this list and back up; a module imports only from modules below it.
//!
//! | module | contents |
//! |---|---|
//! | `python` | the PyO3 boundary: kwargs in; values, exceptions and log records out (feature `python`) |
//! | `cli` | the command line, one file per command (feature `cli`) |
//! | `agent` | one process that reads for all others of a host (feature `agent`) |
//! | [`config`] | what the user wrote, and what it means |
//! | [`backend`] | from Airflow's terms to the store's: kind, prefix, pattern, team, bundle, prefetch; the error policy; the audit file |
//! | [`masking`] | what is secret in an answer, and how it is found in log output |
//! | [`layers`] | wrappers around a store: observe, cache, limit, retry, timeout |
//! | [`store`] | one folder per place where secrets live, and their registry |
//! | `http` | the shared client: TLS settings, proxies, timeouts (for stores that use HTTP) |
//! | [`process`] | forks, the runtime, deadlines, the clock; the only folder with `unsafe` |
//! | `sealed` | values that only the holder of a key can read (for stores that keep such) |
//! | [`value`] | secrets, JSON as Python handles it, connections |
//! | [`moment`] | moments as RFC 3339 writes them |
//! | `log` | receives what the crate logs, for Python and the terminal |
//! | [`redact`] | what may be shown of foreign text |
//! | [`error`] | what can go wrong |
//!
//! `docs/architecture.md` describes the same in more detail.

#[cfg(feature = "agent")]
pub mod agent;
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
#[cfg(feature = "sealed")]
pub mod sealed;
pub mod store;
pub mod value;
