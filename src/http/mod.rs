//! The one network stack that every store shares: reqwest on hyper, with rustls on ring.
//!
//! | file | contents |
//! |---|---|
//! | `tls.rs` | which certificates are trusted, and one `ClientConfig` per distinct answer |
//! | `client_certificate.rs` | our own certificate, for servers that require one |
//! | `verifier.rs` | the meaning of `verify: false` |
//! | `proxy.rs` | proxies, from the configuration or from a copy of the environment |
//! | `client.rs` | the client: redirects off, every timeout set, a pool for a runtime that is not always driven |
//! | `send.rs` | sending: connections that the server has closed, and descriptions of errors |
//! | `address.rs` | which addresses may be configured |
//! | `body.rs` | reading an answer, up to a limit |
//! | `no_answer.rs` | what a missing answer means for a store |
//!
//! Rules of this module, each with its reason in the file concerned:
//!
//! * Redirects are never followed automatically: reqwest would carry tokens to another host.
//! * The environment is never read here; callers pass the copy that was taken with the GIL held.
//! * Clients and TLS configurations belong to one generation of the process (see [`crate::process`]); they
//!   are built under [`crate::process::no_fork`], and nothing alive is kept in a static without its
//!   generation.

mod address;
mod body;
mod client;
mod client_certificate;
mod no_answer;
mod proxy;
mod send;
mod tls;
mod verifier;

pub use address::web_address;
pub use body::read_body;
pub use client::{ClientSettings, build_client, is_loopback, warn_about_plain_http};
pub use client_certificate::with_client_certificate;
pub use no_answer::NoAnswerHints;
pub use proxy::ProxySettings;
pub use send::{TransportError, TransportKind, send};
#[cfg(feature = "mysql")]
pub use tls::trusted;
#[cfg(feature = "postgres")]
pub use tls::{Checked, config_that_checks};
pub use tls::{Roots, client_config};
