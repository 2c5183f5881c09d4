//! Progress of long work on standard error.

use indicatif::{ProgressBar, ProgressStyle};

/// The progress bar appears from this length on.
const PROGRESS_FROM: u64 = 2000;

/// A progress bar on standard error. Draws nothing if standard error is not a terminal, or if there is little to do.
pub fn bar(length: u64) -> ProgressBar {
    if length < PROGRESS_FROM {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    match ProgressStyle::with_template("{bar:40} {human_pos} of {human_len}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A progress bar of the bytes of a file.
pub fn bytes(size: u64) -> ProgressBar {
    let bar = bar(size);
    match ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
