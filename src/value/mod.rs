//! What a secret holds: text, JSON, and the connections that Airflow reads from either.
//!
//! Everything here follows Python and Airflow to the byte, because an operator who changes the class path
//! must get the same connection as before. The rules come from Python's `urllib.parse`, `json` and
//! `ipaddress` (3.11.7) and from Airflow's `models/connection.py` and `sdk/definitions/connection.py`; a
//! comment names the source where a rule is used. `tests/golden/connections.jsonl` holds Airflow's own
//! answers.
//!
//! * [`SecretValue`] is a secret on its way from a store to Python.
//! * [`Text`] is a Python `str`: UTF-8 that may also hold lone surrogates, wiped when dropped.
//! * [`json`] reads and writes JSON as `json.loads` and `json.dumps` do.
//! * [`fields`] renames the keys of a Secrets Manager secret as the official class does.
//! * [`connection`] turns a URI or JSON text into a connection and back.

pub mod connection;
pub mod fields;
pub mod json;
pub mod secret;
pub mod text;

pub use connection::{Connection, ConnectionError, Dialect};
pub use fields::{FieldAliases, FieldError};
pub use json::{JsonError, Value};
pub use secret::SecretValue;
pub use text::Text;
