use tidings_domain::notification::Channel;
use tidings_domain::statistics::{BUCKETS, GroupBy, GroupedTally, Measure, StatsQuery, Tally};

use super::table::Table;
use crate::GenericClient;
use crate::error::DbError;

/// Reads the figures that answer a question, combined for each step and each value of what distinguishes the series. A
/// channel that is not known is called `unknown`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn read(
    client: &impl GenericClient,
    query: &StatsQuery,
) -> Result<Vec<GroupedTally>, DbError> {
    let table = Table::for_step(query.range.step());
    let (name, time) = (table.name(), table.time());
    let by = match query.by {
        GroupBy::Channel => "CASE channel WHEN '' THEN 'unknown' ELSE channel END",
        GroupBy::Outcome if query.measures == [Measure::Attempts] => "label",
        GroupBy::Outcome => "measure",
        GroupBy::Reason | GroupBy::Queue => "label",
    };
    let count = if query.measures.iter().any(|measure| measure.is_gauge()) {
        "max(n)"
    } else {
        "sum(n)"
    };
    // One pass over the rows that have durations. To unnest their buckets and sum them by place takes twenty times as long.
    let buckets: Vec<String> = (1..=BUCKETS)
        .map(|place| format!("coalesce(sum(buckets[{place}]), 0)::bigint"))
        .collect();
    let buckets = buckets.join(", ");
    let sql = format!(
        "WITH found AS MATERIALIZED (
             SELECT date_bin(make_interval(secs => $1), {time}, 'epoch'::timestamptz) AS at, {by} AS by,
                    n, sum_ms, buckets
             FROM {name}
             WHERE {time} >= $2 AND {time} < $3 AND measure = ANY($4) AND ($5::text IS NULL OR channel = $5)
         ), counts AS (
             SELECT at, by, {count}::bigint AS n, sum(sum_ms)::bigint AS sum_ms FROM found GROUP BY at, by
         ), histograms AS (
             SELECT at, by, ARRAY[{buckets}] AS buckets FROM found WHERE buckets <> '{{}}' GROUP BY at, by
         )
         SELECT at, by, n, sum_ms, coalesce(buckets, '{{}}') FROM counts LEFT JOIN histograms USING (at, by)"
    );
    let statement = client.prepare_cached(&sql).await?;
    #[expect(clippy::cast_precision_loss, reason = "a day has few seconds")]
    let seconds = query.range.step().seconds() as f64;
    let (from, to) = (query.range.from(), query.range.to());
    let measures: Vec<&str> = query.measures.iter().map(|one| one.as_str()).collect();
    let channel = query.channel.map(Channel::as_str);
    let rows = client
        .query(&statement, &[&seconds, &from, &to, &measures, &channel])
        .await?;
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    let grouped = rows.iter().map(|row| GroupedTally {
        at: row.get(0),
        by: row.get(1),
        tally: Tally {
            n: number(row.get(2)),
            sum_ms: number(row.get(3)),
            buckets: row.get::<_, Vec<i64>>(4).into_iter().map(number).collect(),
        },
    });
    Ok(grouped.collect())
}
