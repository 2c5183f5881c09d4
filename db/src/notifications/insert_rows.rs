//! The statement that inserts rows.

use jiff::Timestamp;
use tidings_domain::category::CategoryName;
use tidings_domain::decision::{HoldReason, SuppressReason};
use tidings_domain::digest::DigestKey;
use tidings_domain::notification::{
    DigestId, Fingerprint, GroupKey, MessageId, Notification, Status, UserId,
};
use tidings_domain::preference::AddressHash;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::first_state::FirstState;
use super::insert::{CollectedFacts, InsertedRow, InsertedRows};
use super::preferences::{address_refuses, user_refuses};
use crate::GenericClient;
use crate::digests::{DigestFacts, digest_facts};
use crate::error::DbError;
use crate::trace_columns::{TRACE_COLUMNS, TraceValues};

/// Inserts rows in one statement, in this order, which must be that of their message ids. Leaves a notification as it is if
/// its message id is already recorded, and returns how the others begin.
///
/// If `collects`, it leaves out the notifications that would become `pending` and are collected to digests, and returns what
/// is known about them.
pub(crate) async fn insert_rows(
    client: &impl GenericClient,
    batch: &[(&Notification, FirstState)],
    collects: bool,
) -> Result<(InsertedRows, CollectedFacts), DbError> {
    let notifications = || batch.iter().map(|(notification, _)| *notification);
    let states = || batch.iter().map(|(_, state)| state);
    let statuses: Vec<&str> = states().map(|state| state.status.as_str()).collect();
    let not_before: Vec<Option<Timestamp>> = states().map(|state| state.not_before).collect();
    let reasons: Vec<Option<&str>> = states()
        .map(|state| state.reason.map(HoldReason::as_str))
        .collect();
    let column = |value: fn(&Notification) -> Uuid| notifications().map(value).collect::<Vec<_>>();
    let ids = column(|n| row_id(n.accepted_at));
    let users: Vec<Option<Uuid>> = notifications()
        .map(|n| n.user_id.map(UserId::as_uuid))
        .collect();
    let message_ids = column(|n| n.message_id.as_uuid());
    let types: Vec<&str> = notifications().map(|n| n.channel.as_str()).collect();
    let payloads: Vec<&str> = notifications().map(|n| n.payload.get()).collect();
    let accepted: Vec<Timestamp> = notifications().map(|n| n.accepted_at).collect();
    let templates = || notifications().map(|n| n.template.as_ref());
    let template_names: Vec<Option<&str>> =
        templates().map(|t| t.map(|t| t.name.as_str())).collect();
    let template_locales: Vec<Option<&str>> = templates()
        .map(|t| t.and_then(|t| t.locale.as_deref()))
        .collect();
    let senders: Vec<Option<&str>> = notifications().map(|n| n.sender.as_deref()).collect();
    let groups: Vec<Option<&str>> = notifications()
        .map(|n| n.group.as_ref().map(GroupKey::as_str))
        .collect();
    let expires_at: Vec<Option<Timestamp>> = notifications().map(|n| n.window.expires_at).collect();
    let fingerprints: Vec<Option<&[u8]>> = notifications()
        .map(|n| n.fingerprint.as_ref().map(Fingerprint::as_bytes))
        .collect();
    let sensitive: Vec<Option<bool>> = notifications()
        .map(|n| n.sensitive.then_some(true))
        .collect();
    let hashes: Vec<Option<AddressHash>> = notifications()
        .map(|n| match n.user_id {
            Some(_) => None,
            None => AddressHash::of_payload(n.channel, n.payload.get()),
        })
        .collect();
    let hashes: Vec<Option<&[u8]>> = hashes
        .iter()
        .map(|hash| hash.as_ref().map(|hash| hash.as_bytes().as_slice()))
        .collect();
    let categories: Vec<Option<&str>> = notifications()
        .map(|n| n.category.as_ref().map(CategoryName::as_str))
        .collect();
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
        &ids,
        &users,
        &types,
        &payloads,
        &statuses,
        &message_ids,
        &accepted,
        &template_names,
        &template_locales,
        &senders,
        &not_before,
        &expires_at,
        &reasons,
        &groups,
        &fingerprints,
        &sensitive,
        &categories,
        &hashes,
    ];
    let digest_keys: Vec<Option<&str>> = notifications()
        .map(|n| n.digest_key.as_ref().map(DigestKey::as_str))
        .collect();
    let digest_ids: Vec<Option<Uuid>> = states()
        .map(|state| state.digest_id.map(DigestId::as_uuid))
        .collect();
    let has_digests =
        digest_keys.iter().any(Option::is_some) || digest_ids.iter().any(Option::is_some);
    let traces = TraceValues::of(notifications());
    let form = Form {
        digests: if collects {
            Digests::Collecting
        } else if has_digests {
            Digests::Columns
        } else {
            Digests::None
        },
        has_traces: traces.is_some(),
    };
    if form.digests != Digests::None {
        parameters.extend([&digest_keys as &(dyn ToSql + Sync), &digest_ids]);
    }
    if let Some(traces) = &traces {
        parameters.extend(traces.parameters());
    }
    let statement = client.prepare_cached(&form.sql()).await?;
    let rows = client.query(&statement, &parameters).await?;
    Ok(read(&rows, form))
}

/// The notifications that were inserted, and those that are collected.
fn read(rows: &[Row], form: Form) -> (InsertedRows, CollectedFacts) {
    let (mut inserted, mut collected) = (InsertedRows::new(), CollectedFacts::new());
    for row in rows {
        let id = MessageId::from(row.get::<_, Uuid>(0));
        let facts = match form.digests {
            Digests::Collecting => DigestFacts::read(row.get(3)),
            Digests::None | Digests::Columns => None,
        };
        if let Some(facts) = facts {
            collected.insert(id, facts);
        } else {
            inserted.insert(id, inserted_row(row));
        }
    }
    (inserted, collected)
}

/// How a row begins.
fn inserted_row(row: &Row) -> InsertedRow {
    // Only statuses of this version are written.
    let status = row.get::<_, &str>(1).parse().unwrap_or(Status::Cancelled);
    let is_suppressed = status == Status::Suppressed;
    InsertedRow {
        status,
        suppressed: is_suppressed.then(|| match row.get(2) {
            Some("user_gone") => SuppressReason::UserGone,
            _ => SuppressReason::Preference,
        }),
    }
}

/// The form of the statement. Batches without digests or traces have no columns for them.
#[derive(Clone, Copy, Debug)]
struct Form {
    digests: Digests,
    has_traces: bool,
}

/// What the statement says about digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digests {
    None,
    Columns,
    Collecting,
}

const COLUMNS: &str = "id, user_id, type, payload, status, message_id, created_at, processed_at,
    template_name, template_locale, sender, not_before, expires_at, reason, group_key,
    fingerprint, sensitive, payload_removed_at, category";

impl Form {
    /// The columns that it fills.
    fn columns(self) -> String {
        let mut columns = COLUMNS.to_owned();
        if self.digests != Digests::None {
            columns.push_str(", digest_key, digest_id");
        }
        if self.has_traces {
            columns = format!("{columns}, {TRACE_COLUMNS}");
        }
        columns
    }

    fn sql(self) -> String {
        let (select, columns) = (self.select(), self.columns());
        match self.digests {
            Digests::None | Digests::Columns => format!(
                "INSERT INTO notifications ({columns}) {select}
                 ON CONFLICT (message_id) DO NOTHING
                 RETURNING message_id, status, reason"
            ),
            Digests::Collecting => format!(
                "WITH decided ({columns}, facts) AS MATERIALIZED ({select}),
                 inserted AS (
                     INSERT INTO notifications ({columns})
                     SELECT {columns} FROM decided WHERE facts IS NULL ORDER BY message_id
                     ON CONFLICT (message_id) DO NOTHING
                     RETURNING message_id, status, reason
                 )
                 SELECT message_id, status, reason, NULL::text[] FROM inserted
                 UNION ALL
                 SELECT message_id, status, reason, facts FROM decided WHERE facts IS NOT NULL"
            ),
        }
    }

    /// The rows of the batch with their first status.
    fn select(self) -> String {
        let (user_refuses, address_refuses) = (user_refuses("batch"), address_refuses("batch"));
        let (mut columns, mut parameters, mut names) =
            (String::new(), String::new(), String::new());
        if self.digests != Digests::None {
            columns.push_str(DIGEST_COLUMNS);
            parameters.push_str(DIGEST_PARAMETERS);
            names.push_str(DIGEST_NAMES);
        }
        if self.has_traces {
            let first = if self.digests == Digests::None {
                19
            } else {
                21
            };
            let (second, third) = (first + 1, first + 2);
            columns = format!("{columns}, {TRACE_COLUMNS}");
            parameters =
                format!("{parameters}, ${first}::text[], ${second}::text[], ${third}::text[]");
            names = format!("{names}, {TRACE_COLUMNS}");
        }
        if self.digests == Digests::Collecting {
            let facts = digest_facts("batch", "batch.payload::jsonb");
            columns = format!("{columns}, CASE WHEN first.status = 'pending' THEN {facts} END");
        }
        format!(
            "SELECT id, user_id, type, CASE WHEN erased_at IS NULL THEN payload::jsonb ELSE '{{}}' END, first.status,
                    batch.message_id, created_at, CASE first.status WHEN 'processed' THEN now() END,
                    template_name, template_locale, batch.sender, not_before, expires_at,
                    CASE WHEN first.status <> 'suppressed' THEN reason WHEN first.gone THEN 'user_gone'
                         ELSE 'preference' END, group_key,
                    CASE WHEN erased_at IS NULL THEN fingerprint END,
                    CASE WHEN batch.sensitive OR template_name IS NOT NULL
                         THEN nullif(coalesce(batch.sensitive, template_is_sensitive(template_name, type)), false) END,
                    CASE WHEN erased_at IS NOT NULL THEN now() END, batch.category {columns}
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[],
                         $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[],
                         $13::text[], $14::text[], $15::bytea[], $16::boolean[],
                         $17::text[], $18::bytea[] {parameters})
                  AS batch (id, user_id, type, payload, status, message_id, created_at,
                            template_name, template_locale, sender, not_before, expires_at, reason, group_key,
                            fingerprint, sensitive, category, address_hash {names})
                  -- The sender may have cancelled it before it was recorded.
                  LEFT JOIN LATERAL (SELECT 'cancelled' AS status FROM cancellations
                                     WHERE cancellations.message_id = batch.message_id
                                           AND cancellations.sender IN (batch.sender, '') LIMIT 1) AS cancelled ON true
                  LEFT JOIN (SELECT id AS target_id, deletion_id, erased_at, is_deleted FROM users) AS target
                       ON target_id = batch.user_id
                  -- A user who is deleted gets nothing. While the deletion waits, critical notifications and its recovery
                  -- e-mails go out.
                  CROSS JOIN LATERAL (
                      SELECT erased_at IS NOT NULL OR is_deleted
                             OR deletion_id IS NOT NULL
                                AND NOT EXISTS (SELECT FROM recovery_mails
                                                WHERE recovery_mails.message_id = batch.message_id)
                                AND NOT EXISTS (SELECT FROM categories
                                                WHERE categories.name = batch.category AND kind = 'critical') AS gone) AS of_user
                  -- What is scheduled is decided when it is due: until then, the recipient may choose again. Without OFFSET,
                  -- PostgreSQL would look for choices once for each use of the status.
                  CROSS JOIN LATERAL (
                      SELECT gone, CASE WHEN gone THEN 'suppressed'
                                        WHEN cancelled.status IS NOT NULL THEN cancelled.status
                                        WHEN batch.status IN ('pending', 'processed')
                                             AND CASE WHEN batch.user_id IS NULL THEN {address_refuses}
                                                      ELSE {user_refuses} END THEN 'suppressed'
                                        ELSE batch.status END AS status OFFSET 0) AS first"
        )
    }
}

const DIGEST_COLUMNS: &str =
    ", batch.digest_key, CASE WHEN first.status = 'scheduled' THEN batch.digest_id END";

const DIGEST_PARAMETERS: &str = ", $19::text[], $20::uuid[]";

const DIGEST_NAMES: &str = ", digest_key, digest_id";

/// Builds a row id that sorts by time: a UUIDv7 (RFC 9562 §5.7) whose 12 bits after the milliseconds
/// contain the fraction of the millisecond (§6.2, method 3), so that ids are ordered by `accepted_at` to
/// the microsecond.
fn row_id(accepted_at: Timestamp) -> Uuid {
    let micros = u64::try_from(accepted_at.as_microsecond()).unwrap_or(0);
    let (millis, fraction) = (micros / 1000, (micros % 1000) * 4096 / 1000);
    let mut random = *Uuid::new_v4().as_bytes();
    random[0] = u8::try_from(fraction >> 8).unwrap_or(0x0f);
    random[1] = u8::try_from(fraction & 0xff).unwrap_or(0xff);
    let mut tail = [0; 10];
    tail[..2].copy_from_slice(&random[..2]);
    tail[2..].copy_from_slice(&random[8..]);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_of_a_batch_without_digests_and_traces_has_no_columns_for_them() {
        let plain = Form {
            digests: Digests::None,
            has_traces: false,
        };
        assert!(!plain.sql().contains("digest"));
        assert!(!plain.sql().contains("trace"));
    }

    #[test]
    fn row_ids_are_ordered_by_microsecond() {
        let start = 1_700_000_000_000_000i64;
        let ids: Vec<_> = (0..3000)
            .map(|micros| row_id(Timestamp::from_microsecond(start + micros).expect("in range")))
            .collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn two_row_ids_of_the_same_microsecond_differ() {
        let now = Timestamp::now();
        assert_ne!(row_id(now), row_id(now));
    }
}
