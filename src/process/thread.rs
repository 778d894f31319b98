//! The number of the current thread, and which threads have ended.

use std::time::{Duration, Instant};

/// The pause between checks whether a thread has ended. Usually the first check succeeds.
const PAUSE: Duration = Duration::from_micros(20);

/// The kernel's number of a thread.
pub type ThreadNumber = i32;

/// Whether this is the first thread of the process, the one on which Python runs signal handlers. In a
/// forked child that is the thread that forked.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn is_main_thread() -> bool {
    // SAFETY: both calls take nothing, cannot fail and touch no memory of ours.
    unsafe { libc::gettid() == libc::getpid() }
}

/// Other systems do not report this; checking for signals on another thread costs little and finds none.
#[cfg(not(target_os = "linux"))]
pub fn is_main_thread() -> bool {
    true
}

/// The number of the calling thread; zero where the system has none.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn thread_number() -> ThreadNumber {
    // SAFETY: it takes nothing, cannot fail and touches no memory of ours.
    unsafe { libc::gettid() }
}

/// The number of the calling thread; zero where the system has none.
#[cfg(not(target_os = "linux"))]
pub fn thread_number() -> ThreadNumber {
    0
}

/// Whether the process still has a thread with this number: one that is ending counts until the kernel has
/// released it.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn is_alive(thread: ThreadNumber) -> bool {
    // SAFETY: signal 0 is not delivered; the call only reports whether there is such a thread.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) == 0 }
}

/// Other systems do not report this.
#[cfg(not(target_os = "linux"))]
fn is_alive(_thread: ThreadNumber) -> bool {
    false
}

/// Waits until `threads`, which are about to end, are gone, but no longer than `limit`. Returns those that
/// are left.
pub fn until_gone(mut threads: Vec<ThreadNumber>, limit: Duration) -> Vec<ThreadNumber> {
    let end = Instant::now() + limit;
    loop {
        threads.retain(|thread| is_alive(*thread));
        if threads.is_empty() || Instant::now() >= end {
            return threads;
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_is_waited_for_until_it_has_gone_or_time_is_up() {
        let ((say, hear), (stop, stopped)) = (channel(), channel::<()>());
        let thread = std::thread::spawn(move || {
            say.send(thread_number()).unwrap();
            let _ = stopped.recv();
        });
        let number = hear.recv().unwrap();
        assert_eq!(until_gone(vec![number], Duration::from_millis(1)), [number]);
        drop(stop);
        assert!(until_gone(vec![number], Duration::from_secs(10)).is_empty());
        thread.join().unwrap();
    }

    #[test]
    fn a_spawned_thread_is_not_the_main_thread() {
        assert!(!std::thread::spawn(is_main_thread).join().unwrap());
    }
}
