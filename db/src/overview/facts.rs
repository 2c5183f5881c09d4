use futures_util::try_join;
use jiff::Timestamp;
use tidings_domain::notification::DeliveredChannel;
use tidings_domain::overview::{ChannelSwitch, DatabaseFacts, StatsFigures};
use tidings_domain::statistics::{GroupBy, StatsInstant, StatsQuery, Step, series};

use super::counts::{dead_letters, endpoints_disabled, jobs};
use super::waiting::oldest_waiting;
use crate::error::DbError;
use crate::sending_switches::{self, SendingSwitches};
use crate::{
    GenericClient, digests, notifications, processes, scheduler_heartbeats, schedules, statistics,
};

/// Collects the facts, to which `figures` belong.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn facts(
    client: &impl GenericClient,
    figures: StatsFigures,
) -> Result<DatabaseFacts, DbError> {
    let switches = sending_switches::list(client).await?;
    let stopped: Vec<&str> = switches
        .stopped_channels()
        .map(DeliveredChannel::as_str)
        .collect();
    // PostgreSQL answers one after the other, without a round trip in between.
    let (
        [dead_letters, dead_letters_24h],
        processes,
        oldest_waiting,
        overdue,
        schedules_overdue,
        digests_overdue,
        scheduler_seen,
        schedules_failed,
        jobs,
        endpoints_disabled,
    ) = try_join!(
        dead_letters(client),
        processes::running(client),
        oldest_waiting(client, &stopped),
        notifications::overdue(client),
        schedules::overdue(client),
        digests::overdue(client),
        scheduler_heartbeats::last_beat(client),
        schedules::failed(client, 0),
        jobs(client),
        endpoints_disabled(client),
    )?;
    Ok(DatabaseFacts {
        processes,
        figures,
        dead_letters,
        dead_letters_24h,
        oldest_waiting,
        overdue,
        schedules_overdue,
        digests_overdue,
        scheduler_seen,
        schedules_failed: schedules_failed.count,
        jobs,
        endpoints_disabled,
        switches: stopping(&switches),
    })
}

/// Like [`facts`], but only what the states of the channels need.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn channel_facts(client: &impl GenericClient) -> Result<DatabaseFacts, DbError> {
    Ok(DatabaseFacts {
        processes: processes::running(client).await?,
        switches: stopping(&sending_switches::list(client).await?),
        ..DatabaseFacts::default()
    })
}

/// Reads the statistics of the last hour, at `now` by the clock of this process, which they use, too.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn figures(client: &impl GenericClient, now: Timestamp) -> Result<StatsFigures, DbError> {
    let hour = jiff::SignedDuration::from_hours(1);
    let period = [StatsInstant::At(now - hour), StatsInstant::At(now)];
    let query = StatsQuery::new(period, Step::Minute, GroupBy::Outcome, None, None, now);
    // An hour of minutes is a valid question, and has few points.
    let Ok(query) = query else {
        return Ok(StatsFigures::default());
    };
    let rows = statistics::read(client, &query).await?;
    Ok(series(&query, rows).map_or_else(
        |_| StatsFigures::default(),
        |series| StatsFigures::of(&series, now),
    ))
}

fn stopping(switches: &SendingSwitches) -> Vec<ChannelSwitch> {
    let stopped = switches.stopped_channels().filter_map(|channel| {
        let switch = switches.stop_of(channel)?;
        Some(ChannelSwitch {
            channel,
            reason: switch.reason.clone(),
            by: switch.by.clone(),
            at: switch.at,
        })
    });
    stopped.collect()
}
