//! `GET /api/stats`.

use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::statistics;
use tidings_domain::access::Scope;
use tidings_domain::statistics::{Point, Series, StatsQuery, series};
use utoipa::ToSchema;

use super::query::{parse, too_many_points};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// Figures of a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    /// The start of the first step.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// The end of the last step.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// The length of a step: `1m`, `1h` or `1d`. Days are those of UTC.
    #[schema(example = "1m")]
    step: &'static str,
    /// One series for each value of what `by` asks for.
    series: Vec<StatisticsSeries>,
}

/// The figures of one channel, outcome, reason or queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticsSeries {
    /// The channel, outcome, reason or queue; `unknown` if a channel is not known.
    #[schema(example = "email")]
    by: String,
    /// One point for each step, in the order of time.
    points: Vec<StatisticsPoint>,
}

/// The figures of one step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatisticsPoint {
    /// The start of the step.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How many there were; with `by=queue`, the largest number at one time.
    n: u64,
    /// The median of their durations in milliseconds, null without durations.
    p50_ms: Option<u64>,
    /// The 95th percentile of their durations in milliseconds, null without durations.
    p95_ms: Option<u64>,
}

/// Returns how many notifications were accepted, delivered, refused and so on, and how long it took.
#[utoipa::path(get, path = "/api/stats", operation_id = "getStatistics", tag = "statistics",
    params(
        ("from" = Option<String>, Query, description = "The start of the period: RFC 3339, or relative to now in `s`, `m`, `h`, `d` or `w`, such as `-1h`, which is the default. Minutes are kept for 30 days, hours for 400"),
        ("to" = Option<String>, Query, description = "The end of the period, like `from`; `now` is the default"),
        ("step" = Option<String>, Query, description = "The time between two points, `1m` by default. A series has at most 1500 points, and an answer 30000"),
        ("by" = Option<String>, Query, description = "What distinguishes the series, `outcome` by default"),
        ("measure" = Option<String>, Query, description = "What is counted. The default is `delivered` by channel, `dead_lettered` by reason and `depth` by queue; by outcome, each outcome of a notification is a series, and `attempts` returns those of attempts to deliver"),
        ("type" = Option<String>, Query, description = "Return only figures of this channel. Not with `by=queue`"),
    ),
    responses(
        (status = 200, description = "The series. Every step of the period has a point", body = Statistics),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::Dashboard)?;
    let query = parse(request.query_string(), Timestamp::now())?;
    PageTurn::keep_space(&request)?;
    let answering = state.statistics.get(query.clone(), async || {
        let _turn = PageTurn::wait_for_part(&state).await?;
        answer(&state, &query).await
    });
    let body = answering.await?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(body))
}

async fn answer(state: &AppState, query: &StatsQuery) -> Result<Bytes, ApiError> {
    let rows = state
        .database
        .run(async |client| statistics::read(client, query).await)
        .await?;
    let series = series(query, rows).map_err(too_many_points)?;
    let json = serde_json::to_vec(&Statistics::new(query, series)).map_err(ApiError::internal)?;
    Ok(json.into())
}

impl Statistics {
    fn new(query: &StatsQuery, series: Vec<Series>) -> Self {
        Self {
            from: query.range.from(),
            to: query.range.to(),
            step: query.range.step().as_str(),
            series: series.into_iter().map(StatisticsSeries::from).collect(),
        }
    }
}

impl From<Series> for StatisticsSeries {
    fn from(series: Series) -> Self {
        Self {
            by: series.by,
            points: series
                .points
                .into_iter()
                .map(StatisticsPoint::from)
                .collect(),
        }
    }
}

impl From<Point> for StatisticsPoint {
    fn from(point: Point) -> Self {
        Self {
            at: point.at,
            n: point.n,
            p50_ms: point.p50_ms,
            p95_ms: point.p95_ms,
        }
    }
}
