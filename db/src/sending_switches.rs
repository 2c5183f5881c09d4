//! The table `sending_switches`: which channels send nothing, because an operator stopped them.
//!
//! A stop is complete once no claim can commit that did not see it. Each claim holds a shared advisory lock of its channel
//! until its end and reads the switch under it. A stop commits the switch first, so that every later claim sees it, and then
//! takes the lock exclusively, which waits for the claims that may not have seen it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use tidings_domain::notification::{Channel, DeliveredChannel};

use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;
use crate::{Database, GenericClient, Transaction, TransactionOptions};

/// Distinguishes these advisory locks from others; "tidn" in ASCII.
pub(crate) const LOCK_CLASS: i32 = 0x7469_646e;

/// The key of a channel's lock. Programs of all versions must agree on it.
pub(crate) const fn lock_key(channel: DeliveredChannel) -> i32 {
    match channel {
        DeliveredChannel::Email => 1,
        DeliveredChannel::Sms => 2,
        DeliveredChannel::Push => 3,
        DeliveredChannel::Webhook => 4,
    }
}

/// Maximum number of characters of a reason.
pub const MAX_REASON: usize = 500;

/// The channels that a switch stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchScope {
    /// All channels.
    All,
    /// One channel.
    Channel(DeliveredChannel),
}

impl SwitchScope {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "*",
            Self::Channel(channel) => channel.as_str(),
        }
    }

    /// Whether the switch stops `channel`.
    #[must_use]
    pub fn includes(self, channel: DeliveredChannel) -> bool {
        self == Self::All || self == Self::Channel(channel)
    }

    /// The channels, always in the same order.
    fn channels(self) -> impl Iterator<Item = DeliveredChannel> {
        let all = DeliveredChannel::ALL.into_iter();
        all.filter(move |channel| self.includes(*channel))
    }
}

impl fmt::Display for SwitchScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no switch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be email, sms, push, webhook or * (all of them)")]
pub struct UnknownSwitch;

impl FromStr for SwitchScope {
    type Err = UnknownSwitch;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::All.as_str() {
            return Ok(Self::All);
        }
        let channel: Option<Channel> = text.parse().ok();
        let delivered = channel.and_then(Channel::delivered);
        delivered.map(Self::Channel).ok_or(UnknownSwitch)
    }
}

/// A switch that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendingSwitch {
    /// The channels that it stops.
    pub scope: SwitchScope,
    /// Whether they send nothing.
    pub stopped: bool,
    /// Why it was stopped.
    pub reason: Option<String>,
    /// Who stopped or started it last.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// All switches that were used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendingSwitches(pub Vec<SendingSwitch>);

impl SendingSwitches {
    /// The switch that stops `channel`; its own before that of all channels.
    #[must_use]
    pub fn stop_of(&self, channel: DeliveredChannel) -> Option<&SendingSwitch> {
        let stops = |one: &&SendingSwitch| one.stopped && one.scope.includes(channel);
        let mut stopping = self.0.iter().filter(stops);
        let first = stopping.next();
        let own = stopping.find(|one| one.scope != SwitchScope::All);
        own.or(first)
    }

    /// The channels that send nothing.
    pub fn stopped_channels(&self) -> impl Iterator<Item = DeliveredChannel> {
        let all = DeliveredChannel::ALL.into_iter();
        all.filter(|channel| self.stop_of(*channel).is_some())
    }
}

/// The state of a switch after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwitchResult {
    /// Whether the channels send nothing: because of this switch or that of all channels.
    pub stopped: bool,
    /// How many notifications of the channels workers are sending, or will send without another claim.
    pub in_flight: u64,
}

/// Why a stop is not complete.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// It is not known whether the switch is set.
    #[error(transparent)]
    NotSet(DbError),
    /// The switch is set, but claims that have begun before may still commit. Stopping again waits for them.
    #[error(transparent)]
    NotComplete(DbError),
}

/// Stops the channels of `scope`, and writes the entry of the audit log. Once this returns, no claim of them commits.
///
/// # Errors
///
/// Returns a [`StopError`] if a query fails.
pub async fn stop(
    database: &Database,
    scope: SwitchScope,
    reason: &str,
    by: &str,
    origin: &AuditOrigin,
) -> Result<SwitchResult, StopError> {
    set(database, scope, Some(reason), by, origin)
        .await
        .map_err(StopError::NotSet)?;
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            lock_for_stop(transaction, scope).await?;
            result(transaction, scope).await
        })
        .await
        .map_err(StopError::NotComplete)
}

/// Starts the channels of `scope`, and writes the entry of the audit log. Another switch may still stop them.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn start(
    database: &Database,
    scope: SwitchScope,
    by: &str,
    origin: &AuditOrigin,
) -> Result<SwitchResult, DbError> {
    set(database, scope, None, by, origin).await?;
    database
        .run(async |client| result(client, scope).await)
        .await
}

/// Stops the channels if there is a reason, and starts them otherwise.
async fn set(
    database: &Database,
    scope: SwitchScope,
    reason: Option<&str>,
    by: &str,
    origin: &AuditOrigin,
) -> Result<(), DbError> {
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            let statement = transaction
                .prepare_cached(
                    "INSERT INTO sending_switches (channel, stopped, reason, by)
                     VALUES ($1, $2::text IS NOT NULL, $2, $3)
                     ON CONFLICT (channel) DO UPDATE
                     SET stopped = excluded.stopped, reason = excluded.reason, by = excluded.by, at = now()",
                )
                .await?;
            transaction
                .execute(&statement, &[&scope.as_str(), &reason, &by])
                .await?;
            let entry = match reason {
                Some(reason) => origin.entry(Action::SendingStop).with("reason", reason),
                None => origin.entry(Action::SendingStart),
            };
            audit::record(transaction, &entry.on(TargetKind::Sending, scope)).await
        })
        .await
}

/// Waits for the claims of the channels that have begun, and keeps new ones waiting until the end of the transaction.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn lock_for_stop(
    transaction: &Transaction<'_>,
    scope: SwitchScope,
) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached("SELECT pg_advisory_xact_lock($1, $2)")
        .await?;
    // In the same order everywhere, so that two stops do not wait for each other.
    for channel in scope.channels() {
        transaction
            .execute(&statement, &[&LOCK_CLASS, &lock_key(channel)])
            .await?;
    }
    Ok(())
}

async fn result(client: &impl GenericClient, scope: SwitchScope) -> Result<SwitchResult, DbError> {
    let switches = list(client).await?;
    let stopped = match scope {
        SwitchScope::All => {
            let all = |one: &SendingSwitch| one.scope == SwitchScope::All && one.stopped;
            switches.0.iter().any(all)
        }
        SwitchScope::Channel(channel) => switches.stop_of(channel).is_some(),
    };
    let counts = in_flight(client).await?;
    let included = counts
        .iter()
        .filter(|(channel, _)| scope.includes(*channel));
    let in_flight = included.map(|(_, count)| count).sum();
    Ok(SwitchResult { stopped, in_flight })
}

/// Counts the notifications of each channel that workers are sending.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn in_flight(
    client: &impl GenericClient,
) -> Result<Vec<(DeliveredChannel, u64)>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT type, count(*) FROM notifications
             WHERE status IN ('pending', 'retrying') AND lease_until > now() GROUP BY type",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    let count_of = |channel: DeliveredChannel| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row.get::<_, &str>(0) == channel.as_str());
        let count = row.map_or(0, |row| row.get::<_, i64>(1));
        (channel, u64::try_from(count).unwrap_or(0))
    };
    Ok(DeliveredChannel::ALL.map(count_of).to_vec())
}

/// Returns all switches that were used.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(client: &impl GenericClient) -> Result<SendingSwitches, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT channel, stopped, reason, by, at FROM sending_switches ORDER BY channel",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    let switches = rows.iter().filter_map(|row| {
        Some(SendingSwitch {
            // A newer version may have more channels.
            scope: row.get::<_, &str>(0).parse().ok()?,
            stopped: row.get(1),
            reason: row.get(2),
            by: row.get(3),
            at: row.get(4),
        })
    });
    Ok(SendingSwitches(switches.collect()))
}

/// Prepares the statement by which a transaction that claims notifications waits for a stop that is not complete. The statement that reads the switch must follow it: at `READ COMMITTED` a statement sees what was committed
/// before its start, and this one may wait.
pub(crate) async fn prepare_lock_for_claims(
    client: &impl GenericClient,
) -> Result<tokio_postgres::Statement, DbError> {
    let sql = "SELECT pg_advisory_xact_lock_shared($1, $2)";
    Ok(client.prepare_cached(sql).await?)
}

/// Executes the statement of [`prepare_lock_for_claims`]. Reaches PostgreSQL with the first poll.
pub(crate) async fn lock_for_claims(
    client: &impl GenericClient,
    statement: &tokio_postgres::Statement,
    channel: DeliveredChannel,
) -> Result<(), tokio_postgres::Error> {
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
        [&LOCK_CLASS, &lock_key(channel)];
    client.execute(statement, &parameters).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch(scope: &str, stopped: bool) -> SendingSwitch {
        SendingSwitch {
            scope: scope.parse().expect("a switch"),
            stopped,
            reason: None,
            by: scope.to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_channel_is_stopped_by_its_own_switch_or_that_of_all_channels() {
        let stopping = |switches: &[SendingSwitch]| {
            let switches = SendingSwitches(switches.to_vec());
            let by = |channel| switches.stop_of(channel).map(|one| one.by.clone());
            [by(DeliveredChannel::Email), by(DeliveredChannel::Sms)]
        };
        let (all, sms) = (|on| switch("*", on), |on| switch("sms", on));
        let by = |text: &str| Some(text.to_owned());
        assert_eq!(stopping(&[all(false), sms(false)]), [None, None]);
        assert_eq!(stopping(&[all(false), sms(true)]), [None, by("sms")]);
        assert_eq!(stopping(&[all(true), sms(false)]), [by("*"), by("*")]);
        assert_eq!(stopping(&[all(true), sms(true)]), [by("*"), by("sms")]);
    }

    #[test]
    fn in_app_has_no_switch() {
        for text in ["in-app", "pigeon", "", "SMS"] {
            assert_eq!(text.parse::<SwitchScope>(), Err(UnknownSwitch), "{text}");
        }
        assert_eq!("*".parse(), Ok(SwitchScope::All));
    }
}
