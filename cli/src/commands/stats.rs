//! `tidings stats`.

use anyhow::bail;
use jiff::Timestamp;
use serde_json::{Value, json};
use tidings_db::{Database, DatabaseSettings, statistics};
use tidings_domain::notification::Channel;
use tidings_domain::statistics::{
    GroupBy, Measure, Point, QueryProblem, Series, StatsInstant, StatsQuery, Step, series,
};

use crate::output::{CommandOutput, Text, printable, table};
use crate::settings;

/// Maximum number of characters of a line of bars.
const BARS: usize = 60;

/// From nothing to the largest.
const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The start of the period: RFC 3339, or relative to now, such as -90m, -1h or -7d
    #[arg(
        long,
        value_name = "TIME",
        default_value = "-1h",
        allow_hyphen_values = true
    )]
    from: StatsInstant,
    /// The end of the period
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    to: StatsInstant,
    /// The time between two figures: 1m, 1h or 1d
    #[arg(long, default_value = "1m")]
    step: Step,
    /// What distinguishes the lines: channel, outcome, reason or queue
    #[arg(long, default_value = "outcome")]
    by: GroupBy,
    /// What is counted, such as accepted, delivered, suppressed or attempts
    #[arg(long)]
    measure: Option<Measure>,
    /// Only figures of this channel
    #[arg(long)]
    channel: Option<Channel>,
}

/// Shows the figures of a period.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let (period, now) = ([args.from, args.to], Timestamp::now());
    let query = StatsQuery::new(period, args.step, args.by, args.measure, args.channel, now);
    let query = match query {
        Ok(query) => query,
        Err(problems) => bail!("{}", all(&problems)),
    };
    let database = Database::new(&settings, "tidings stats")?;
    let rows = database
        .run(async |client| statistics::read(client, &query).await)
        .await?;
    let series = series(&query, rows)?;
    CommandOutput::new(text(&query, &series), json_of(&query, &series))
}

/// What is wrong with the arguments, by the names of the options.
fn all(problems: &[QueryProblem]) -> String {
    let problem = |problem: &QueryProblem| {
        let option = match problem.field {
            "type" => "channel",
            other => other,
        };
        format!(
            "--{option} {}",
            problem
                .message
                .replace("step=", "--step ")
                .replace("by=", "--by ")
        )
    };
    problems.iter().map(problem).collect::<Vec<_>>().join("; ")
}

/// The figures, as the API returns them.
fn json_of(query: &StatsQuery, series: &[Series]) -> Value {
    let point = |point: &Point| json!({"at": point.at, "n": point.n, "p50Ms": point.p50_ms, "p95Ms": point.p95_ms});
    let one = |series: &Series| {
        let points: Vec<Value> = series.points.iter().map(point).collect();
        json!({"by": series.by, "points": points})
    };
    json!({
        "from": query.range.from(),
        "to": query.range.to(),
        "step": query.range.step().as_str(),
        "series": series.iter().map(one).collect::<Vec<_>>(),
    })
}

fn text(query: &StatsQuery, series: &[Series]) -> Text {
    let mut text = Text::default();
    let what = match query.measures.as_slice() {
        [measure] => measure.as_str(),
        _ => "notifications",
    };
    let (from, to, step) = (query.range.from(), query.range.to(), query.range.step());
    text.line(format_args!(
        "{what} by {}, {from} to {to}, step {step}",
        query.by
    ));
    if series.is_empty() {
        text.line("No figures.");
        return text;
    }
    let is_gauge = query.measures.iter().any(|measure| measure.is_gauge());
    let total = if is_gauge { "MAX" } else { "TOTAL" };
    let by = query.by.as_str().to_uppercase();
    let head = [&by, total, "P50", "P95", "OVER TIME"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(series.iter().map(|one| {
        let counts: Vec<u64> = one.points.iter().map(|point| point.n).collect();
        vec![
            printable(&one.by),
            one.total.n.to_string(),
            duration(one.total.p50_ms),
            duration(one.total.p95_ms),
            sparkline(&counts, is_gauge),
        ]
    }));
    text.lines(&table(&cells));
    text
}

/// A duration with two or three digits.
fn duration(milliseconds: Option<u64>) -> String {
    let Some(milliseconds) = milliseconds else {
        return "-".to_owned();
    };
    let tenths = |unit: u64| {
        format!(
            "{}.{}",
            milliseconds / unit,
            milliseconds % unit * 10 / unit
        )
    };
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{} s", tenths(1000)),
        60_000..3_600_000 => format!("{} min", tenths(60_000)),
        _ => format!("{} h", tenths(3_600_000)),
    }
}

/// One character for each figure, or for several of them, as high as its share of the largest.
fn sparkline(counts: &[u64], is_gauge: bool) -> String {
    let width = counts.len().div_ceil(BARS).max(1);
    let combine = |part: &[u64]| {
        if is_gauge {
            part.iter().copied().max().unwrap_or(0)
        } else {
            part.iter().copied().fold(0, u64::saturating_add)
        }
    };
    let parts: Vec<u64> = counts.chunks(width).map(combine).collect();
    let largest = u128::from(parts.iter().copied().max().unwrap_or(0).max(1));
    let steps = (HEIGHTS.len() - 1) as u128;
    let height = |count: &u64| {
        let height = (u128::from(*count) * steps).div_ceil(largest);
        HEIGHTS[usize::try_from(height).unwrap_or(0).min(HEIGHTS.len() - 1)]
    };
    parts.iter().map(height).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_bars_shows_each_share_of_the_largest() {
        assert_eq!(sparkline(&[0, 1, 4, 8], false), " ▁▄█");
        assert_eq!(sparkline(&[0, 0], false), "  ");
        assert_eq!(sparkline(&[u64::MAX; 2], false), "██");
        let hour: Vec<u64> = (0..61).map(|n| u64::from(n < 2)).collect();
        let line = sparkline(&hour, false);
        assert_eq!((line.chars().count(), line.trim_end()), (31, "█"));
        assert_eq!(sparkline(&[], true), "");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (milliseconds, text) in [
            (None, "-"),
            (Some(0), "0 ms"),
            (Some(999), "999 ms"),
            (Some(1234), "1.2 s"),
            (Some(90_000), "1.5 min"),
            (Some(21_600_000), "6.0 h"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
    }
}
