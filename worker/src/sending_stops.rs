//! Closes and opens the gates of the consumers when operators stop and start channels.

use std::sync::Arc;
use std::time::Duration;

use tidings_db::sending_switches::{SendingSwitch, SendingSwitches};
use tidings_db::{ControlState, Database};

use crate::delivery::{ChannelState, SendingStop};

/// Keeps `control` and the gates of `channels` up to date. Never ends.
pub async fn watch(
    control: Arc<ControlState>,
    database: Database,
    poll: Duration,
    channels: Vec<Arc<ChannelState>>,
) {
    let apply = |switches: &SendingSwitches| {
        for state in &channels {
            let stop = switches.stop_of(state.channel()).cloned();
            state.set_stop(stop.map(SendingStop::from));
        }
    };
    control.watch(&database, poll, apply).await;
}

impl From<SendingSwitch> for SendingStop {
    fn from(switch: SendingSwitch) -> Self {
        Self {
            since: switch.at,
            reason: switch.reason,
        }
    }
}
