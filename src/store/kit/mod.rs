//! What stores share, written once. A store holds what is its own: names, codes, paths.
//!
//! | file | what it does |
//! |---|---|
//! | `checks.rs` | findings of `strongroom doctor` that more than one store has |
//! | `files.rs` | notices that a file changed from which a store was built; expands `~` |
//! | `from_json.rs` | turns a value of a JSON or YAML document into a secret |
//! | `probe.rs` | compares the service's clock with ours, and names the trusted certificates |
//! | `token.rs` | holds what a login hands out: renewed before its end, replaced when it is refused |
//!
//! All of it is public, so that a store uses what it needs and the compiler does not ask which store is compiled. Modules
//! that need the network stack come with the feature `http`, which every store on the network switches on.

pub mod checks;
pub mod files;
pub mod from_json;
#[cfg(feature = "http")]
pub mod probe;
#[cfg(feature = "http")]
pub mod token;
