//! How a program leaves: the first signal asks, the second or the deadline ends.

use std::process;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a program that had to leave work unfinished.
pub const EXIT_UNFINISHED: i32 = 1;

/// Watches SIGTERM and SIGINT from now on.
///
/// The returned token is cancelled by the first signal: whoever holds it stops taking work and
/// finishes what is in flight. A second signal, or `timeout` after the first, ends the process at
/// once with [`EXIT_UNFINISHED`]. Nothing is lost by that: what was not acknowledged is delivered
/// again.
///
/// # Errors
///
/// Where the process may not install signal handlers.
pub fn on_signal(timeout: Duration) -> std::io::Result<CancellationToken> {
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let stopping = CancellationToken::new();
    let token = stopping.clone();
    tokio::spawn(async move {
        let name = signals.next().await;
        tracing::info!(
            signal = name,
            timeout_secs = timeout.as_secs(),
            "stopping: finishing what is in flight"
        );
        stopping.cancel();
        tokio::select! {
            name = signals.next() => tracing::warn!(signal = name, "second signal: leaving work unfinished"),
            () = tokio::time::sleep(timeout) => tracing::error!(timeout_secs = timeout.as_secs(), "deadline passed: leaving work unfinished"),
        }
        process::exit(EXIT_UNFINISHED);
    });
    Ok(token)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
