use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::database::Database;
use crate::sending_switches::{self, SendingSwitches};

/// Time between two tries until the state has been read once.
const FIRST_READ_INTERVAL: Duration = Duration::from_millis(200);

/// What operators have set for all processes, as this process last read it. While PostgreSQL is away, what is known stays
/// in force.
#[derive(Debug, Default)]
pub struct ControlState(watch::Sender<Option<Arc<SendingSwitches>>>);

impl ControlState {
    /// The switches; none before they have been read.
    #[must_use]
    pub fn switches(&self) -> Arc<SendingSwitches> {
        self.0.borrow().clone().unwrap_or_default()
    }

    /// Waits until the state has been read and applied once.
    pub async fn until_known(&self) {
        let mut state = self.0.subscribe();
        // Fails only without a sender, and `self` is the sender.
        let _ = state.wait_for(Option::is_some).await;
    }

    /// Reads the state every `poll`, without end, and passes it to `apply`.
    pub async fn watch(
        &self,
        database: &Database,
        poll: Duration,
        apply: impl Fn(&SendingSwitches),
    ) {
        // Whether the log says already that PostgreSQL cannot be asked.
        let mut reported = false;
        loop {
            let read = database.run(async |client| sending_switches::list(client).await);
            match read.await {
                Ok(switches) => {
                    reported = false;
                    apply(&switches);
                    self.0.send_replace(Some(Arc::new(switches)));
                }
                Err(error) if !reported => {
                    reported = true;
                    tracing::warn!(%error, "cannot read which channels are stopped; what is known stays in force");
                }
                Err(error) => tracing::debug!(%error, "cannot read which channels are stopped"),
            }
            let is_known = self.0.borrow().is_some();
            let pause = if is_known {
                poll
            } else {
                poll.min(FIRST_READ_INTERVAL)
            };
            tokio::time::sleep(pause).await;
        }
    }
}
