//! Progress bars.

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on standard error. Draws nothing if standard error is not a terminal.
#[must_use]
pub fn bar(count: u64, what: &'static str) -> ProgressBar {
    const TEMPLATE: &str = "{msg:26} [{bar:40}] {pos}/{len}  {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::new(count).with_style(style).with_message(what)
}
