//! Which thread this is.

/// Whether this is the first thread of the process, the one on which Python runs signal handlers. In a
/// forked child that is the thread that forked.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn is_main_thread() -> bool {
    // SAFETY: both calls take nothing, cannot fail and touch no memory of ours.
    unsafe { libc::gettid() == libc::getpid() }
}

/// Other systems do not say; asking for signals on another thread costs a look and finds nothing.
#[cfg(not(target_os = "linux"))]
pub fn is_main_thread() -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_spawned_thread_is_not_the_main_thread() {
        assert!(!std::thread::spawn(is_main_thread).join().unwrap());
    }
}
