//! Where a value comes from: a prompt, standard input or a file descriptor.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Write};

use zeroize::Zeroizing;

use crate::cli::uri::whole;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Hidden;

/// How a value is handed in.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct InputOptions {
    /// Read the value from this file descriptor, such as with `3< file`, in place of standard input.
    #[arg(long, value_name = "N")]
    fd: Option<u32>,
    /// Keep a line break at the end of the value, and take an empty value for one.
    #[arg(long)]
    exact: bool,
}

/// Reads a value, which `what` describes in the prompt.
pub(super) fn value(options: &InputOptions, what: &str) -> Result<Zeroizing<String>> {
    let text = match options.fd {
        Some(number) => descriptor(number)?,
        None if io::stdin().is_terminal() => return prompted(what),
        None => read(io::stdin().lock(), "standard input")?,
    };
    if options.exact {
        return Ok(text);
    }
    let stripped = text.strip_suffix('\n').map_or(&**text, |text| text.strip_suffix('\r').unwrap_or(text));
    if stripped.is_empty() {
        return Err(Error::new(ErrorKind::Malformed, format!("there is no {what}"))
            .with_hint("Hand it in on standard input; with --exact an empty text is a value"));
    }
    Ok(Zeroizing::new(stripped.to_owned()))
}

/// Everything that can be read from a file descriptor.
pub(super) fn descriptor(number: u32) -> Result<Zeroizing<String>> {
    let place = format!("file descriptor {number}");
    let file = File::open(format!("/dev/fd/{number}")).map_err(|error| {
        Error::config(format!("{place} is not open for reading"))
            .with_source(error)
            .with_hint(format!("Open it in the shell, such as with `{number}< FILE`"))
    })?;
    read(file, &place)
}

fn read(input: impl io::Read, place: &str) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let is_whole = whole(input, &mut text).map_err(|error| {
        let what =
            if error.kind() == io::ErrorKind::InvalidData { "is not UTF-8" } else { "could not be read" };
        Error::new(ErrorKind::Malformed, format!("{place} {what}"))
    })?;
    is_whole.then_some(text).ok_or_else(|| {
        Error::new(ErrorKind::Malformed, format!("{place} holds more than one MiB"))
            .with_hint("No store keeps a secret of that length; check what was handed in")
    })
}

/// Asks twice, since what is typed is not shown.
fn prompted(what: &str) -> Result<Zeroizing<String>> {
    let first = line(&format!("{what} (not shown): "))?;
    if first.is_empty() {
        return Err(
            Error::new(ErrorKind::Malformed, format!("there is no {what}")).with_hint("Type it, or paste it")
        );
    }
    if *first != *line("again: ")? {
        return Err(Error::new(ErrorKind::Malformed, "the two entries differ, so nothing was written")
            .with_hint("Try again; a longer text is better handed in on standard input"));
    }
    Ok(first)
}

fn line(question: &str) -> Result<Zeroizing<String>> {
    let unread = |error| Error::config("the terminal could not be read").with_source(error);
    let mut output = io::stderr().lock();
    let mut line = Zeroizing::new(String::with_capacity(4096));
    // Before the question: what is typed at once must not be shown either.
    let hidden = Hidden::new().map_err(unread)?;
    write!(output, "{question}").and_then(|()| output.flush()).map_err(unread)?;
    io::stdin().lock().read_line(&mut line).map_err(unread)?;
    drop(hidden);
    let _ = writeln!(output);
    if line.ends_with(Hidden::INTERRUPT) {
        return Err(Error::config("interrupted, so nothing was written"));
    }
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
