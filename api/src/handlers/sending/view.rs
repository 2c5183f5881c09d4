use serde::Serialize;
use tidings_db::sending_switches::{SwitchResult, SwitchScope};
use utoipa::ToSchema;

/// A switch after a change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SendingSwitch)]
pub struct SwitchView {
    /// `email`, `sms`, `push`, `webhook`, or `*` for all of them.
    #[schema(example = "sms")]
    channel: &'static str,
    /// Whether nothing is sent. A channel that was started can still be stopped by the switch of all channels.
    stopped: bool,
    /// How many notifications workers had claimed before: those are still sent, and no others.
    in_flight: u64,
}

impl SwitchView {
    /// Describes the switch of `scope`.
    pub const fn new(scope: SwitchScope, result: SwitchResult) -> Self {
        Self {
            channel: scope.as_str(),
            stopped: result.stopped,
            in_flight: result.in_flight,
        }
    }
}
