use tidings_domain::statistics::{BUCKETS, GroupBy, GroupedTally, Measure, StatsQuery, Tally};
use tokio_postgres::Row;

use super::table::Table;
use crate::GenericClient;
use crate::error::DbError;

/// Reads the figures that answer a question. Those of one step and one value of what distinguishes the series may be in several
/// parts, which [`series`](tidings_domain::statistics::series) merges. A channel that is not known is called `unknown`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn read(
    client: &impl GenericClient,
    query: &StatsQuery,
) -> Result<Vec<GroupedTally>, DbError> {
    let statement = client.prepare_cached(&sql(query)).await?;
    let (from, to) = (query.range.from(), query.range.to());
    let rows = client.query(&statement, &[&from, &to]).await?;
    Ok(rows.iter().map(tally).collect())
}

/// A statement whose parameters are the times. Measures and channels are literals, which come from enums: with parameters, the
/// plan for any measure reads the rows of all.
fn sql(query: &StatsQuery) -> String {
    let table = Table::for_step(query.range.step());
    let (name, time) = (table.name(), table.time());
    let is_step_of_table = query.range.step() == table.step();
    let at = if is_step_of_table {
        time.to_owned()
    } else {
        let seconds = query.range.step().seconds();
        format!("date_bin('{seconds} s', {time}, 'epoch'::timestamptz)")
    };
    let by = match query.by {
        GroupBy::Channel => "CASE channel WHEN '' THEN 'unknown' ELSE channel END",
        GroupBy::Outcome if query.measures == [Measure::Attempts] => "label",
        GroupBy::Outcome => "measure",
        GroupBy::Reason | GroupBy::Queue => "label",
    };
    let of_channel = query.channel.map_or_else(String::new, |channel| {
        format!(" AND channel = '{}'", channel.as_str())
    });
    let select = |measures: &[Measure], figures: &str, group: &str| {
        let measures: Vec<String> = measures.iter().map(|one| format!("'{one}'")).collect();
        let measures = measures.join(", ");
        format!(
            "SELECT {at} AS at, {by} AS by, {figures} FROM {name}
             WHERE {time} >= $1 AND {time} < $2 AND measure IN ({measures}){of_channel} {group}"
        )
    };
    let (with_durations, without): (Vec<Measure>, Vec<Measure>) = query
        .measures
        .iter()
        .partition(|measure| measure.has_durations());
    let mut parts = Vec::new();
    if !with_durations.is_empty() {
        // To add histograms is most of the work, and faster in this process, but attempts have many rows in a step.
        let is_grouped = !is_step_of_table || with_durations.contains(&Measure::Attempts);
        let part = if is_grouped {
            let buckets: Vec<String> = (1..=BUCKETS)
                .map(|place| format!("coalesce(sum(buckets[{place}]), 0)::int8"))
                .collect();
            let figures = format!(
                "sum(n)::int8, sum(sum_ms)::int8, NULL::int4[], ARRAY[{}]",
                buckets.join(", ")
            );
            select(&with_durations, &figures, "GROUP BY 1, 2")
        } else {
            let figures = "n, sum_ms, buckets, NULL::int8[]";
            select(&with_durations, figures, "")
        };
        parts.push(part);
    }
    if !without.is_empty() {
        let is_gauge = without.iter().any(|measure| measure.is_gauge());
        let count = if is_gauge { "max(n)" } else { "sum(n)" };
        let figures = format!("{count}::int8, sum(sum_ms)::int8, NULL::int4[], NULL::int8[]");
        parts.push(select(&without, &figures, "GROUP BY 1, 2"));
    }
    parts.join(" UNION ALL ")
}

fn tally(row: &Row) -> GroupedTally {
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    let numbers = |buckets: Vec<i64>| buckets.into_iter().map(number).collect();
    let of_row = |buckets: Vec<i32>| {
        let buckets = buckets.into_iter().map(i64::from);
        buckets.map(number).collect()
    };
    let buckets = row.get::<_, Option<_>>(4).map(of_row);
    GroupedTally {
        at: row.get(0),
        by: row.get(1),
        tally: Tally {
            n: number(row.get(2)),
            sum_ms: number(row.get(3)),
            buckets: buckets
                .or_else(|| row.get::<_, Option<_>>(5).map(numbers))
                .unwrap_or_default(),
        },
    }
}
