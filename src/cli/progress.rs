//! How far long work is: on the standard error of a terminal alone, and gone when the work ends.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::screen::is_dumb;

/// A line that counts. It is taken off the screen when it is dropped, so that nothing is written over it.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Of work that is done after `count` steps; `what` is what is counted.
    pub(super) fn of(count: usize, what: &str) -> Self {
        Self::shown(Some(count as u64), &format!("{{pos}}/{{len}} {what} {{bar:30}}"))
    }

    /// Of work whose end is not known.
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

    /// So many steps more are done.
    pub(super) fn advance(&self, steps: usize) {
        self.0.inc(steps as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
