//! The command line as a program of its own; the wheel's `strongroom` command runs the same code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(_native::cli::run(std::env::args()))
}
