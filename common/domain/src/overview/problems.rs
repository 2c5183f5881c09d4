use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::channels::ChannelOverview;
use super::facts::{CappedCount, DatabaseFacts, Facts, QueueRole, ServerState};
use crate::notification::DeliveredChannel;

/// Longer than any poll or pause of a scheduler that works.
const LATE: Duration = Duration::from_mins(1);

/// A notification that may be sent and has waited for so long is late.
const BACKLOG: Duration = Duration::from_mins(5);

/// Recording usually takes milliseconds.
const INTAKE_LAG_MS: u64 = 60_000;

/// The share of `QUEUE_MAX_LENGTH`, in percent, from which a queue is near its limit.
const NEAR_LIMIT: u64 = 80;

/// The reason of a worker whose provider refuses the credentials.
const CREDENTIALS: &str = "the provider refuses the credentials";

/// How severe a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProblemSeverity {
    /// Something does not work.
    Error,
    /// It works, but needs attention.
    Warning,
    /// As an operator wants it, and others should know.
    Info,
}

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Which kind of problem: stable.
    pub code: &'static str,
    /// How severe it is.
    pub severity: ProblemSeverity,
    /// The problem for people.
    pub message: String,
    /// The channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<&'static str>,
    /// The page of the dashboard that shows more, relative to `/dashboard`.
    pub link: String,
    /// How many, if it can be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Since when, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The problems found so far.
struct Found(Vec<Problem>);

impl Found {
    fn add(
        &mut self,
        code: &'static str,
        severity: ProblemSeverity,
        link: &str,
        message: impl fmt::Display,
    ) -> &mut Problem {
        self.0.push(Problem {
            code,
            severity,
            message: message.to_string(),
            channel: None,
            link: link.to_owned(),
            count: None,
            since: None,
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}

/// What is wrong, the worst first.
#[must_use]
pub fn problems(facts: &Facts, channels: &[ChannelOverview]) -> Vec<Problem> {
    let mut found = Found(Vec::new());
    servers(facts, &mut found);
    for channel in channels {
        channel_problems(channel, &mut found);
    }
    queues(facts, channels, &mut found);
    if let Some(known) = &facts.database {
        lateness(facts.at, known, &mut found);
        schedulers(facts.at, known, &mut found);
        leftovers(facts.at, known, &mut found);
    }
    let mut problems = found.0;
    problems.sort_by_key(|problem| problem.severity);
    problems
}

fn servers(facts: &Facts, found: &mut Found) {
    use ProblemSeverity::Error;
    if facts.database.is_none() {
        let message = "PostgreSQL cannot be reached: nothing is recorded or delivered";
        found.add("database_unreachable", Error, "/system", message);
    }
    if facts.broker == ServerState::Disconnected {
        let message = "RabbitMQ cannot be reached: nothing is delivered";
        found.add("broker_unreachable", Error, "/system", message);
    }
}

/// The notifications of a channel that wait.
fn waiting_link(channel: &str) -> String {
    format!("/notifications?status=pending&channel={channel}")
}

fn channel_problems(channel: &ChannelOverview, found: &mut Found) {
    use ProblemSeverity::{Error, Info};
    destinations(channel, found);
    let name = channel.channel;
    let link = waiting_link(name);
    let provider = channel.provider.as_deref().unwrap_or("the provider");
    let reason = channel.reason.as_deref().unwrap_or("no reason is known");
    let problem = match channel.state {
        "away" if channel.reason.as_deref() == Some(CREDENTIALS) => {
            let message = format!("{provider} refuses the credentials: {name} is not delivered");
            found.add("credentials_refused", Error, &link, message)
        }
        "away" => {
            let message = format!("{provider} is down ({reason}): {name} is not delivered");
            found.add("provider_away", Error, &link, message)
        }
        "paused" => {
            let message = format!("{provider} limits the rate: {name} waits");
            found.add("provider_throttles", Info, &link, message)
        }
        "stopped" => {
            let message = format!("An operator has stopped {name}: {reason}");
            found.add("channel_stopped", Info, &link, message)
        }
        _ => return,
    };
    problem.channel = Some(name);
    problem.since = channel.since;
    problem.count = channel.depth.map(u64::from);
}

fn destinations(channel: &ChannelOverview, found: &mut Found) {
    let Some(away) = channel.destinations_away.filter(|away| *away > 0) else {
        return;
    };
    let message = format!("Destinations of webhooks that are down: {away}");
    let link = "/endpoints?state=away";
    let problem = found.add("destinations_away", ProblemSeverity::Warning, link, message);
    problem.channel = Some(channel.channel);
    problem.count = Some(away);
}

fn queues(facts: &Facts, channels: &[ChannelOverview], found: &mut Found) {
    use ProblemSeverity::{Error, Warning};
    for queue in facts.queues.iter().filter(|queue| queue.role.is_work()) {
        let Some((depth, consumers)) = queue.counts else {
            continue;
        };
        let channel = match queue.role {
            QueueRole::Delivery(channel) => Some(channel),
            _ => None,
        };
        let is_intake = queue.role == QueueRole::Intake;
        // A channel without a provider has no consumers, and nothing is sent to it.
        if consumers == 0 && (depth > 0 || is_intake) && !is_explained(channel, channels) {
            let message = match channel {
                Some(channel) => format!(
                    "No worker delivers {}: {depth} in its queue",
                    channel.as_str()
                ),
                None => format!(
                    "No worker takes messages from the queue {}, in which {depth} wait",
                    queue.label
                ),
            };
            // The page with the stages of the workers.
            let problem = found.add("no_consumers", Error, "/system", message);
            problem.count = Some(u64::from(depth));
            problem.channel = channel.map(DeliveredChannel::as_str);
        }
        let percent = u64::from(depth) * 100;
        let limit = u64::from(facts.max_queue_length);
        if limit > 0 && percent >= limit * NEAR_LIMIT {
            let severity = if percent >= limit * 100 {
                Error
            } else {
                Warning
            };
            let message = format!(
                "{depth} messages wait in the queue {}; from {limit} on, notifications are refused",
                queue.label
            );
            let link = channel.map_or("/system".to_owned(), |one| waiting_link(one.as_str()));
            let problem = found.add("queue_near_limit", severity, &link, message);
            problem.count = Some(u64::from(depth));
            problem.channel = channel.map(DeliveredChannel::as_str);
        }
    }
}

/// Whether another problem says why the queue has no consumers.
fn is_explained(channel: Option<DeliveredChannel>, channels: &[ChannelOverview]) -> bool {
    let mut all = channels.iter();
    let its = channel.and_then(|channel| all.find(|one| one.channel == channel.as_str()));
    its.is_some_and(|one| matches!(one.state, "away" | "paused" | "stopped"))
}

fn lateness(at: Timestamp, known: &DatabaseFacts, found: &mut Found) {
    use ProblemSeverity::Warning;
    if let Some(lag) = known
        .figures
        .recorded_p95_ms
        .filter(|lag| *lag > INTAKE_LAG_MS)
    {
        let lag = duration(Duration::from_millis(lag));
        let message = format!("Recording of accepted notifications takes {lag}");
        found.add("intake_lag", Warning, "/system", message);
    }
    if let Some(age) = known.oldest_waiting.filter(|age| *age > BACKLOG) {
        let message = format!(
            "The oldest notification that may be sent has waited for {}",
            duration(age)
        );
        let link = "/notifications?status=pending";
        found.add("due_backlog", Warning, link, message).since = before(at, age);
    }
}

fn schedulers(at: Timestamp, known: &DatabaseFacts, found: &mut Found) {
    use ProblemSeverity::{Error, Warning};
    let runs = known.scheduler_seen.is_some_and(|age| age < LATE);
    if !runs {
        let message = "No scheduler has run within a minute: scheduled notifications are not sent";
        let problem = found.add("scheduler_down", Error, "/system", message);
        problem.since = known.scheduler_seen.and_then(|age| before(at, age));
    }
    for (code, what, late, link) in [
        (
            "scheduler_overdue",
            "scheduled notification",
            known.overdue,
            "/notifications?status=scheduled",
        ),
        (
            "schedules_overdue",
            "recurring schedule",
            known.schedules_overdue,
            "/schedules",
        ),
        (
            "digests_overdue",
            "digest",
            known.digests_overdue,
            "/notifications?status=scheduled",
        ),
    ] {
        if let Some(late) = late.filter(|late| *late >= LATE) {
            let message = format!("The oldest {what} is {} late", duration(late));
            found.add(code, Warning, link, message).since = before(at, late);
        }
    }
}

fn leftovers(at: Timestamp, known: &DatabaseFacts, found: &mut Found) {
    use ProblemSeverity::{Info, Warning};
    let new = known.dead_letters_24h;
    if new.count > 0 {
        let from = before(at, Duration::from_hours(24)).unwrap_or(at);
        let link = format!("/dead-letters?from={from:.0}");
        let message = format!("{} in the last 24 hours", counted(new, "dead letter"));
        found.add("dead_letters", Warning, &link, message).count = Some(new.count);
    }
    if known.schedules_failed > 0 {
        let count = known.schedules_failed;
        let message = format!("Recurring schedules that a failure has paused: {count}");
        let link = "/schedules?state=failed";
        found.add("schedules_failed", Warning, link, message).count = Some(count);
    }
    let stuck = known.jobs.without_process;
    if stuck.count > 0 {
        let message = format!(
            "Jobs that wait for a scheduler to run them: {}",
            stuck.count
        );
        let problem = found.add(
            "job_without_progress",
            Warning,
            "/jobs?state=without_process",
            message,
        );
        (problem.count, problem.since) = (Some(stuck.count), stuck.since);
    }
    if known.jobs.with_error > 0 {
        let count = known.jobs.with_error;
        let message = format!("Jobs that cannot go on at the moment: {count}");
        let link = "/jobs?state=failing";
        found.add("job_failing", Warning, link, message).count = Some(count);
    }
    let disabled = known.endpoints_disabled;
    if disabled.count > 0 {
        let message = format!(
            "{} disabled by Tidings",
            counted(disabled, "webhook endpoint")
        );
        let link = "/endpoints?state=disabled_by_tidings";
        found
            .add("endpoints_disabled", Warning, link, message)
            .count = Some(disabled.count);
    }
    let mut versions: Vec<&str> = known.processes.iter().map(|one| &*one.version).collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.len() > 1 {
        let message = format!(
            "Processes of different versions run: {}",
            versions.join(", ")
        );
        found.add("versions_differ", Info, "/system", message);
    }
}

/// `More than 1000 dead letters`.
fn counted(count: CappedCount, noun: &str) -> String {
    let more = if count.is_capped { "More than " } else { "" };
    let plural = if count.count == 1 { "" } else { "s" };
    format!("{more}{} {noun}{plural}", count.count)
}

fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

fn before(at: Timestamp, age: Duration) -> Option<Timestamp> {
    at.checked_sub(SignedDuration::try_from(age).ok()?).ok()
}

#[cfg(test)]
mod tests;
