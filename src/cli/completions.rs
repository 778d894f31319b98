//! `strongroom completions` and `strongroom manual`: what shells and `man` want to know.

use clap::Command;
use serde_json::json;

use crate::cli::output::Report;
use crate::error::{Error, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell to complete in.
    shell: clap_complete::Shell,
}

/// The script that completes commands and options in a shell.
pub(super) fn completions(arguments: &Arguments, mut command: Command) -> Result<Report> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "strongroom", &mut script);
    as_report(script, "completions")
}

/// The manual page, in the language of `man`, with every command after the other.
pub(super) fn manual(command: Command) -> Result<Report> {
    let mut page = Vec::new();
    let mut render = |command: Command| clap_mangen::Man::new(command).render(&mut page);
    let commands: Vec<_> = command.get_subcommands().cloned().collect();
    render(command)
        .and_then(|()| {
            let named = |command: Command| {
                let name = format!("strongroom-{}", command.get_name());
                command.name(name)
            };
            commands.into_iter().map(named).try_for_each(render)
        })
        .map_err(|error| Error::internal("the manual page could not be made").with_source(error))?;
    as_report(page, "manual")
}

fn as_report(bytes: Vec<u8>, key: &str) -> Result<Report> {
    let text = String::from_utf8(bytes).map_err(|_| Error::internal("the text is not Unicode"))?;
    let json = json!({key: text});
    Ok(Report::done(text, json))
}
