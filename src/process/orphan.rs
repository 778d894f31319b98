//! Whether the first process of the system, or of the container, waits for those whose parent has ended.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A shell that ends before its child, whose number it prints.
const ORPHAN: &str = "sleep 0.05 >/dev/null 2>&1 & echo $!";

/// How long one that has ended may wait to be noticed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a process whose parent has ended is gone soon after its own end; `None` where that cannot be
/// tried.
pub fn orphans_are_reaped() -> Option<bool> {
    let shell =
        Command::new("/bin/sh").args(["-c", ORPHAN]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let orphan: u32 = String::from_utf8(shell.ok()?.stdout).ok()?.trim().parse().ok()?;
    state(std::process::id())?;
    let end = Instant::now() + PATIENCE;
    loop {
        match (state(orphan), Instant::now() < end) {
            (None, _) => return Some(true),
            (Some(_), true) => sleep(Duration::from_millis(10)),
            (Some(state), false) => return (state == 'Z').then_some(false),
        }
    }
}

/// The state of a process in `/proc` (`proc_pid_stat(5)`); `None` if there is no such process, or no `/proc`.
fn state(process: u32) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may have any character.
    text.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_runs_and_no_process_has_the_number_zero() {
        if cfg!(target_os = "linux") {
            assert!(super::state(std::process::id()).is_some_and(|state| "RS".contains(state)));
        }
        assert_eq!(super::state(0), None);
    }
}
