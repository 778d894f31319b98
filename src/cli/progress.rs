//! Progress of long work: only shown on a terminal's standard error, and removed when the work ends.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::screen::is_dumb;

/// A counting line. It is removed from the screen when dropped, so that other output does not overlap it.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Progress of work with `count` steps; `what` is what is counted.
    pub(super) fn of(count: usize, what: &str) -> Self {
        Self::shown(Some(count as u64), &format!("{{pos}}/{{len}} {what} {{bar:30}}"))
    }

    /// Progress of work of unknown length.
    pub(super) fn without_end(what: &str) -> Self {
        Self::shown(None, &format!("{{pos}} {what} {{spinner}}"))
    }

    fn shown(count: Option<u64>, template: &str) -> Self {
        let is_seen = std::io::stderr().is_terminal() && !is_dumb(|name| std::env::var_os(name));
        let target = if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(count, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Adds completed steps.
    pub(super) fn advance(&self, steps: usize) {
        self.0.inc(steps as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
