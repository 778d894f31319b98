//! What the agent needs of the system: who is at the other end of a socket, and a process that keeps
//! nothing of the one that started it.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, RawFd};
use std::os::unix::net::UnixListener;

/// The process that connected to, or listens at, the other end of a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its effective user.
    pub user: u32,
    /// Its groups, the effective one first.
    pub groups: Vec<u32>,
}

/// The most groups of a process (`NGROUPS_MAX` of Linux).
#[cfg(target_os = "linux")]
const MOST_GROUPS: usize = 65_536;

/// Who is at the other end of a Unix socket.
pub fn peer(socket: BorrowedFd<'_>) -> Option<Peer> {
    let (user, group) = peer_ids(socket)?;
    let mut groups = vec![group];
    groups.extend(further_groups(socket));
    Some(Peer { user, groups })
}

/// The effective user of the process at the other end of a Unix socket.
pub fn peer_user(socket: BorrowedFd<'_>) -> Option<u32> {
    peer_ids(socket).map(|(user, _)| user)
}

/// The further groups of the process at the other end, as they were when it connected.
#[allow(unsafe_code)]
#[cfg(target_os = "linux")]
fn further_groups(socket: BorrowedFd<'_>) -> Vec<u32> {
    let mut groups = vec![0_u32; 64];
    loop {
        let Ok(mut length) = libc::socklen_t::try_from(size_of_val(groups.as_slice())) else {
            return Vec::new();
        };
        // SAFETY: the descriptor is open while it is borrowed; the system writes at most `length` bytes into
        // `groups`, and both outlive the call (unix(7), SO_PEERGROUPS).
        let outcome = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = usize::try_from(length).unwrap_or_default() / size_of::<u32>();
        if outcome == 0 {
            groups.truncate(count);
            return groups;
        }
        // Too little room is an error that says how much is needed.
        if count <= groups.len() || count > MOST_GROUPS {
            return Vec::new();
        }
        groups.resize(count, 0);
    }
}

/// The further groups of the process at the other end, which only Linux tells.
#[cfg(not(target_os = "linux"))]
fn further_groups(_: BorrowedFd<'_>) -> Vec<u32> {
    Vec::new()
}

#[allow(unsafe_code)]
#[cfg(target_os = "linux")]
fn peer_ids(socket: BorrowedFd<'_>) -> Option<(u32, u32)> {
    let mut peer = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).ok()?;
    // SAFETY: the descriptor is open while it is borrowed; the system writes at most `length` bytes into
    // `peer`, and both outlive the call (unix(7), SO_PEERCRED).
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    (outcome == 0).then_some((peer.uid, peer.gid))
}

#[allow(unsafe_code)]
#[cfg(not(target_os = "linux"))]
fn peer_ids(socket: BorrowedFd<'_>) -> Option<(u32, u32)> {
    let (mut user, mut group) = (u32::MAX, u32::MAX);
    // SAFETY: the descriptor is open while it is borrowed, and both numbers outlive the call (getpeereid(3)).
    let outcome = unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut user, &raw mut group) };
    (outcome == 0).then_some((user, group))
}

/// The first descriptor that a service manager passes (`SD_LISTEN_FDS_START` in `sd_listen_fds(3)`).
const FIRST_PASSED: RawFd = 3;

/// The socket on which a service manager has started this process, by its variables `LISTEN_PID` and
/// `LISTEN_FDS` (`sd_listen_fds(3)`); `None` if it has passed none, several, or another kind of descriptor.
/// Call it once, before anything is opened.
#[allow(unsafe_code)]
pub fn passed_listener(process: Option<&str>, count: Option<&str>) -> Option<UnixListener> {
    if process?.parse() != Ok(std::process::id()) || count? != "1" {
        return None;
    }
    // SAFETY: the variables say that this process owns the descriptor, and nothing else has taken it.
    if unsafe { libc::fcntl(FIRST_PASSED, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
        return None;
    }
    // SAFETY: it is open, as the call before has shown, and nothing else uses it.
    let listener = unsafe { UnixListener::from_raw_fd(FIRST_PASSED) };
    listener.set_nonblocking(true).ok()?;
    Some(listener)
}

/// Closes every descriptor but the three standard ones, and gives signals their usual effect. Call it at the
/// start of a process of its own, before anything is open. SIGPIPE stays ignored, as Python has it: a client
/// that goes away must not end the process.
#[allow(unsafe_code)]
pub fn forget_parent() {
    let open: Vec<RawFd> = std::fs::read_dir("/dev/fd")
        .map(|list| list.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // SAFETY: nothing of this process uses a descriptor that it has not opened itself; the one of the
        // listing is closed already, and closing it again is an error without effect (close(2)).
        unsafe { libc::close(descriptor) };
    }
    for signal in [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTERM,
        libc::SIGALRM,
        libc::SIGUSR1,
        libc::SIGCHLD,
    ] {
        // SAFETY: the default action is valid for each of these signals, and no handler is installed.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_socket_for_another_process_is_not_taken() {
        let own = std::process::id().to_string();
        for (process, count) in [(None, None), (Some("1"), Some("1")), (Some(own.as_str()), Some("2"))] {
            assert!(super::passed_listener(process, count).is_none());
        }
    }

    #[test]
    fn both_ends_of_a_pair_are_of_this_user() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(super::peer_user(one.as_fd()), Some(crate::process::effective_user()));
        assert_eq!(super::peer_user(tempfile::tempfile().unwrap().as_fd()), None);
        let peer = super::peer(one.as_fd()).unwrap();
        assert_eq!(peer.user, crate::process::effective_user());
        assert!(!peer.groups.is_empty());
    }
}
