//! The command line as a program of its own; the wheel's `strongroom` command runs the same code.

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    // The text of a panic could show a value.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let _ = writeln!(io::stderr(), "strongroom: an internal error{}", place.unwrap_or_default());
    }));
    // An argument that is not Unicode cannot name anything here, and must not end in a panic.
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    ExitCode::from(_native::cli::run(arguments))
}
