//! How long work shows itself: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of a piece of work whose steps are counted. Written to standard
/// error, so that standard output holds results only.
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins; the number of steps comes with each step.
    pub fn begin(what: &str) -> Progress {
        if !console::user_attended_stderr() {
            eprintln!("{what} …");
            return Progress { bar: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len} {wide_msg}");
        // The template is fixed; the default style stands in if it were wrong.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(what.to_owned());
        Progress { bar: Some(bar) }
    }

    /// Says what is being done, and that `done` of `all` steps are behind it.
    pub fn step(&self, done: usize, all: usize, what: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(all as u64);
                bar.set_position(done as u64);
                bar.set_message(what.to_owned());
            }
            None => eprintln!("  {}/{all} {what}", done + 1),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
