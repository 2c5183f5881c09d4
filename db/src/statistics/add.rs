use std::fmt::Write as _;

use jiff::Timestamp;
use tidings_domain::notification::Channel;
use tidings_domain::statistics::{Figure, Measure};
use tidings_runtime::statistics::Unsaved;

use super::table::Table;
use crate::error::DbError;
use crate::{GenericClient, Transaction};

/// Adds figures to those of other processes, in both tables. For depth and consumers, the larger sample stays.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn add(transaction: &Transaction<'_>, figures: &Unsaved) -> Result<(), DbError> {
    add_to(transaction, Table::Minutes, figures).await?;
    let mut hours = Unsaved::default();
    hours.add(figures.iter().map(|(figure, tally)| {
        let minute = figure.minute - figure.minute.rem_euclid(Table::Hours.minutes());
        let figure = Figure {
            minute,
            ..figure.clone()
        };
        (figure, tally.clone())
    }));
    add_to(transaction, Table::Hours, &hours).await
}

async fn add_to(
    client: &impl GenericClient,
    table: Table,
    figures: &Unsaved,
) -> Result<(), DbError> {
    let (name, time) = (table.name(), table.time());
    // Every process locks the rows in the same order: that of the figures.
    let sql = format!(
        "INSERT INTO {name} AS total ({time}, channel, measure, label, n, sum_ms, buckets)
         SELECT at, channel, measure, label, n, sum_ms, buckets::int[]
         FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[])
              WITH ORDINALITY AS added (at, channel, measure, label, n, sum_ms, buckets, place)
         ORDER BY place
         ON CONFLICT ({time}, measure, channel, label) DO UPDATE
         SET n = CASE WHEN total.measure = ANY($8) THEN excluded.n ELSE total.n + excluded.n END,
             sum_ms = total.sum_ms + excluded.sum_ms,
             buckets = CASE WHEN excluded.buckets = '{{}}' THEN total.buckets ELSE (
                 SELECT array_agg(least(coalesce(one, 0)::bigint + coalesce(other, 0), 2147483647)::int ORDER BY place)
                 FROM unnest(total.buckets, excluded.buckets) WITH ORDINALITY AS pair (one, other, place)) END
         WHERE NOT total.measure = ANY($8) OR total.n < excluded.n"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = || figures.iter();
    let times: Vec<Timestamp> = rows().map(|(figure, _)| start_of(figure.minute)).collect();
    let channels: Vec<&str> = rows()
        .map(|(figure, _)| figure.channel.map_or("", Channel::as_str))
        .collect();
    let measures: Vec<&str> = rows().map(|(figure, _)| figure.measure.as_str()).collect();
    let labels: Vec<&str> = rows().map(|(figure, _)| &*figure.label).collect();
    let counts: Vec<i64> = rows().map(|(_, tally)| bigint(tally.n)).collect();
    let sums: Vec<i64> = rows().map(|(_, tally)| bigint(tally.sum_ms)).collect();
    let buckets: Vec<String> = rows().map(|(_, tally)| array(&tally.buckets)).collect();
    let gauges = Measure::OF_QUEUES.map(Measure::as_str);
    let gauges = gauges.as_slice();
    client
        .execute(
            &statement,
            &[
                &times, &channels, &measures, &labels, &counts, &sums, &buckets, &gauges,
            ],
        )
        .await?;
    Ok(())
}

fn start_of(minute: i64) -> Timestamp {
    Timestamp::from_second(minute.saturating_mul(60)).unwrap_or(Timestamp::MAX)
}

fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// An array of `int` as text: PostgreSQL has no arrays of arrays of different lengths.
fn array(numbers: &[u64]) -> String {
    let mut text = String::from("{");
    for (place, number) in numbers.iter().enumerate() {
        let separator = if place == 0 { "" } else { "," };
        let number = i32::try_from(*number).unwrap_or(i32::MAX);
        // Writing to a String does not fail.
        let _ = write!(text, "{separator}{number}");
    }
    text.push('}');
    text
}
