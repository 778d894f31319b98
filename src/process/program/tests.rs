//! Tests of `program.rs`.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::error::Error;
use crate::process::Deadline;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A number of seconds that no other process sleeps, to find the command lines of this test.
#[cfg(target_os = "linux")]
fn marker(number: u32) -> String {
    format!("{}.{number}", 1_000_000 + std::process::id())
}

/// How many live processes have `marker` in their command line.
#[cfg(target_os = "linux")]
fn living(marker: &str) -> usize {
    let names = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path().join("cmdline")));
    let lines = names.filter_map(|path| fs::read(path).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(marker)).count()
}

/// Waits until `count` processes have it. A killed one disappears when the kernel has processed the
/// signal.
#[cfg(target_os = "linux")]
async fn until(marker: &str, count: usize) {
    let start = Instant::now();
    while living(marker) != count {
        assert!(start.elapsed() < Duration::from_secs(30), "{} processes", living(marker));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[tokio::test]
async fn what_is_printed_and_the_status_come_back() {
    let program = Program::default();
    let output = program.run(None, || shell("cat; echo out; echo err >&2; exit 3")).await.unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), b"out\n".as_slice()));
    let killed = program.run(None, || shell("kill -9 $$")).await.unwrap();
    assert_eq!(killed.status.code(), None);
    let missing = program.run(None, || Command::new("/nonexistent")).await;
    assert_eq!(missing.unwrap_err(), io::ErrorKind::NotFound);
    let endless = program.run(None, || shell("exec yes")).await;
    assert_eq!(endless.unwrap_err(), io::ErrorKind::FileTooLarge);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn giving_up_leaves_no_process() {
    let marker = marker(1);
    let script = format!("sleep {marker} & (sleep {marker}; :) & wait");
    let mut group = Group::start(shell(&script)).unwrap();
    let leader = group.child.id();
    assert!(tokio::time::timeout(Duration::from_millis(10), group.output()).await.is_err());
    // The shell, the one below it, and two that sleep.
    until(&marker, 4).await;
    drop(group);
    assert!(!Path::new(&format!("/proc/{leader}")).exists(), "not even a dead one");
    until(&marker, 0).await;
}

/// Acts like a handler of SIGCHLD that waits for every child.
#[allow(unsafe_code)]
fn wait_elsewhere(leader: u32) {
    let leader = libc::pid_t::try_from(leader).unwrap();
    // SAFETY: no status is asked for.
    assert_eq!(unsafe { libc::waitpid(leader, std::ptr::null_mut(), 0) }, leader);
}

#[tokio::test]
async fn the_output_counts_if_other_code_has_waited() {
    let mut group = Group::start(shell("echo out; exit 3")).unwrap();
    wait_elsewhere(group.child.id());
    let output = group.output().await.unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"out\n".as_slice()));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_number_that_may_be_another_group_by_now_is_not_killed() {
    let marker = marker(5);
    let group = Group::start(shell(&format!("sleep {marker} & exit"))).unwrap();
    let leader = libc::pid_t::try_from(group.child.id()).unwrap();
    wait_elsewhere(group.child.id());
    drop(group);
    until(&marker, 1).await;
    kill_group(leader);
    until(&marker, 0).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_limit_ends_it() {
    let program = Program::default();
    let marker = marker(2);
    let slow = program.run(Some(Duration::from_millis(20)), || shell(&format!("sleep {marker}; :"))).await;
    assert_eq!(slow.unwrap_err(), io::ErrorKind::TimedOut);
    until(&marker, 0).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_run_serves_the_attempts_of_a_lookup_and_ends_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let runs = directory.path().join("runs");
    let marker = marker(3);
    let script = format!("echo run >> '{}'; sleep {marker}; :", runs.display());
    let program = Program::default();
    let attempt = || tokio::time::timeout(Duration::from_millis(50), program.run(None, || shell(&script)));
    let lookup = async |end: Result<(), Error>| {
        for _ in 0..3 {
            assert!(attempt().await.is_err());
        }
        until(&marker, 2).await;
        end
    };
    let deadline = Deadline::after(Duration::from_secs(60));
    let failed = || Err(Error::internal("no answer"));
    assert!(deadline.run(lookup(failed())).await.is_err());
    assert_eq!(lines(&runs), 1);
    until(&marker, 0).await;
    // A lookup that succeeds by other means leaves it to the next one.
    deadline.run(lookup(Ok(()))).await.unwrap();
    assert_eq!(living(&marker), 2);
    assert!(deadline.run(lookup(failed())).await.is_err());
    assert_eq!(lines(&runs), 2);
    until(&marker, 0).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_run_that_was_left_too_long_is_killed_and_another_started() {
    let directory = tempfile::tempdir().unwrap();
    let runs = directory.path().join("runs");
    let marker = marker(4);
    let script = format!("echo run >> '{}'; sleep {marker}; :", runs.display());
    let program = Program { clock: Clock::manual(), ..Program::default() };
    let lookup = async || {
        let attempt = program.run(None, || shell(&script));
        assert!(tokio::time::timeout(Duration::from_millis(20), attempt).await.is_err());
        until(&marker, 2).await;
        Ok(())
    };
    let deadline = Deadline::after(Duration::from_secs(60));
    for (pause, count) in [(0, 1), (59, 1), (1, 2)] {
        program.clock.advance(Duration::from_secs(pause));
        deadline.run(lookup()).await.unwrap();
        assert_eq!(lines(&runs), count);
    }
    drop(program);
    until(&marker, 0).await;
}

#[tokio::test]
async fn concurrent_callers_share_the_run_and_later_ones_start_another() {
    let directory = tempfile::tempdir().unwrap();
    let runs = directory.path().join("runs");
    let script = format!("echo run >> '{}'; sleep 0.2; echo done", runs.display());
    let program = Program::default();
    let ask = || program.run(None, || shell(&script));
    let lookup = async {
        let (first, second) = tokio::join!(ask(), ask());
        assert_eq!(first.unwrap().stdout, second.unwrap().stdout);
        assert_eq!(lines(&runs), 1);
        ask().await.unwrap();
        Ok(())
    };
    Deadline::after(Duration::from_secs(60)).run(lookup).await.unwrap();
    assert_eq!(lines(&runs), 2);
}
