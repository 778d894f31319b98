//! The one network stack that every store shares: reqwest on hyper, with rustls on ring.
//!
//! | file | what stands there |
//! |---|---|
//! | `tls.rs` | which certificates are trusted, and one `ClientConfig` per distinct answer |
//! | `client_certificate.rs` | who we are, where the server asks for a certificate |
//! | `verifier.rs` | what `verify: false` means |
//! | `proxy.rs` | proxies, from the configuration or from a copy of the environment |
//! | `client.rs` | the client: redirects off, every timeout set, a pool for a runtime that nobody drives |
//! | `send.rs` | sending: connections that the server closed, and errors in words |
//! | `address.rs` | which addresses may be configured |
//! | `body.rs` | reading an answer, up to a limit |
//! | `no_answer.rs` | what such an error means for a store |
//!
//! Rules of the house, each with its reason in the file that keeps it:
//!
//! * Redirects are never followed: reqwest would carry tokens to another host.
//! * The environment is never read here; callers hand in the copy that was taken with the GIL held.
//! * Clients and TLS configurations belong to one generation of the process (see [`crate::process`]); they
//!   are built under [`crate::process::no_fork`] and nothing that is alive stays in a static without its
//!   generation.

mod address;
mod body;
mod client;
#[cfg(feature = "vault")]
mod client_certificate;
mod no_answer;
mod proxy;
mod send;
mod tls;
mod verifier;

pub use address::web_address;
pub use body::read_body;
pub use client::{ClientSettings, build_client, is_loopback, warn_about_plain_http};
#[cfg(feature = "vault")]
pub use client_certificate::with_client_certificate;
pub use no_answer::NoAnswerHints;
pub use proxy::ProxySettings;
pub use send::{TransportError, TransportKind, send};
pub use tls::{Roots, client_config};
