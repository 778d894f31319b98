//! The command line: one file per command.
//!
//! Exit codes: 0 done, 1 the command failed, 2 the command line made no sense.

mod output;
mod stores;

use clap::{Parser, Subcommand};

/// See what this build of Strongroom can read, and how it is configured.
///
/// Strongroom serves Apache Airflow's connections, variables and config values from a secrets store.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the stores of this build with the Python class and the options of each.
    Stores(stores::Arguments),
}

/// Runs `arguments`, the program's name first, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = String>) -> u8 {
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command: Command::Stores(arguments) }) => output::exit_code(stores::run(&arguments)),
        Err(help_or_error) => output::usage(&help_or_error),
    }
}
