//! The only place that writes to the terminal.

use std::io::{self, Write};

/// Prints `text` to standard output.
pub(super) fn print(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}

/// Prints clap's help to standard output or its complaint to standard error, and returns the exit code.
pub(super) fn usage(message: &clap::Error) -> u8 {
    // A closed pipe leaves nothing to say and nobody to say it to.
    let _ = message.print();
    if message.use_stderr() { 2 } else { 0 }
}

/// The exit code for how a command ended. A reader that closed the pipe early, such as `head`, is no failure.
pub(super) fn exit_code(result: io::Result<()>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let _ = writeln!(io::stderr(), "strongroom: {error}");
            1
        }
    }
}
