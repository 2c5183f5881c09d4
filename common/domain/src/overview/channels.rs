use jiff::Timestamp;
use serde::Serialize;

use super::facts::{ChannelSwitch, Facts, QueueRole};
use super::report::ChannelReport;
use crate::notification::DeliveredChannel;

/// A channel, as all workers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelOverview {
    /// The channel.
    pub channel: &'static str,
    /// `delivering`; `paused`: the provider limits the rate; `away`: the provider is down; `stopped`: by an operator;
    /// `no_worker`: no worker delivers it; `unknown`: PostgreSQL cannot be asked.
    pub state: &'static str,
    /// The provider; null if no worker delivers the channel.
    pub provider: Option<String>,
    /// Since when it is away or stopped.
    pub since: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// How many destinations are down, as the worker sees it that knows of most; webhooks only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations_away: Option<u64>,
    /// Ready messages in its queue; null if the broker does not answer.
    pub depth: Option<u32>,
    /// Consumers of its queue; null if the broker does not answer.
    pub consumers: Option<u32>,
    /// How many workers deliver it.
    pub workers: usize,
    /// Whether an operator has stopped it.
    pub stopped: bool,
    /// Who stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<ChannelStop>,
}

/// Who stopped a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelStop {
    /// The subject of the token, or the tool.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl From<&ChannelSwitch> for ChannelStop {
    fn from(switch: &ChannelSwitch) -> Self {
        Self {
            by: switch.by.clone(),
            reason: switch.reason.clone(),
            at: switch.at,
        }
    }
}

/// Every channel that sends to the outside.
#[must_use]
pub fn channels(facts: &Facts) -> Vec<ChannelOverview> {
    let all = DeliveredChannel::ALL.into_iter();
    all.map(|channel| one(facts, channel)).collect()
}

fn one(facts: &Facts, channel: DeliveredChannel) -> ChannelOverview {
    let counts = facts.queue(QueueRole::Delivery(channel));
    let database = facts.database.as_ref();
    let processes = database.iter().flat_map(|known| &known.processes);
    let reports: Vec<&ChannelReport> = processes
        .flat_map(|process| &process.channels)
        .filter(|report| report.channel == channel.as_str())
        .collect();
    let switches = database.iter().flat_map(|known| &known.switches);
    let switch = switches.into_iter().find(|one| one.channel == channel);
    let worst = reports.iter().max_by_key(|report| severity(&report.state));
    let (state, since, reason) = match (switch, worst) {
        (Some(switch), _) => ("stopped", Some(switch.at), switch.reason.clone()),
        (None, Some(worst)) => (known_state(&worst.state), worst.since, worst.reason.clone()),
        (None, None) if database.is_some() => ("no_worker", None, None),
        (None, None) => ("unknown", None, None),
    };
    ChannelOverview {
        channel: channel.as_str(),
        state,
        provider: reports.first().map(|report| report.provider.clone()),
        since,
        reason,
        destinations_away: reports.iter().filter_map(|one| one.destinations_away).max(),
        depth: counts.map(|(depth, _)| depth),
        consumers: counts.map(|(_, consumers)| consumers),
        workers: reports.len(),
        stopped: switch.is_some(),
        stop: switch.map(ChannelStop::from),
    }
}

/// The state with the highest number counts. A worker whose switch is not read yet says `stopped` for a moment, and one
/// of a newer version may say something else.
fn severity(state: &str) -> u8 {
    match state {
        "away" => 3,
        "paused" => 2,
        "delivering" => 1,
        _ => 0,
    }
}

fn known_state(state: &str) -> &'static str {
    match state {
        "away" => "away",
        "paused" => "paused",
        _ => "delivering",
    }
}
