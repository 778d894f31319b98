//! The command line: one file per command.
//!
//! | file | contents |
//! |---|---|
//! | `setup.rs` | from Airflow's configuration to a backend that can be asked |
//! | `subject.rs` | the subject of a command, and how it is looked up |
//! | `masked.rs`, `coordinates.rs`, `dates.rs`, `heard.rs` | connections without secrets, references, moments, warnings |
//! | `output.rs`, `screen.rs`, `progress.rs` | the output of a command, the exit codes, the terminal, and progress |
//! | `words.rs`, `near.rs` | words for stores, and suggestions for mistyped words, ids and classes |
//! | the others | one command each |
//!
//! Exit codes: 0 done; 1 the answer is no (not found, findings); 2 the command line is invalid; 3 the
//! configuration cannot be used; 4 the store did not answer or refused, or a connection is invalid; 5 the
//! output could not be written. No command but `reveal` shows a secret; `import-config --reveal` shows those
//! that it is given, and `key` makes a new one.

mod agent;
mod bench;
mod completions;
mod coordinates;
mod dates;
mod describe;
mod doctor;
mod env;
mod explain;
mod get;
mod guide;
mod heard;
mod import_config;
mod lint;
mod list;
mod masked;
mod near;
mod output;
mod policy;
mod progress;
mod references;
mod schema;
mod screen;
mod seal;
mod setup;
mod stats;
mod stores;
mod subject;
mod uri;
mod words;
mod write;

use clap::{CommandFactory, Parser, Subcommand};

use crate::cli::output::Report;
use crate::cli::setup::Source;
use crate::error::Result;

/// See what Airflow gets from its secrets backend, and why.
///
/// Strongroom reads the configuration that Airflow reads: `AIRFLOW__SECRETS__BACKEND`,
/// `AIRFLOW__SECRETS__BACKEND_KWARGS`, airflow.cfg in `AIRFLOW_HOME`. Run it as the user and with the
/// environment of the component in question.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, after_help = AFTER_HELP)]
struct Arguments {
    /// Print JSON in place of text; docs/command-line.md has its shape.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// A command that uses Airflow's configuration.
#[derive(Debug, clap::Args)]
struct Configured<Own: clap::Args> {
    #[command(flatten)]
    own: Own,
    #[command(flatten)]
    source: Source,
}

/// A command without options of its own.
#[derive(Debug, clap::Args)]
struct Nothing {}

const AFTER_HELP: &str = "\
Examples:
  strongroom doctor
  strongroom explain connection smtp_default

Exit codes:
  0  done
  1  the answer is no: nothing was found, or something was found that should not be
  2  the command line makes no sense
  3  the configuration cannot be used, or the store cannot do what was asked
  4  the store did not answer, or refused; or a connection is invalid
  5  the output could not be written, such as to a full disk

No command but `reveal` shows a value of the store.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a secret is made of, with passwords masked.
    ///
    /// Looks it up as Airflow would, and shows the fields of a connection as `airflow connections get` has
    /// them. The password, the values of extra and the value of a variable are shown as `***`. Exits with 1
    /// if the backend has no such secret; `strongroom explain` then says why.
    #[command(
        after_help = "Examples:\n  strongroom get connection smtp_default\n  strongroom get variable region \
        --json\n  strongroom get connection smtp_default --team payments"
    )]
    Get(Configured<get::Arguments>),
    /// Show the secret itself: the only command that does.
    ///
    /// Looks it up as Airflow would, and prints what Airflow gets, followed by a line break.
    /// What is on the screen may be read by others, and stays in the scrollback.
    #[command(after_help = "Examples:\n  strongroom reveal variable region\n  strongroom reveal connection \
        smtp_default | head -c 20")]
    Reveal(Configured<get::RevealArguments>),
    /// Write a secret, so that Airflow gets it from the store.
    ///
    /// Reads the value from a prompt, standard input or a file descriptor, never from the command line, and
    /// checks it by Airflow's rules before anything is written. A second run with the same value writes
    /// nothing. What is there already is replaced only with --yes, or after a question.
    #[command(
        after_help = "Examples:\n  strongroom set connection smtp_default < connection.txt\n  strongroom set \
        connection db --conn-type postgres --host db.example --login app\n  strongroom set \
        variable region --yes < region.txt"
    )]
    Set(Configured<write::SetArguments>),
    /// Delete a secret.
    ///
    /// Where the store keeps deleted secrets, `strongroom restore` brings it back; --purge deletes it for
    /// good. Exits with 1 if there is no such secret.
    #[command(
        after_help = "Examples:\n  strongroom delete connection smtp_default\n  strongroom delete variable \
        region --yes --json\n  strongroom delete variable region --dry-run"
    )]
    Delete(Configured<write::DeleteArguments>),
    /// Bring a deleted secret back.
    ///
    /// For stores that keep deleted secrets for a while.
    /// Exits with 1 if there is nothing to restore.
    #[command(after_help = "Examples:\n  strongroom restore connection smtp_default\n  strongroom restore \
        connection smtp_default --dry-run")]
    Restore(Configured<write::RestoreArguments>),
    /// List the names that the backend could answer for.
    ///
    /// Goes through the store page by page, and shows what begins with the configured prefixes.
    /// Shows the kind, the id, the name in the store, the age and the tags of each; no value is read.
    #[command(
        after_help = "Examples:\n  strongroom list\n  strongroom list connections --limit 20\n  strongroom \
        list variables config --json"
    )]
    List(Configured<list::Arguments>),
    /// Show what the store knows about a secret besides its value.
    ///
    /// Shows version, dates, tags and the encryption key, as far as the store has them.
    /// The value is not read, so this needs another permission than a lookup.
    #[command(
        after_help = "Examples:\n  strongroom describe connection smtp_default\n  strongroom describe \
        variable region --json"
    )]
    Describe(Configured<describe::Arguments>),
    /// Say where a value comes from, or why it does not come.
    ///
    /// Makes the whole search of a task: the backend of the workers where they have one, the backend, the
    /// environment, and Airflow's database (the metastore), which is named as the last place and not read.
    /// For a config value it makes the search of the scheduler, and with --workers that of code in tasks.
    ///
    /// Shows the names asked for in order, as whom, with what outcome and in what time, what hides what, and
    /// what to do. It makes the calls of exactly one lookup, and after a miss a listing, for ids like it.
    #[command(
        after_help = "Examples:\n  strongroom explain connection smtp_default\n  strongroom explain variable \
        region --team payments\n  strongroom explain config sentry_dsn --json"
    )]
    Explain(Configured<explain::Arguments>),
    /// Parse every connection of the store as Airflow would, and report those that it cannot use.
    ///
    /// Finds malformed secrets, those without a type or with an extra that is not a JSON object, and names
    /// that Airflow's API refuses. Reads each connection once, in as few requests as the store allows; shows
    /// no value. Exits with 1 if anything was found, so that a pipeline stops.
    #[command(after_help = "Examples:\n  strongroom lint\n  strongroom lint --dialect task_sdk_1_3 --json")]
    Lint(Configured<lint::Arguments>),
    /// Check that the secrets which values refer to are there.
    ///
    /// Follows every reference (`secret_coordinate::NAME#KEY`) in a file, or in everything that the store
    /// holds for Airflow, and shows no value. A missing secret is a warning, since it may still be created;
    /// with --strict it is an error. A reference that can never be resolved is one in any case.
    #[command(
        name = "ref",
        after_help = "Examples:\n  strongroom ref check\n  strongroom ref check --strict connections.json"
    )]
    Ref(Configured<references::Arguments>),
    /// Take a connection URI apart, or put one together.
    ///
    /// Reads standard input: any user of the machine can see a secret on a command line.
    /// Escapes what needs escaping, for the version of Airflow that you choose.
    #[command(after_help = "Examples:\n  strongroom uri parse < connection.txt\n  strongroom uri build < \
        fields.json")]
    Uri(uri::Arguments),
    /// Check the configuration, the identity, the permissions and the store.
    ///
    /// Finds what Airflow silently ignores, such as options that are not JSON, and says what to do about
    /// each. Makes a lookup of a name that no one has and a listing of each kind, and one description; with
    /// --offline it makes no call. Exits with 1 if there is a problem.
    #[command(
        after_help = "Examples:\n  strongroom doctor\n  strongroom doctor --offline --strict\n  strongroom \
        doctor --workers --json\n  strongroom doctor --tag AirbyteManaged=true"
    )]
    Doctor(Configured<doctor::Arguments>),
    /// Print the document that allows what the backend needs and nothing else.
    ///
    /// It is made for the configured prefixes, or for those you give, with tags and encryption keys.
    /// Makes no call and changes nothing: give the document to those who manage access.
    #[command(after_help = "Examples:\n  strongroom policy aws --region eu-west-1 --account \
        111122223333\n  strongroom policy ssm --mode manage --tag team=data\n  strongroom policy vault \
        --account secret")]
    Policy(Configured<policy::Arguments>),
    #[command(flatten)]
    Guide(guide::Guided),
    /// Read for all other processes of the host, or ask the agent that does.
    ///
    /// Without an action, or with `run`, this process is the agent, in the foreground: it holds the store,
    /// its logins and the cache, and others ask it through a socket. `status` shows its figures, `stop` ends
    /// it, and `clear` makes the next lookup ask the store.
    #[command(
        after_help = "Examples:\n  strongroom agent\n  strongroom agent status --json\n  strongroom agent \
        clear connection smtp_default\n  strongroom agent stop"
    )]
    Agent(Configured<agent::Arguments>),
    /// Measure what a lookup costs from this machine.
    ///
    /// Times lookups that go to the store and lookups that memory answers, counts the calls, and says what
    /// the quota allows. The lookups count towards the quota of the store, like those of Airflow.
    #[command(
        after_help = "Examples:\n  strongroom bench\n  strongroom bench connection smtp_default --count 100"
    )]
    Bench(Configured<bench::Arguments>),
    /// Sum up what Airflow's lookups have cost, from the audit file.
    ///
    /// How many there were, their outcomes, how long they took, how often the store was asked compared with
    /// its quota, and for which names most often. Reads the file that `audit_path` names, on this machine,
    /// and makes no call.
    #[command(
        after_help = "Examples:\n  strongroom stats\n  strongroom stats --since 24h\n  strongroom stats \
        --file /var/log/airflow/secrets.jsonl --json"
    )]
    Stats(Configured<stats::Arguments>),
    /// Print the configuration as environment variables, secrets masked.
    ///
    /// What airflow.cfg, the environment and single keys together say, as two variables.
    /// Options that may hold a secret are shown as `***`: complete them by hand.
    #[command(after_help = "Examples:\n  strongroom env\n  strongroom env --config \
        /opt/airflow/airflow.cfg\n  strongroom env --workers")]
    Env(Configured<Nothing>),
    /// Turn the configuration of another tool into options of a backend.
    ///
    /// Reads the JSON of a secret storage of Airbyte, the YAML of Kestra's `kestra.secret`, or the JSON of an
    /// external secrets manager of Fivetran, and prints `backend_kwargs` or a stores file.
    /// Secrets are shown as `***` unless --reveal asks for them. Makes no call.
    #[command(after_help = "Examples:\n  strongroom import-config application.yaml\n  strongroom \
        import-config --format toml --reveal airbyte.json > stores.toml")]
    ImportConfig(import_config::Arguments),
    /// Make a random text for the key of sealed values.
    ///
    /// Stores of sealed values (Elasticsearch, databases) keep what their server cannot read; the text of the
    /// key is needed to open it. It has 256 random bits, as letters, digits, `-` and `_`.
    #[command(after_help = "Examples:\n  strongroom key > /etc/airflow/sealing.key")]
    Key,
    /// Seal a value for a store of sealed values, and print the record.
    ///
    /// Reads the value from standard input, without the line break at its end. The names and the key are
    /// those of the configured store, or --key-file names the key; what is printed is no secret.
    /// Makes no call: put the record into the store with its own tools.
    #[command(
        after_help = "Examples:\n  strongroom seal connection smtp_default < connection.txt\n  strongroom \
        seal variable region --format sql --record-version 2 < region.txt"
    )]
    Seal(Configured<seal::Arguments>),
    /// List the stores of this build with the Python class and the options of each.
    ///
    /// Each option has its default and its purpose.
    /// Needs no configuration and makes no call.
    #[command(after_help = "Examples:\n  strongroom stores\n  strongroom stores memory --json")]
    Stores(stores::Arguments),
    /// Print a JSON schema of the options, for editors and pipelines.
    ///
    /// Of a store, of the chain, or of the TOML file that `stores_file` of a chain names.
    /// Needs no configuration and makes no call.
    #[command(
        after_help = "Examples:\n  strongroom schema aws_secrets_manager\n  strongroom schema chain > \
        chain.json\n  strongroom schema stores_file"
    )]
    Schema(schema::Arguments),
    /// Print the script that completes commands in a shell.
    ///
    /// Write it to where your shell looks for completions, and open a new shell.
    /// It is made for this very version.
    #[command(after_help = "Examples:\n  strongroom completions bash > \
        ~/.local/share/bash-completion/completions/strongroom\n  strongroom completions zsh > \
        ~/.zfunc/_strongroom")]
    Completions(completions::Arguments),
    /// Print the manual page.
    ///
    /// It is in the language of `man`, with a part for each command.
    /// It is made for this very version.
    #[command(after_help = "Examples:\n  strongroom manual > strongroom.1 && man ./strongroom.1")]
    Manual,
}

/// Runs `arguments`, the program's name first, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = String>) -> u8 {
    match Arguments::try_parse_from(words::options_last(arguments.into_iter().collect())) {
        Ok(arguments) => {
            let (outcome, heard) = heard::listen(|| execute(&arguments));
            output::finish(outcome, &heard, arguments.json)
        }
        Err(mut help_or_error) => output::usage(&mut help_or_error),
    }
}

/// The names of all commands and subcommands.
fn command_names() -> Vec<String> {
    let root = Arguments::command();
    let name = |command: &clap::Command| command.get_name().to_owned();
    root.get_subcommands()
        .flat_map(|command| [name(command)].into_iter().chain(command.get_subcommands().map(name)))
        .collect()
}

fn execute(arguments: &Arguments) -> Result<Report> {
    match &arguments.command {
        Command::Get(asked) => get::get(&asked.source, &asked.own),
        Command::Reveal(asked) => get::reveal(&asked.source, &asked.own),
        Command::Set(asked) => write::set(&asked.source, &asked.own),
        Command::Delete(asked) => write::delete(&asked.source, &asked.own),
        Command::Restore(asked) => write::restore(&asked.source, &asked.own),
        Command::List(asked) => list::run(&asked.source, &asked.own),
        Command::Describe(asked) => describe::run(&asked.source, &asked.own),
        Command::Explain(asked) => explain::run(&asked.source, &asked.own),
        Command::Lint(asked) => lint::run(&asked.source, &asked.own),
        Command::Ref(asked) => references::run(&asked.source, &asked.own),
        Command::Uri(arguments) => uri::run(arguments),
        Command::Doctor(asked) => Ok(doctor::run(&asked.source, &asked.own)),
        Command::Policy(asked) => policy::run(&asked.source, &asked.own),
        Command::Guide(guided) => guide::run(guided),
        Command::Agent(asked) => agent::run(&asked.source, &asked.own),
        Command::Bench(asked) => bench::run(&asked.source, &asked.own),
        Command::Stats(asked) => stats::run(&asked.source, &asked.own),
        Command::Env(asked) => env::run(&asked.source),
        Command::ImportConfig(arguments) => import_config::run(arguments),
        Command::Key => seal::key(),
        Command::Seal(asked) => seal::seal(asked),
        Command::Stores(arguments) => Ok(stores::run(arguments)),
        Command::Schema(arguments) => Ok(schema::run(arguments)),
        Command::Completions(arguments) => completions::completions(arguments, self::Arguments::command()),
        Command::Manual => completions::manual(self::Arguments::command()),
    }
}

#[cfg(test)]
mod tests;
