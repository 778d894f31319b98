//! The width of a terminal.

use std::os::fd::{AsRawFd, BorrowedFd};

/// The columns of the terminal behind `descriptor`; `None` if it is not a terminal, or does not report them.
#[allow(unsafe_code)]
pub fn terminal_width(descriptor: BorrowedFd<'_>) -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open while it is borrowed, and TIOCGWINSZ writes one `winsize`, which
    // outlives the call (ioctl_tty(2)).
    let outcome = unsafe { libc::ioctl(descriptor.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (outcome == 0 && size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    #[test]
    fn a_file_has_no_width() {
        assert_eq!(super::terminal_width(tempfile::tempfile().unwrap().as_fd()), None);
    }
}
