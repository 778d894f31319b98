//! The help of every command.

use clap::error::ErrorKind;

use super::*;

/// All commands and subcommands, with the words that lead to them.
fn commands() -> Vec<(String, clap::Command)> {
    let mut root = Arguments::command();
    root.build();
    let below = |words: &str, command: &clap::Command| {
        let visible = command.get_subcommands().filter(|command| command.get_name() != "help");
        visible
            .map(|command| (format!("{words} {}", command.get_name()), command.clone()))
            .collect::<Vec<_>>()
    };
    let mut found = below("strongroom", &root);
    let deeper: Vec<_> = found.iter().flat_map(|(words, command)| below(words, command)).collect();
    found.extend(deeper);
    found
}

/// The examples in a help text.
fn examples(command: &clap::Command) -> Vec<String> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = after.strip_prefix("Examples:\n").unwrap_or_default().lines();
    lines.take_while(|line| !line.is_empty()).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn each_help_has_a_purpose_of_two_sentences_and_examples_that_parse() {
    for (words, command) in commands() {
        let about = command.get_long_about().or(command.get_about()).map(ToString::to_string);
        let about = about.unwrap_or_default();
        let sentences =
            about.matches(". ").count() + about.matches(".\n").count() + usize::from(about.ends_with('.'));
        assert!(sentences >= 2 || about.lines().count() >= 3, "{words}: {about}");
        let examples = examples(&command);
        assert!(!examples.is_empty(), "{words}");
        for example in examples {
            assert!(example == words || example.starts_with(&format!("{words} ")), "{words}: {example}");
            // The rest is for the shell.
            let typed = example.split_whitespace().take_while(|word| !["|", ">", "<", "&&"].contains(word));
            let parsed = Arguments::try_parse_from(typed);
            assert!(parsed.is_ok(), "{example}: {:?}", parsed.err());
        }
    }
}

#[test]
fn each_option_says_what_it_is_for() {
    for (words, command) in commands() {
        for argument in command.get_arguments() {
            let help = argument.get_help().or(argument.get_long_help()).map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.len() >= 15, "{words} {}: {help}", argument.get_id());
            if argument.get_id() == "help" || !argument.get_action().takes_values() {
                continue;
            }
            assert!(argument.get_value_names().is_some_and(|names| !names.is_empty()), "{words}");
        }
    }
}

#[test]
fn the_configuration_is_chosen_where_a_command_reads_it() {
    let without =
        ["uri parse", "uri build", "import-config", "key", "stores", "schema", "completions", "manual"];
    // Options of a command are usually typed after its last word.
    for (words, command) in commands().into_iter().filter(|(_, command)| !command.has_subcommands()) {
        let reads = !without.contains(&words.trim_start_matches("strongroom "));
        for option in ["config", "workers"] {
            let has = command.get_arguments().any(|argument| argument.get_id() == option);
            assert_eq!(has, reads, "{words} --{option}");
        }
        assert!(command.get_arguments().any(|argument| argument.get_id() == "json"), "{words}");
    }
    let refused = Arguments::try_parse_from(["strongroom", "stores", "--workers"]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnknownArgument);
}
