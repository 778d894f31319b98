//! The width of a terminal, and what is typed without being shown.

#[cfg(feature = "cli")]
use std::io;
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

/// While it lives, the terminal of standard input shows nothing of what is typed. Ctrl-C then ends the line in
/// place of the process, which would leave the terminal as it is.
#[cfg(feature = "cli")]
pub struct Hidden(libc::termios);

#[cfg(feature = "cli")]
impl Hidden {
    /// What ends a line if Ctrl-C is typed.
    pub const INTERRUPT: char = '\u{3}';

    /// Hides what is typed; an error if standard input is no terminal.
    #[allow(unsafe_code)]
    pub fn new() -> io::Result<Self> {
        // SAFETY: a `termios` of zeros is valid, and tcgetattr fills it (termios(3)).
        let mut before: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: as above; the descriptor need not be open, then the call fails.
        if unsafe { libc::tcgetattr(libc::STDIN_FILENO, &raw mut before) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut hidden = before;
        hidden.c_lflag &= !(libc::ECHO | libc::ISIG);
        if let Some(end) = hidden.c_cc.get_mut(libc::VEOL) {
            *end = 3;
        }
        set(&hidden)?;
        Ok(Self(before))
    }
}

#[cfg(feature = "cli")]
impl Drop for Hidden {
    fn drop(&mut self) {
        // There is nothing to be done about a terminal that is gone.
        let _ = set(&self.0);
    }
}

#[cfg(feature = "cli")]
#[allow(unsafe_code)]
fn set(attributes: &libc::termios) -> io::Result<()> {
    // SAFETY: tcsetattr reads one `termios`, which outlives the call (termios(3)).
    let outcome = unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &raw const *attributes) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    #[test]
    fn a_file_has_no_width() {
        assert_eq!(super::terminal_width(tempfile::tempfile().unwrap().as_fd()), None);
    }
}
