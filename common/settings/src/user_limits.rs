use tidings_domain::notification::PerChannel;
use tidings_domain::user_limit::{ChannelLimit, UserLimit};

use crate::{Reader, table};

/// Reads `USER_LIMITS`.
pub fn read_user_limits(reader: &mut Reader) -> PerChannel<Option<UserLimit>> {
    let limits: Vec<ChannelLimit> = reader.list(table::USER_LIMITS, str::parse);
    for (nth, one) in limits.iter().enumerate() {
        if limits[..nth]
            .iter()
            .any(|other| other.channel == one.channel)
        {
            let message = format!("{}: must have one limit", one.channel);
            reader.problem(table::USER_LIMITS, message);
        }
    }
    PerChannel::from_fn(|channel| {
        let its = limits.iter().find(|one| one.channel == channel);
        its.map(|one| one.limit)
    })
}
