//! `tidings overview`.

use jiff::Timestamp;
use tidings_broker::{BrokerSettings, QueueStatus, queue_statuses};
use tidings_db::{Database, DatabaseSettings, overview};
use tidings_domain::overview::{Facts, Overview, ProblemSeverity, ServerState};
use tidings_settings::table;

use super::channels;
use crate::output::{CommandOutput, Text, printable, table as text_table};
use crate::settings;

/// Shows what is wrong now, how much is sent, what waits, and the states of the channels.
pub async fn run() -> anyhow::Result<CommandOutput> {
    let (database, broker, max_queue_length) = settings::read(|reader| {
        let database = DatabaseSettings::read(reader);
        let broker = BrokerSettings::read(reader);
        Some((database?, broker?, reader.value(table::QUEUE_MAX_LENGTH)))
    })?;
    let at = Timestamp::now();
    let database = Database::new(&database, "tidings overview")?;
    let reading = database.run(async |client| {
        let figures = overview::figures(client, at).await?;
        overview::facts(client, figures).await
    });
    let (known, (broker, queues)) = tokio::join!(reading, queues(&broker));
    let known = known.inspect_err(|error| eprintln!("tidings: PostgreSQL cannot be read: {error}"));
    let overview = Overview::of(&Facts {
        at,
        broker,
        queues: queues.iter().map(QueueStatus::facts).collect(),
        max_queue_length,
        database: known.ok(),
    });
    CommandOutput::new(text(&overview), overview)
}

/// The queues, as the broker counts them now; none if it cannot be reached.
pub async fn queues(settings: &BrokerSettings) -> (ServerState, Vec<QueueStatus>) {
    match tidings_broker::connect(settings, "tidings: queues").await {
        Ok(connection) => {
            let queues = queue_statuses(&connection, settings).await;
            tidings_broker::disconnect(&connection).await;
            (ServerState::Connected, queues)
        }
        Err(error) => {
            eprintln!("tidings: RabbitMQ cannot be reached: {error}");
            (ServerState::Disconnected, Vec::new())
        }
    }
}

fn text(overview: &Overview) -> Text {
    let mut text = Text::default();
    for problem in &overview.problems {
        let severity = match problem.severity {
            ProblemSeverity::Error => "ERROR",
            ProblemSeverity::Warning => "warning",
            ProblemSeverity::Info => "info",
        };
        text.line(format_args!(
            "{severity:<9}{} ({})",
            printable(&problem.message),
            problem.code
        ));
    }
    if overview.problems.is_empty() {
        text.line("Nothing is wrong.");
    }
    let shown = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    if let Some(rates) = overview.rates {
        text.line(format_args!(
            "\n{:.1} accepted, {:.1} delivered and {:.1} failed a second in the minute of {:.0}",
            rates.accepted_per_second,
            rates.delivered_per_second,
            rates.failed_per_second,
            rates.minute
        ));
    }
    if let Some(latest) = overview.latest {
        text.line(format_args!(
            "Since {:.0}, so far: {} accepted, {} delivered, {} failed",
            latest.since, latest.accepted, latest.delivered, latest.failed
        ));
    }
    let times = overview.accepted_to_delivered;
    text.line(format_args!(
        "Accepted to delivered in the last hour: {} ms (p50), {} ms (p95); success: {}",
        shown(times.p50_ms),
        shown(times.p95_ms),
        overview
            .success_ratio
            .map_or_else(|| "-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
    ));
    let more = |capped: bool| if capped { "+" } else { "" };
    text.line(format_args!(
        "Messages that wait: {}; the oldest: {} s; dead letters: {}{}, of the last 24 hours: {}{}\n",
        shown(overview.waiting),
        shown(overview.oldest_waiting_seconds),
        shown(overview.dead_letters),
        more(overview.dead_letters_capped),
        shown(overview.dead_letters24h),
        more(overview.dead_letters24h_capped)
    ));
    text.lines(&channels::rows(&overview.channels));
    let mut rungs = vec![["RETRY", "AFTER", "MESSAGES"].map(str::to_owned).to_vec()];
    rungs.extend(overview.ladder.iter().map(|rung| {
        vec![
            rung.rung.to_string(),
            format!("{} s", rung.delay_ms / 1000),
            shown(rung.messages.map(u64::from)),
        ]
    }));
    text.line("");
    text.lines(&text_table(&rungs));
    text
}
