//! Shutdown: the first signal starts it, the second signal or the deadline ends the process.

use std::process;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::tasks::vital;

/// The exit code of a process that ended with unfinished work.
pub const EXIT_UNFINISHED: i32 = 1;

/// Starts to handle SIGTERM and SIGINT.
///
/// The first signal cancels the returned token: the program takes no more work and finishes what is in flight. A
/// second signal, or `timeout` after the first, ends the process at once with [`EXIT_UNFINISHED`]. Nothing is lost,
/// because the broker delivers unacknowledged messages again.
///
/// # Errors
///
/// Returns an error if the process may not install signal handlers.
pub fn on_signal(timeout: Duration) -> std::io::Result<CancellationToken> {
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let stopping = CancellationToken::new();
    let token = stopping.clone();
    let handling = async move {
        let name = signals.next().await;
        tracing::info!(
            signal = name,
            timeout_secs = timeout.as_secs(),
            "stopping: finishing work in flight"
        );
        stopping.cancel();
        tokio::select! {
            name = signals.next() => tracing::warn!(signal = name, "second signal: exiting with unfinished work"),
            () = tokio::time::sleep(timeout) => tracing::error!(timeout_secs = timeout.as_secs(), "shutdown timeout passed: exiting with unfinished work"),
        }
        process::exit(EXIT_UNFINISHED);
    };
    tokio::spawn(vital::<()>("signals", handling));
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
