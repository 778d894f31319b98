//! `strongroom completions` and `strongroom manual`: the data for shells and `man`.

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

/// The manual page, in the format of `man`, with each command followed by its subcommands.
pub(super) fn manual(command: Command) -> Result<Report> {
    let mut command = command.disable_help_subcommand(true);
    // Adds the global options and the full names to the commands.
    command.build();
    let mut page = Vec::new();
    render(&command, &mut page)
        .map_err(|error| Error::internal("the manual page could not be made").with_source(error))?;
    as_report(page, "manual")
}

/// The section of `command`, then those of its subcommands.
fn render(command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let source = concat!("strongroom ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command.clone()).source(source).render(page)?;
    command.get_subcommands().try_for_each(|below| render(below, page))
}

fn as_report(bytes: Vec<u8>, key: &str) -> Result<Report> {
    let text = String::from_utf8(bytes).map_err(|_| Error::internal("the text is not Unicode"))?;
    let json = json!({key: text});
    Ok(Report::done(text, json).exact())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Arguments as Everything;

    /// The section of the page about `name`.
    fn part<'page>(page: &'page str, name: &str) -> &'page str {
        let begin = page.find(&format!(".TH {name} 1 ")).unwrap_or_else(|| panic!("no part about {name}"));
        let rest = &page[begin + 4..];
        &rest[..rest.find(".TH ").unwrap_or(rest.len())]
    }

    fn check(page: &str, command: &Command) {
        let name = command.get_display_name().unwrap_or("strongroom");
        let part = part(page, name);
        let synopsis = command.get_bin_name().unwrap_or("strongroom").replace('-', "\\-");
        assert!(part.contains(&format!(".SH SYNOPSIS\n\\fB{synopsis}\\fR")), "{name}");
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            let written = format!("\\fB\\-\\-{}\\fR", option.replace('-', "\\-"));
            assert!(part.contains(&written), "{name} --{option}");
        }
        command.get_subcommands().for_each(|below| check(page, below));
    }

    #[test]
    fn the_manual_has_every_option_of_every_command() {
        let page = manual(Everything::command()).unwrap().text;
        let mut command = Everything::command().disable_help_subcommand(true);
        command.build();
        check(&page, &command);
        assert!(part(&page, "strongroom-vault-approle").contains("print\\-commands"));
        assert!(part(&page, "strongroom-uri-build").contains("dialect"));
    }
}
