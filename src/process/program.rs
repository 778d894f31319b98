//! Programs that print credentials: started for a lookup, and ended with it, including the processes that
//! they started.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::process::kept::{Kept, keep};
use crate::process::{Clock, Generation, Timestamp, generation};

/// The most output of a program that is read, in bytes: a token has a few thousand.
const LARGEST_OUTPUT: u64 = 1024 * 1024;

/// How often the end of a killed program is awaited, with a pause of a millisecond each, so that no dead
/// process remains. It usually takes one attempt.
const REAP_ATTEMPTS: u32 = 100;
const REAP_PAUSE: Duration = Duration::from_millis(1);

/// The pauses between checks whether a program that has closed its output has ended. Usually the first check
/// succeeds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The output and status of a program, or why they are unknown: it could not be started, took too long
/// (`TimedOut`), or printed more than a token has (`FileTooLarge`).
pub type Outcome = Result<Output, io::ErrorKind>;

/// Whether such a run may succeed the next time: it was slow, or the system could not start another process.
pub fn may_pass(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory)
}

type Run = Shared<BoxFuture<'static, Outcome>>;

/// How long a run that a lookup left behind can be taken over by the next one: its output is still recent
/// then.
const LEFT_FOR: Duration = Duration::from_mins(1);

/// One program with at most one run under way: concurrent callers wait for the same run.
///
/// A run outlives the attempt that started it, since the next attempt of the lookup would only start another.
/// When the last lookup that waits for it fails, it is killed with every process of its group. A lookup that
/// succeeds without it, because there was an old value to serve, leaves it to the next one: otherwise a
/// program that takes longer than a refresh may take would never finish.
#[derive(Debug, Default)]
pub struct Program {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Started>,
    /// The run, while no lookup waits for it.
    left: Option<Run>,
}

#[derive(Debug)]
struct Started {
    owner: Generation,
    since: Timestamp,
    run: WeakShared<BoxFuture<'static, Outcome>>,
}

impl Program {
    /// Runs the result of `command`, for `limit` at most, or joins the run under way. Its standard input is
    /// empty, and its standard error is discarded.
    pub async fn run(&self, limit: Option<Duration>, command: impl FnOnce() -> Command) -> Outcome {
        let run = self.join(limit, command);
        keep(Waiting { run: run.clone(), state: Arc::clone(&self.state) });
        run.await
    }

    fn join(&self, limit: Option<Duration>, command: impl FnOnce() -> Command) -> Run {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        // Taken in any case: a run that is joined below is kept alive by its callers, any other ends here.
        let left = state.left.take();
        // A program that the parent process started is not a child of this one and cannot be waited for.
        let present = state.running.as_ref().filter(|started| started.owner == generation());
        let present = present.filter(|started| left.is_none() || now.since(started.since) < LEFT_FOR);
        // A caller that comes after the end of a run wants a new answer.
        let present = present.and_then(|started| started.run.upgrade()).filter(|run| run.peek().is_none());
        present.unwrap_or_else(|| {
            let run = run_once(command(), limit).boxed().shared();
            let started = |run| Started { owner: generation(), since: now, run };
            state.running = run.downgrade().map(started);
            run
        })
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lookup that waits for a run.
struct Waiting {
    run: Run,
    state: Arc<Mutex<State>>,
}

impl Kept for Waiting {
    fn leave(self: Box<Self>) {
        if self.run.peek().is_none() {
            lock(&self.state).left = Some(self.run);
        }
    }
}

async fn run_once(command: Command, limit: Option<Duration>) -> Outcome {
    let whole = async {
        let mut group = Group::start(command).map_err(|error| error.kind())?;
        group.output().await
    };
    match limit {
        Some(limit) => tokio::time::timeout(limit, whole).await.unwrap_or(Err(io::ErrorKind::TimedOut)),
        None => whole.await,
    }
}

/// A program in a process group of its own. If it has not ended when this is dropped, the whole group is
/// killed.
///
/// Does not use tokio's processes: they install a handler for SIGCHLD if a wait fails, and a process that
/// ignores that signal would no longer do so.
#[derive(Debug)]
struct Group {
    child: Child,
    has_ended: bool,
}

impl Group {
    fn start(mut command: Command) -> io::Result<Self> {
        // Its own process group, so that the programs it starts in turn are killed with it.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        Ok(Self { child: command.spawn()?, has_ended: false })
    }

    /// Reads all output, then waits for the end: a program that has ended keeps its number until it has been
    /// waited for, so the number of the group cannot be reused until then.
    async fn output(&mut self) -> Outcome {
        let stdout = self.printed().await.map_err(|error| error.kind())?;
        if stdout.len() as u64 > LARGEST_OUTPUT {
            return Err(io::ErrorKind::FileTooLarge);
        }
        let status = self.end().await.map_err(|error| error.kind())?;
        Ok(Output { status, stdout, stderr: Vec::new() })
    }

    async fn printed(&mut self) -> io::Result<Vec<u8>> {
        let mut printed = Vec::new();
        if let Some(pipe) = self.child.stdout.take() {
            // One byte more than the limit, to notice that there is more.
            let pipe = Receiver::from_owned_fd(OwnedFd::from(pipe))?;
            pipe.take(LARGEST_OUTPUT + 1).read_to_end(&mut printed).await?;
        }
        Ok(printed)
    }

    async fn end(&mut self) -> io::Result<ExitStatus> {
        let mut pause = SHORTEST_PAUSE;
        loop {
            if let Some(status) = self.try_end()? {
                return Ok(status);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The status, if the program has ended. If this process ignores SIGCHLD, or other code in it waits for
    /// every child, the status is lost: that counts as success, as in Python's `subprocess`, and the output
    /// decides.
    fn try_end(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = match self.child.try_wait() {
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Some(ExitStatus::default()),
            other => other?,
        };
        self.has_ended |= status.is_some();
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Ok(leader) = libc::pid_t::try_from(self.child.id()) else { return };
        if self.has_ended || !is_our_child(leader) {
            return;
        }
        kill_group(leader);
        for _ in 0..REAP_ATTEMPTS {
            if !matches!(self.try_end(), Ok(None)) {
                return;
            }
            std::thread::sleep(REAP_PAUSE);
        }
        tracing::debug!("a program that was killed has not ended yet");
    }
}

/// Whether `process` has not been waited for, alive or not: until then its number is not reused.
#[allow(unsafe_code)]
fn is_our_child(process: libc::pid_t) -> bool {
    let Ok(process) = libc::id_t::try_from(process) else { return false };
    let mut state = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `state` is writable and large enough, and the call leaves the child as it is (WNOWAIT).
    unsafe { libc::waitid(libc::P_PID, process, state.as_mut_ptr(), options) == 0 }
}

/// Kills every process of the group that `leader` heads. The caller has not waited for `leader` yet.
#[allow(unsafe_code)]
fn kill_group(leader: libc::pid_t) {
    // SAFETY: `killpg` touches no memory of ours. The number is that of our own child, which has not been
    // waited for: it is never 0 or 1, and no other process has it.
    unsafe { libc::killpg(leader, libc::SIGKILL) };
}

#[cfg(test)]
mod tests {
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
        let names =
            fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path().join("cmdline")));
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
        let slow =
            program.run(Some(Duration::from_millis(20)), || shell(&format!("sleep {marker}; :"))).await;
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
        let attempt =
            || tokio::time::timeout(Duration::from_millis(50), program.run(None, || shell(&script)));
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
}
