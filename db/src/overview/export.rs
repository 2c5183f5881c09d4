use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use metrics::gauge;
use tidings_domain::notification::{Channel, DeliveredChannel};
use tidings_domain::overview::JobFacts;

use super::counts::jobs;
use super::waiting::oldest_waiting_by_channel;
use crate::dead_letters::{self, DeadLetterFilter, DeadLetterGroup, MAX_COUNTED};
use crate::error::DbError;
use crate::{Database, sending_switches};

/// How often PostgreSQL is asked.
const INTERVAL: Duration = Duration::from_secs(15);

/// The longest pause after a slow answer.
const MAX_PAUSE: Duration = Duration::from_mins(5);

/// How many groups of dead letters have a time series of their own. Each lasts until the process ends.
const MAX_GROUPS: usize = 100;

/// The reason and the channel of what belongs to no group.
const OTHER: &str = "other";

/// The channel of letters that name none.
const NO_CHANNEL: &str = "none";

/// What is asked.
struct Known {
    waiting: Vec<(Channel, Duration)>,
    dead_letters: Vec<DeadLetterGroup>,
    jobs: JobFacts,
}

/// Exports what PostgreSQL knows about the whole installation. Never ends.
pub async fn export_metrics(database: Database) {
    let mut groups = ExportedGroups::default();
    let nothing = Known {
        waiting: Vec::new(),
        dead_letters: Vec::new(),
        jobs: JobFacts::default(),
    };
    show(nothing, &mut groups);
    loop {
        let start = Instant::now();
        match ask(&database).await {
            Ok(known) => show(known, &mut groups),
            // Others report that PostgreSQL is unavailable. What is known grows old.
            Err(error) => {
                tracing::debug!(%error, "the metrics about the installation are not updated");
            }
        }
        // Whatever the tables contain, this takes no more than a twentieth of a connection.
        let pause = (start.elapsed() * 20).clamp(INTERVAL, MAX_PAUSE);
        tokio::time::sleep(pause).await;
    }
}

async fn ask(database: &Database) -> Result<Known, DbError> {
    database
        .run(async |client| {
            let switches = sending_switches::list(client).await?;
            let stopped = switches.stopped_channels().map(DeliveredChannel::as_str);
            let stopped: Vec<&str> = stopped.collect();
            let all = DeadLetterFilter::default();
            Ok(Known {
                waiting: oldest_waiting_by_channel(client, &stopped).await?,
                dead_letters: dead_letters::groups(client, &all, MAX_COUNTED)
                    .await?
                    .groups,
                jobs: jobs(client).await?,
            })
        })
        .await
}

fn show(known: Known, groups: &mut ExportedGroups) {
    for channel in Channel::ALL {
        let mut waiting = known.waiting.iter();
        let age = waiting.find(|(its, _)| *its == channel);
        let age = age.map_or(0.0, |(_, age)| age.as_secs_f64());
        gauge!("tidings_backlog_oldest_seconds", "channel" => channel.as_str()).set(age);
    }
    groups.update(known.dead_letters);
    for ((reason, channel), count) in &groups.counts {
        gauge!("tidings_dead_letters", "reason" => reason.clone(), "channel" => channel.clone())
            .set(approximate(*count));
    }
    for (cause, count) in [
        ("no_process", known.jobs.without_process.count),
        ("error", known.jobs.with_error),
    ] {
        gauge!("tidings_jobs_without_progress", "cause" => cause).set(approximate(count));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge needs no more digits")]
const fn approximate(number: u64) -> f64 {
    number as f64
}

/// The dead letters by reason and channel. A group stays once there was one.
#[derive(Debug, Default)]
struct ExportedGroups {
    counts: BTreeMap<(String, String), u64>,
}

impl ExportedGroups {
    fn update(&mut self, letters: Vec<DeadLetterGroup>) {
        let other = (OTHER.to_owned(), OTHER.to_owned());
        self.counts.entry(other.clone()).or_default();
        for count in self.counts.values_mut() {
            *count = 0;
        }
        for letter in letters {
            let channel = letter.channel.unwrap_or_else(|| NO_CHANNEL.to_owned());
            let key = (letter.reason, channel);
            let has_room = self.counts.len() <= MAX_GROUPS || self.counts.contains_key(&key);
            let key = if has_room { key } else { other.clone() };
            *self.counts.entry(key).or_default() += u64::try_from(letter.count).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn letters(reason: &str, provider: &str, count: i64) -> DeadLetterGroup {
        DeadLetterGroup {
            reason: reason.to_owned(),
            channel: Some("sms".to_owned()),
            provider: Some(provider.to_owned()),
            count,
            is_capped: false,
            first_failed_at: Timestamp::UNIX_EPOCH,
            last_failed_at: Timestamp::UNIX_EPOCH,
            error: None,
        }
    }

    fn count(groups: &ExportedGroups, reason: &str, channel: &str) -> Option<u64> {
        let key = (reason.to_owned(), channel.to_owned());
        groups.counts.get(&key).copied()
    }

    #[test]
    fn a_group_without_dead_letters_is_zero_once_there_were_some() {
        let mut groups = ExportedGroups::default();
        groups.update(Vec::new());
        assert_eq!(count(&groups, OTHER, OTHER), Some(0));
        groups.update(vec![
            letters("gone", "one", 2),
            letters("gone", "another", 3),
        ]);
        assert_eq!(count(&groups, "gone", "sms"), Some(5));
        groups.update(Vec::new());
        assert_eq!(count(&groups, "gone", "sms"), Some(0));
    }

    #[test]
    fn the_number_of_groups_is_bounded() {
        let mut groups = ExportedGroups::default();
        for n in 0..1000 {
            groups.update(vec![letters(&format!("reason {n}"), "one", 1)]);
        }
        assert_eq!(groups.counts.len(), MAX_GROUPS + 1);
        assert_eq!(count(&groups, OTHER, OTHER), Some(1));
        groups.update(vec![letters("reason 0", "one", 7)]);
        assert_eq!(count(&groups, "reason 0", "sms"), Some(7));
    }
}
