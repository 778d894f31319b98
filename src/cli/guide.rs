//! Set-ups of stores, written out as commands: `strongroom WORD GUIDE`. The stores' entries declare them.

use std::fmt::Write;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::Configured;
use crate::cli::env::shown;
use crate::cli::masked::MASK;
use crate::cli::output::Report;
use crate::cli::policy::{Mode, left_out, of_store};
use crate::cli::setup::Setup;
use crate::cli::words::word_of;
use crate::config::RawValue;
use crate::error::Result;
use crate::redact::shell_quoted;
use crate::store::StoreEntry;
use crate::store::registry::STORES;
use crate::store::tools::{Guide, GuideRequest, GuideStep, Guides};
use crate::value::json as own_json;

#[derive(Debug, Args)]
struct GuideArguments {
    /// What the login may do: what lookups and this command line read, or writing too.
    #[arg(long, value_name = "MODE", default_value = "read")]
    mode: Mode,
    /// The name of role and policy: letters, digits, `_`, `-` and `.`; by default airflow, or airflow-manage.
    #[arg(long, value_name = "NAME")]
    role_name: Option<String>,
    /// The beginning of names that the policy is for, in place of the configured paths. May be given several
    /// times.
    #[arg(long, value_name = "PREFIX")]
    prefix: Vec<String>,
    /// The mount of the KV engine, in place of the configured one.
    #[arg(long, value_name = "MOUNT")]
    mount: Option<String>,
    /// Print the commands alone, without a word between them.
    #[arg(long)]
    print_commands: bool,
}

/// The requested set-up.
#[derive(Debug)]
pub(super) struct Guided {
    entry: &'static StoreEntry,
    guide: &'static Guide,
    asked: Configured<GuideArguments>,
}

/// The stores that have set-ups, each with its word.
fn guided() -> impl Iterator<Item = (&'static str, &'static StoreEntry, &'static Guides)> {
    STORES.iter().filter_map(|entry| Some((word_of(entry)?, entry, entry.tools.guides.as_ref()?)))
}

impl FromArgMatches for Guided {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(ErrorKind::MissingSubcommand);
        let (word, matches) = matches.subcommand().ok_or_else(missing)?;
        let (_, entry, guides) = guided().find(|(known, ..)| *known == word).ok_or_else(missing)?;
        let (word, matches) = matches.subcommand().ok_or_else(missing)?;
        let guide = guides.all.iter().find(|guide| guide.word == word).ok_or_else(missing)?;
        Ok(Self { entry, guide, asked: Configured::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Guided {
    fn augment_subcommands(command: Command) -> Command {
        guided().fold(command, |command, (word, _, guides)| command.subcommand(group(word, guides)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        guided().any(|(word, ..)| word == name)
    }
}

fn group(word: &'static str, guides: &'static Guides) -> Command {
    let group = Command::new(word)
        .about(guides.about)
        .long_about(guides.long_about)
        .subcommand_required(true)
        .arg_required_else_help(true);
    let group = guides.all.iter().fold(group, |group, guide| {
        let command = Configured::<GuideArguments>::augment_args(Command::new(guide.word));
        let command = command.about(guide.about).long_about(guide.long_about);
        group.subcommand(command.after_help(guides.examples))
    });
    group.after_help(guides.examples)
}

/// Prints the commands. Makes no call.
pub(super) fn run(guided: &Guided) -> Result<Report> {
    let Guided { entry, guide, asked: Configured { own: asked, source } } = guided;
    let name = (guide.name)(asked.role_name.as_deref(), asked.mode == Mode::Manage)?;
    let mount = asked.mount.as_deref();
    let (policy, configured) = of_store(source, entry, asked.mode, &asked.prefix, mount)?;
    let may_be_shown = |text: &str| {
        let address = RawValue::Text(text.to_owned());
        shown(entry, "url", &address).as_str() != Some(MASK)
    };
    let written = (guide.write)(&GuideRequest {
        name: &name,
        policy: &policy,
        account: mount,
        configured: configured.as_ref().map(|setup| (&setup.settings.options, &setup.settings.environment)),
        written: configured.iter().flat_map(kept).collect(),
        may_be_shown: &may_be_shown,
    });
    let options: Map<String, Value> =
        written.options.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
    let options = Value::Object(options);
    let steps = &written.steps;
    let class = entry.python_class;
    let text = if asked.print_commands { commands(steps) } else { explained(steps, class, &options) };
    let json = json!({
        "policy": {"name": name, "document": &policy},
        "commands": steps.iter().map(|step| json!({"purpose": step.purpose,
            "command": step.command})).collect::<Vec<_>>(),
        "backend": class,
        "backend_kwargs": options,
    });
    let warnings = configured.iter().flat_map(Setup::warned).chain(left_out(&policy)).collect();
    Ok(Report { warnings, ..Report::done(text, json) })
}

/// The written options, without those that may be secret or have no effect.
fn kept(setup: &Setup) -> Vec<(String, own_json::Value)> {
    let members = setup.chosen.options.iter();
    let shown = members.map(|(key, value)| (key.to_owned(), shown(setup.entry, key, value)));
    shown.filter(|(_, value)| value.as_str() != Some(MASK)).collect()
}

fn plain(value: &own_json::Value) -> Value {
    let written = own_json::write(value);
    written.to_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn commands(steps: &[GuideStep]) -> String {
    let mut text = String::new();
    for step in steps {
        let _ = writeln!(text, "{}", step.command);
    }
    text
}

fn explained(steps: &[GuideStep], class: &str, options: &Value) -> String {
    let mut text = String::new();
    for step in steps {
        let _ = writeln!(text, "# {}\n{}\n", step.purpose, step.command);
    }
    // Airflow replaces names after a dollar sign in what it reads.
    let written = shell_quoted(&options.to_string().replace('$', r"\u0024"));
    text.push_str("# the backend; the words in capitals are yours to fill in\n");
    let _ = writeln!(text, "export AIRFLOW__SECRETS__BACKEND={class}");
    let _ = writeln!(text, "export AIRFLOW__SECRETS__BACKEND_KWARGS={written}");
    text
}
