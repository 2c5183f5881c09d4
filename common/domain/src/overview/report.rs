use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A channel as one worker sees its provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelReport {
    /// The channel.
    pub channel: String,
    /// The provider, such as `smtp`.
    pub provider: String,
    /// `delivering`, `paused`, `away` or `stopped`.
    pub state: String,
    /// When the provider went down, or the channel was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many destinations are down; webhooks only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destinations_away: Option<u64>,
    /// Which destinations are down, at most [`MAX_AWAY`]: hosts with their ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub away: Vec<String>,
}

/// How many destinations that are down a report names.
pub const MAX_AWAY: usize = 500;
