//! What stores share, written once. Each store holds only what is its own: names, codes, paths.
//!
//! | file | what it does |
//! |---|---|
//! | `address.rs` | checks the address of a service |
//! | `answer.rs` | sends a request and reads the whole answer |
//! | `checks.rs` | findings of `strongroom doctor` that more than one store has |
//! | `cookies.rs` | the cookies by which a service knows a session again |
//! | `download.rs` | reads many secrets with one request, and keeps the answer while it has not changed |
//! | `files.rs` | notices that a file from which a store was built has changed; expands `~` |
//! | `from_json.rs` | turns a value of a JSON or YAML document into a secret |
//! | `kept.rs` | keeps an answer while the service says that it has not changed (`ETag`) |
//! | `names.rs` | inspects a store whose service lists names alone |
//! | `known.rs` | remembers the ids of a list for the reads that follow it |
//! | `place.rs` | where in a service the secrets are, from options or the environment |
//! | `probe.rs` | compares the service's clock with this machine's, and names the trusted certificates |
//! | `reading.rs` | reads files that hold secrets: on another thread, up to a size, wiped afterwards |
//! | `refusal.rs` | turns an answer that is an error into [`crate::error::Error`]: code, status, `Retry-After` |
//! | `rest.rs` | asks a service below one address, with the token of a login |
//! | `sealing.rs` | the keys and the names of stores that keep sealed values |
//! | `service.rs` | a service that is asked with one token and GET: client, token, errors, probe, files, hints |
//! | `spelled.rs` | makes names in a store that knows fewer letters than Airflow's ids have |
//! | `token.rs` | holds the token of a login: renewed before its end, replaced when it is refused |
//! | `trust.rs` | decides which certificates are trusted |
//! | `vendor.rs` | says what became of a request, in the words of the service |
//!
//! All of it is public, so that a store uses what it needs and no `cfg` has to list the stores that use a
//! module. Modules that need the network stack come with the feature `http`, which every store on the network
//! switches on.

#[cfg(feature = "http")]
pub mod address;
#[cfg(feature = "http")]
pub mod answer;
pub mod checks;
#[cfg(feature = "http")]
pub mod cookies;
#[cfg(feature = "http")]
pub mod download;
pub mod files;
pub mod from_json;
#[cfg(feature = "http")]
pub mod kept;
pub mod known;
#[cfg(feature = "http")]
pub mod names;
pub mod place;
#[cfg(feature = "http")]
pub mod probe;
pub mod reading;
#[cfg(feature = "http")]
pub mod refusal;
#[cfg(feature = "http")]
pub mod rest;
#[cfg(feature = "sealed")]
pub mod sealing;
#[cfg(feature = "http")]
pub mod service;
pub mod spelled;
#[cfg(feature = "http")]
pub mod token;
#[cfg(feature = "http")]
pub mod trust;
#[cfg(feature = "http")]
pub mod vendor;
