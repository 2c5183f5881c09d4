//! Passes requests of operators for probes to the states of the channels.

use std::sync::Arc;
use std::time::Duration;

use tidings_db::{Database, channel_probes};

use crate::delivery::ChannelState;

/// Reads the requests every `poll`, without end.
pub async fn watch(database: Database, poll: Duration, channels: Vec<Arc<ChannelState>>) {
    if channels.is_empty() {
        return std::future::pending().await;
    }
    loop {
        let reading = database.run(async |client| channel_probes::list(client).await);
        match reading.await {
            Ok(probes) => {
                for state in &channels {
                    state.set_probe_request(probes.of(state.channel()));
                }
            }
            // While PostgreSQL is away, the control state logs it.
            Err(error) => tracing::debug!(%error, "cannot read the requests for probes"),
        }
        tokio::time::sleep(poll).await;
    }
}
