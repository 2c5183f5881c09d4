use jiff::Timestamp;
use tokio_postgres::Row;

use super::filter::{DeadLetterFilter, FAILED_AT, NONE, PARAMETERS, UNKNOWN};
use crate::GenericClient;
use crate::error::DbError;

/// How many dead letters are counted at most: of the failed notifications, and of the letters without a row.
pub const MAX_COUNTED: u32 = 10_000;

/// How many groups there are at most: of the failed notifications, and of the letters without a row.
pub const MAX_GROUPS: u32 = 200;

/// How many are counted at most of a filter with an endpoint, whose rows are read, or of the ids of a filter.
const MAX_LISTED: u32 = 1000;

/// At least so many are counted of each group.
const MIN_SHARE: u32 = 200;

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

/// Counts dead letters by reason, channel and provider. Finds each group in an index without reading the others, and counts at most
/// `limit` failed notifications and as many letters without a row: of each group an equal share, and at least 200 if `limit` is
/// larger. Of a filter with ids or an endpoint, counts the last `limit`, and at most 1000.
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
    let groups: Vec<DeadLetterGroup> = rows.iter().map(DeadLetterGroup::from).collect();
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
         SELECT reason, channel, provider, n, n, first, last,
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
    /// The first columns of the index: the reason, the channel and the provider.
    keys: &'static [&'static str],
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
    keys: &[
        "coalesce(failure_reason, 'unknown')",
        "type",
        "coalesce(failed_provider, 'none')",
    ],
    at: FAILED_AT,
    id: "message_id",
    error: "error_message",
    shown: "key2, nullif(key3, 'none')",
};

const LETTERS: Kind = Kind {
    table: "dead_letters",
    always: "removed_at IS NULL",
    keys: &["reason", "coalesce(stage, 'none')"],
    at: "failed_at",
    id: "id",
    error: "detail",
    shown: "nullif(key2, 'none'), NULL",
};

/// The groups of one kind. Each step of the recursion finds the next group in the index.
fn of_kind(kind: &Kind, filter: &DeadLetterFilter) -> String {
    let Kind {
        table,
        always,
        at,
        id,
        error,
        shown,
        ..
    } = kind;
    let each = |text: &dyn Fn(usize, &str) -> String, separator: &str| {
        let keys = kind.keys.iter().enumerate();
        let keys: Vec<String> = keys.map(|(place, key)| text(place + 1, key)).collect();
        keys.join(separator)
    };
    let (keys, names) = (kind.keys.join(", "), each(&|n, _| format!("key{n}"), ", "));
    let aliased = each(&|n, key| format!("{key} AS key{n}"), ", ");
    let equal = each(&|n, key| format!("{key} = key{n}"), " AND ");
    // The parameters that are not used are NULL, and need a type.
    let condition = |is_set: bool, text: &str, absent: &str| {
        if is_set {
            text.to_owned()
        } else {
            format!("{absent} IS NULL")
        }
    };
    let reason = condition(
        filter.reason.is_some(),
        &format!("{} = $1", kind.keys[0]),
        "$1::text",
    );
    // The reason of a filter is the same in all groups. Compared with the others, it would lead past all its dead letters.
    let compared = usize::from(filter.reason.is_some());
    let next = kind.keys[compared..].join(", ");
    let found: Vec<String> = (compared..kind.keys.len())
        .map(|place| format!("found.key{}", place + 1))
        .collect();
    let found = found.join(", ");
    let channel = condition(filter.channel.is_some(), "key2 = $2", "$2::text");
    let has_provider = filter.provider.is_some() && kind.keys.len() == 3;
    let provider = if has_provider {
        "key3 = $6"
    } else {
        "$6::text IS NOT DISTINCT FROM $6"
    };
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
    let group = format!("FROM {table} WHERE {always} AND {equal} AND {from} AND {to}");
    format!(
        "(WITH RECURSIVE found AS (
              (SELECT {aliased}, 1::bigint AS place FROM {table} WHERE {always} AND {reason} ORDER BY {keys} LIMIT 1)
              UNION ALL
              (SELECT next.*, found.place + 1
               FROM found CROSS JOIN LATERAL (
                   SELECT {aliased} FROM {table} WHERE {always} AND {reason} AND ({next}) > ({found}) ORDER BY {keys} LIMIT 1) AS next
               WHERE found.place <= ${MOST}::bigint)
          ), wanted AS MATERIALIZED (
              SELECT {names}, greatest(${LIMIT}::bigint / count(*) OVER (), least(${LIMIT}::bigint, {MIN_SHARE})) AS share, (SELECT count(*) > ${MOST}::bigint FROM found) AS is_cut
              FROM found WHERE {channel} AND {provider} AND $3::uuid[] IS NULL AND $7::uuid IS NULL
          )
          SELECT key1, {shown}, counted.n, share, first.at, last.at, (SELECT {error} FROM {table} WHERE {id} = last.id), is_cut
          FROM wanted
               CROSS JOIN LATERAL (SELECT {at} AS at {group} ORDER BY {at} LIMIT 1) AS first
               CROSS JOIN LATERAL (SELECT {at} AS at, {id} AS id {group} ORDER BY {at} DESC LIMIT 1) AS last
               -- One more shows that there are more.
               CROSS JOIN LATERAL (SELECT count(*) AS n FROM (SELECT {group} ORDER BY {at} DESC LIMIT share + 1) AS one) AS counted)"
    )
}
