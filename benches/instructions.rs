//! Runs one hot path a number of times, for `tests/tools/instructions.py` to count its instructions.
//!
//! Without arguments it lists the paths; with `NAME COUNT` it runs one.

use std::io::Write;

use _native::error::{Error, Result};

mod paths;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next().and_then(|count| count.parse().ok())) {
        (Some(name), Some(count)) => walk(&name, count),
        _ => list(),
    }
}

fn walk(name: &str, count: usize) -> Result<()> {
    let wanted = paths::hot_paths()?.into_iter().find(|path| path.name == name);
    let mut path = wanted.ok_or_else(|| Error::config(format!("there is no hot path `{name}`")))?;
    for _ in 0..count {
        (path.walk)();
    }
    Ok(())
}

fn list() -> Result<()> {
    for path in paths::hot_paths()? {
        writeln!(std::io::stdout(), "{}", path.name)
            .map_err(|error| Error::internal("the names cannot be written").with_source(error))?;
    }
    Ok(())
}
