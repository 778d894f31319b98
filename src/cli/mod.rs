//! The command line: one file per command.
//!
//! | file | what stands there |
//! |---|---|
//! | `setup.rs` | from Airflow's configuration to a backend that can be asked |
//! | `subject.rs` | what a command is about, and how it is looked up |
//! | `masked.rs`, `dates.rs`, `heard.rs` | connections without secrets, moments, warnings |
//! | `output.rs` | what a command has to say, and the exit codes |
//! | the others | one command each |
//!
//! Exit codes: 0 done; 1 the answer is no (not found, findings); 2 the command line makes no sense; 3 the configuration
//! cannot be used; 4 the store did not answer or refused. No command but `reveal` shows a value.

mod bench;
mod completions;
mod dates;
mod describe;
mod doctor;
mod env;
mod explain;
mod get;
mod heard;
mod lint;
mod list;
mod masked;
mod output;
mod policy;
mod setup;
mod stores;
mod subject;
mod uri;
mod vault;

use clap::{CommandFactory, Parser, Subcommand};

use crate::cli::output::Report;
use crate::cli::setup::Source;
use crate::error::Result;

/// See what Airflow gets from its secrets backend, and why.
///
/// Strongroom reads the configuration that Airflow reads: `AIRFLOW__SECRETS__BACKEND`,
/// `AIRFLOW__SECRETS__BACKEND_KWARGS`, airflow.cfg in `AIRFLOW_HOME`. Run it as the user and with the environment of the component in question.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    source: Source,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  the answer is no: nothing was found, or something was found that should not be
  2  the command line makes no sense
  3  the configuration cannot be used
  4  the store did not answer, or refused

No command but `reveal` shows a value.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a secret is made of, with passwords masked.
    ///
    /// Looks it up in the backend as Airflow would, and shows the fields of a connection as
    /// `airflow connections get` has them, or the form of a variable.
    /// The password, the values of extra and the value of a variable are masked.
    #[command(
        after_help = "Examples:\n  strongroom get connection smtp_default\n  strongroom get variable region --json"
    )]
    Get(get::Arguments),
    /// Show the secret itself: the only command that does.
    ///
    /// Looks it up in the backend as Airflow would, and prints what Airflow gets.
    /// What is on the screen may be read by others, and stays in the scrollback.
    #[command(
        after_help = "Examples:\n  strongroom reveal variable region\n  strongroom reveal connection smtp_default | head -c 20"
    )]
    Reveal(get::RevealArguments),
    /// List the names that the backend could answer for.
    ///
    /// Goes through the store page by page, below the configured prefixes alone and within `rate_limit`.
    /// Shows kinds, ids, ages and tags; no value is read.
    #[command(
        after_help = "Examples:\n  strongroom list\n  strongroom list connections --limit 20\n  strongroom list --json"
    )]
    List(list::Arguments),
    /// Show what the store knows of a secret beside its value.
    ///
    /// Versions, dates, tags and the encryption key, as far as the store tells them.
    /// The value is not read, so this needs another permission than a lookup.
    #[command(after_help = "Examples:\n  strongroom describe connection smtp_default")]
    Describe(describe::Arguments),
    /// Say where a value comes from, or why it does not come.
    ///
    /// Makes the whole search of Airflow: the backend of the workers, the backend, the environment; the metastore is
    /// named as the last place and not read. Shows the names asked for in order, as whom, with what outcome and in what
    /// time, what hides what, and what to do. It makes the calls of exactly one lookup.
    #[command(
        after_help = "Examples:\n  strongroom explain connection smtp_default\n  strongroom explain variable region --team payments\n  strongroom explain config sentry_dsn --json"
    )]
    Explain(explain::Arguments),
    /// Parse every connection of the store as Airflow would, and report those that it cannot use.
    ///
    /// Finds what is malformed, has no type, an extra that is no JSON object, or a name that Airflow's API refuses.
    /// Reads each connection once, within `rate_limit`; shows no value. Exits with 1 if anything was found.
    #[command(after_help = "Examples:\n  strongroom lint\n  strongroom lint --dialect task_sdk_1_3 --json")]
    Lint(lint::Arguments),
    /// Take a connection URI apart, or put one together.
    ///
    /// Reads standard input or asks: a secret on a command line is seen by everybody on the machine.
    /// Escapes what has to be escaped, as the Airflow of your choice reads it.
    #[command(
        after_help = "Examples:\n  strongroom uri parse < connection.txt\n  strongroom uri build < fields.json"
    )]
    Uri(uri::Arguments),
    /// Check the configuration, the identity, the permissions and the store.
    ///
    /// Finds what Airflow passes over in silence, such as options that are no JSON, and says what to do about each.
    /// Makes one lookup of a name that nobody has, one listing and one description; --offline makes none.
    #[command(
        after_help = "Examples:\n  strongroom doctor\n  strongroom doctor --offline\n  strongroom doctor --workers --json"
    )]
    Doctor(doctor::Arguments),
    /// Print the document that allows what the backend needs and nothing else.
    ///
    /// For the configured prefixes, or those you give, with tags and encryption keys.
    /// Makes no call and changes nothing: hand the document to whoever manages access.
    #[command(
        after_help = "Examples:\n  strongroom policy aws --region eu-west-1 --account 111122223333\n  strongroom policy ssm --mode manage --tag team=data\n  strongroom policy vault --account secret"
    )]
    Policy(policy::Arguments),
    /// Set up a login to Vault: print the commands, in order.
    ///
    /// The login method, a policy for the configured paths, the role, a secret id that is wrapped on its way, and the
    /// options of the backend. Makes no call: run the commands as somebody who may.
    #[command(
        after_help = "Examples:\n  strongroom vault approle\n  strongroom vault approle --mode manage --role-name airflow-admin\n  strongroom vault approle --print-commands"
    )]
    Vault(vault::Arguments),
    /// Measure what a lookup costs from this machine.
    ///
    /// Times lookups that go to the store and lookups that memory answers, counts the calls, and says what the quota allows.
    /// Makes as many lookups as --count says, within `rate_limit`.
    #[command(
        visible_alias = "stats",
        after_help = "Examples:\n  strongroom bench\n  strongroom bench connection smtp_default --count 100"
    )]
    Bench(bench::Arguments),
    /// Print the configuration as environment variables, secrets masked.
    ///
    /// What airflow.cfg, the environment and single keys together say, as two variables.
    /// Options that may hold a secret are masked: complete them by hand.
    #[command(after_help = "Examples:\n  strongroom env\n  strongroom env --config /opt/airflow/airflow.cfg")]
    Env,
    /// List the stores of this build with the Python class and the options of each.
    ///
    /// Needs no configuration and makes no call.
    /// Each option stands with its default and what it is for.
    #[command(after_help = "Examples:\n  strongroom stores\n  strongroom stores memory --json")]
    Stores(stores::Arguments),
    /// Print the script that completes commands in a shell.
    ///
    /// Write it to where your shell looks for completions.
    /// It is made for this very version.
    #[command(
        after_help = "Examples:\n  strongroom completions bash > ~/.local/share/bash-completion/completions/strongroom"
    )]
    Completions(completions::Arguments),
    /// Print the manual page.
    ///
    /// In the language of `man`, with a part for each command.
    /// It is made for this very version.
    #[command(after_help = "Examples:\n  strongroom manual > strongroom.1 && man ./strongroom.1")]
    Manual,
}

/// Runs `arguments`, the program's name first, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = String>) -> u8 {
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => {
            let (outcome, heard) = heard::listen(|| execute(&arguments));
            output::finish(outcome, &heard, arguments.source.json)
        }
        Err(mut help_or_error) => output::usage(&mut help_or_error),
    }
}

fn execute(arguments: &Arguments) -> Result<Report> {
    let source = &arguments.source;
    match &arguments.command {
        Command::Get(arguments) => get::get(source, arguments),
        Command::Reveal(arguments) => get::reveal(source, arguments),
        Command::List(arguments) => list::run(source, arguments),
        Command::Describe(arguments) => describe::run(source, arguments),
        Command::Explain(arguments) => explain::run(source, arguments),
        Command::Lint(arguments) => lint::run(source, arguments),
        Command::Uri(arguments) => uri::run(arguments),
        Command::Doctor(arguments) => Ok(doctor::run(source, arguments)),
        Command::Policy(arguments) => policy::run(source, arguments),
        Command::Vault(arguments) => vault::run(source, arguments),
        Command::Bench(arguments) => bench::run(source, arguments),
        Command::Env => env::run(source),
        Command::Stores(arguments) => Ok(stores::run(arguments)),
        Command::Completions(arguments) => completions::completions(arguments, self::Arguments::command()),
        Command::Manual => completions::manual(self::Arguments::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        self::Arguments::command().debug_assert();
    }

    #[test]
    fn each_help_has_a_purpose_of_three_lines_and_examples() {
        for command in self::Arguments::command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
            assert!(long.lines().count() >= 2, "{name}: {long}");
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.starts_with("Examples:\n  strongroom "), "{name}");
        }
    }
}
