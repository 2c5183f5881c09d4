use jiff::Timestamp;
use tokio_postgres::Row;

use super::filter::{DeadLetterFilter, FAILED_AT, NONE, PARAMETERS, UNKNOWN};
use crate::GenericClient;
use crate::error::DbError;

/// How many dead letters all groups share: of the failed notifications, and of the letters without a row. Each group counts an equal
/// share, and at least 200: with more than 50 groups, more are counted in all (40,000 with 200).
pub const MAX_COUNTED: u32 = 10_000;

/// How many groups there are at most: of the failed notifications, and of the letters without a row. There can be more, because each
/// reason and channel has up to ten groups, or more if there is room.
pub const MAX_GROUPS: u32 = 200;

/// How many are counted at most of a filter with an endpoint, whose rows are read, or of the ids of a filter.
const MAX_LISTED: u32 = 1000;

/// At least so many are counted of each group, however many groups there are.
const MIN_SHARE: u32 = 200;

/// At least so many providers of each reason and channel are groups.
const MIN_PROVIDERS: u32 = 10;

/// The dead letters with one reason, one channel and one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterGroup {
    /// The code of the failure.
    pub reason: String,
    /// The channel or the stage; `None` if the messages name no known stage.
    pub channel: Option<String>,
    /// The provider, or the host of the webhooks; `None` if nobody was asked.
    pub provider: Option<String>,
    /// How many, as far as they are counted.
    pub count: i64,
    /// Whether there are more.
    pub is_capped: bool,
    /// When the first of them failed.
    pub first_failed_at: Timestamp,
    /// When the last of them failed.
    pub last_failed_at: Timestamp,
    /// The error of the one that failed last.
    pub error: Option<String>,
}

impl From<&Row> for DeadLetterGroup {
    fn from(row: &Row) -> Self {
        let (counted, limit): (i64, i64) = (row.get(3), row.get(4));
        Self {
            reason: row.get(0),
            channel: row.get(1),
            provider: row.get(2),
            count: counted.min(limit),
            is_capped: counted > limit,
            first_failed_at: row.get(5),
            last_failed_at: row.get(6),
            error: row.get(7),
        }
    }
}

/// The groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterGroups {
    /// The largest first.
    pub groups: Vec<DeadLetterGroup>,
    /// Whether there are more dead letters than are counted.
    pub is_capped: bool,
}

/// Counts dead letters by reason, channel and provider. Finds each group in an index without reading the others. The groups of failed
/// notifications share `limit`, and so do those of letters without a row: of each group, an equal share is counted, and at least 200
/// (or `limit`, if it is smaller). Of a filter with ids or an endpoint, counts the last `limit`, and at most 1000, of each kind.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn groups(
    client: &impl GenericClient,
    filter: &DeadLetterFilter,
    limit: u32,
) -> Result<DeadLetterGroups, DbError> {
    let is_listed = filter.endpoint.is_some() || !filter.ids.is_empty();
    let limit = if is_listed {
        limit.min(MAX_LISTED)
    } else {
        limit
    };
    let sql = if is_listed {
        of_the_last(filter)
    } else {
        let mut kinds = vec![of_kind(&ROWS, filter)];
        // Nobody was asked to deliver a message without a row.
        if filter.provider.as_deref().is_none_or(|name| name == NONE) {
            kinds.push(of_kind(&LETTERS, filter));
        }
        format!("{} ORDER BY 4 DESC, 1, 2, 3", kinds.join(" UNION ALL "))
    };
    let statement = client.prepare_cached(&sql).await?;
    let ids = filter.ids_parameter();
    let (limit, most) = (i64::from(limit), i64::from(MAX_GROUPS));
    let mut parameters = filter.parameters(&ids);
    parameters.push(&limit);
    if !is_listed {
        parameters.push(&most);
    }
    let rows = client.query(&statement, &parameters).await?;
    let has_group = |row: &&Row| row.get::<_, Option<&str>>(0).is_some();
    let groups: Vec<DeadLetterGroup> = rows
        .iter()
        .filter(has_group)
        .map(DeadLetterGroup::from)
        .collect();
    let is_capped = rows.iter().any(|row| row.get(8)) || groups.iter().any(|group| group.is_capped);
    Ok(DeadLetterGroups { groups, is_capped })
}

/// The place of a parameter behind those of the filter.
const LIMIT: usize = PARAMETERS + 1;
const MOST: usize = PARAMETERS + 2;

/// Groups what the list begins with: at most the limit of failed rows, and as many letters.
fn of_the_last(filter: &DeadLetterFilter) -> String {
    let source = filter.row_source();
    let (tables, at) = (source.tables, source.at);
    // One more shows that there are more. The errors are read for the groups only, because they are in no index.
    format!(
        "WITH letter AS MATERIALIZED (
             (SELECT coalesce(failure_reason, '{UNKNOWN}') AS reason, type AS channel, failed_provider AS provider, {at} AS at,
                     message_id AS id, true AS is_row
              FROM {tables} WHERE {} ORDER BY {at} DESC LIMIT ${LIMIT}::bigint + 1)
             UNION ALL
             (SELECT reason, stage, NULL, failed_at, id, false
              FROM dead_letters WHERE {} ORDER BY failed_at DESC LIMIT ${LIMIT}::bigint + 1)
         ), grouped AS MATERIALIZED (
             SELECT reason, channel, provider, is_row, count(*) AS n, min(at) AS first, max(at) AS last,
                    (array_agg(id ORDER BY at DESC))[1] AS id
             FROM letter GROUP BY 1, 2, 3, 4
         )
         SELECT reason, channel, provider, n, ${LIMIT}::bigint, first, last,
                CASE WHEN is_row THEN (SELECT error_message FROM notifications WHERE message_id = grouped.id)
                     ELSE (SELECT detail FROM dead_letters WHERE dead_letters.id = grouped.id) END,
                sum(n) OVER (PARTITION BY is_row) > ${LIMIT}::bigint
         FROM grouped ORDER BY n DESC, 1, 2, 3",
        filter.row_conditions(),
        filter.letter_conditions()
    )
}

/// One of the two kinds of dead letters.
struct Kind {
    table: &'static str,
    always: &'static str,
    /// The first columns of the index. Letters without a row have no provider.
    reason: &'static str,
    channel: &'static str,
    provider: Option<&'static str>,
    /// The next one.
    at: &'static str,
    id: &'static str,
    error: &'static str,
    /// The channel and the provider of a group in the answer.
    shown: &'static str,
}

const ROWS: Kind = Kind {
    table: "notifications",
    always: "status = 'failed' AND purged_at IS NULL",
    reason: "coalesce(failure_reason, 'unknown')",
    channel: "type",
    provider: Some("coalesce(failed_provider, 'none')"),
    at: FAILED_AT,
    id: "message_id",
    error: "error_message",
    shown: "key2, nullif(key3, 'none')",
};

const LETTERS: Kind = Kind {
    table: "dead_letters",
    always: "removed_at IS NULL",
    reason: "reason",
    channel: "coalesce(stage, 'none')",
    provider: None,
    at: "failed_at",
    id: "id",
    error: "detail",
    shown: "nullif(key2, 'none'), NULL",
};

/// The groups of one kind, and a row without a reason if some are left out. Each step of the recursions finds the next reason and
/// channel, and of these the next provider, in the index: a channel or a provider of the filter is found however many others
/// there are.
fn of_kind(kind: &Kind, filter: &DeadLetterFilter) -> String {
    let Kind {
        table,
        always,
        reason,
        channel,
        provider,
        at,
        id,
        error,
        shown,
    } = kind;
    // The parameters that are not used are NULL, and need a type.
    let condition = |is_set: bool, text: &str, absent: &str| {
        if is_set {
            text.to_owned()
        } else {
            format!("{absent} IS NULL")
        }
    };
    let has_reason = filter.reason.is_some();
    let of_reason = condition(has_reason, &format!("{reason} = $1"), "$1::text");
    // The reason of a filter is the same in all pairs. Compared with the others, it would lead past all its dead letters.
    let is_next = if has_reason {
        format!("{channel} > pairs.key2")
    } else {
        format!("({reason}, {channel}) > (pairs.key1, pairs.key2)")
    };
    let of_channel = condition(filter.channel.is_some(), "key2 = $2", "$2::text");
    let of_pair = format!("{always} AND {reason} = pair.key1 AND {channel} = pair.key2");
    let (names, providers, of_provider) = match (provider, filter.provider.is_some()) {
        (None, _) => ("key1, key2", String::new(), String::new()),
        (Some(provider), true) => (
            "key1, key2, key3",
            format!(
                "CROSS JOIN LATERAL (SELECT $6 AS key3, 1::bigint AS place
                                     WHERE EXISTS (SELECT FROM {table} WHERE {of_pair} AND {provider} = $6)) AS providers"
            ),
            format!("AND {provider} = key3"),
        ),
        (Some(provider), false) => (
            "key1, key2, key3",
            format!(
                "CROSS JOIN LATERAL (
                     WITH RECURSIVE providers AS (
                         (SELECT {provider} AS key3, 1::bigint AS place FROM {table} WHERE {of_pair} ORDER BY {provider} LIMIT 1)
                         UNION ALL
                         (SELECT next.key3, providers.place + 1
                          FROM providers CROSS JOIN LATERAL (
                              SELECT {provider} AS key3 FROM {table} WHERE {of_pair} AND {provider} > providers.key3
                              ORDER BY {provider} LIMIT 1) AS next
                          WHERE providers.place <= pair.most)
                     )
                     SELECT key3, place FROM providers) AS providers"
            ),
            format!("AND {provider} = key3"),
        ),
    };
    let place = if providers.is_empty() { "1" } else { "place" };
    let from = condition(
        filter.from.is_some(),
        &format!("{at} >= $4"),
        "$4::timestamptz",
    );
    let to = condition(
        filter.to.is_some(),
        &format!("{at} < $5"),
        "$5::timestamptz",
    );
    let group = format!(
        "FROM {table} WHERE {always} AND {reason} = key1 AND {channel} = key2 {of_provider} AND {from} AND {to}"
    );
    format!(
        "(WITH RECURSIVE pairs AS (
              (SELECT {reason} AS key1, {channel} AS key2, 1::bigint AS place FROM {table} WHERE {always} AND {of_reason}
               ORDER BY {reason}, {channel} LIMIT 1)
              UNION ALL
              (SELECT next.*, pairs.place + 1
               FROM pairs CROSS JOIN LATERAL (
                   SELECT {reason}, {channel} FROM {table} WHERE {always} AND {of_reason} AND {is_next}
                   ORDER BY {reason}, {channel} LIMIT 1) AS next
               WHERE pairs.place <= ${MOST}::bigint)
          ), pair AS MATERIALIZED (
              SELECT key1, key2, greatest(${MOST}::bigint / count(*) OVER (), {MIN_PROVIDERS}) AS most,
                     (SELECT count(*) > ${MOST}::bigint FROM pairs) AS is_cut
              FROM pairs
              WHERE {of_channel} AND $3::uuid[] IS NULL AND $6::text IS NOT DISTINCT FROM $6 AND $7::uuid IS NULL
          ), found AS MATERIALIZED (
              SELECT {names}, {place} > most AS is_more, is_cut FROM pair {providers}
          ), wanted AS MATERIALIZED (
              SELECT {names}, greatest(${LIMIT}::bigint / count(*) OVER (), least(${LIMIT}::bigint, {MIN_SHARE})) AS share
              FROM found WHERE NOT is_more
          )
          SELECT key1, {shown}, counted.n, share, first.at, last.at, (SELECT {error} FROM {table} WHERE {id} = last.id), false
          FROM wanted
               CROSS JOIN LATERAL (SELECT {at} AS at {group} ORDER BY {at} LIMIT 1) AS first
               CROSS JOIN LATERAL (SELECT {at} AS at, {id} AS id {group} ORDER BY {at} DESC LIMIT 1) AS last
               -- One more shows that there are more.
               CROSS JOIN LATERAL (SELECT count(*) AS n FROM (SELECT {group} ORDER BY {at} DESC LIMIT share + 1) AS one) AS counted
          UNION ALL
          SELECT NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, true FROM found HAVING bool_or(is_more OR is_cut))"
    )
}
