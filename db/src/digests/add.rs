//! Adds items to open digests. The lock of the row of a digest makes it certain whether an item is in this digest or in the
//! next one.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use tidings_domain::digest::DigestKey;
use tidings_domain::notification::{Channel, DigestId, UserId};
use tidings_domain::time::Timezone;
use uuid::Uuid;

use super::facts::DigestFacts;
use crate::Transaction;
use crate::error::DbError;

/// A notification to add.
#[derive(Clone, Debug)]
pub(super) struct NewItem<'a> {
    pub(super) user: UserId,
    pub(super) channel: Channel,
    pub(super) category: &'a str,
    pub(super) key: Option<&'a DigestKey>,
    pub(super) facts: &'a DigestFacts,
}

/// What only one open digest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct OpenDigest<'a> {
    user: Uuid,
    channel: &'static str,
    category: &'a str,
    key: &'a str,
}

impl<'a> NewItem<'a> {
    fn key(&self) -> OpenDigest<'a> {
        OpenDigest {
            user: self.user.as_uuid(),
            channel: self.channel.as_str(),
            category: self.category,
            key: self.key.map_or("", DigestKey::as_str),
        }
    }
}

/// Adds `items` at `now`, the time of the transaction, to the open digests of their users, and opens those that are missing.
/// Locks these until the transaction ends. Returns the digest of each item, in their order.
///
/// Digests are locked in the order of their keys, so that no two transactions wait for each other.
pub(super) async fn add(
    transaction: &Transaction<'_>,
    items: &[NewItem<'_>],
    default_timezone: &Timezone,
    now: Timestamp,
) -> Result<Vec<DigestId>, DbError> {
    let mut digests: BTreeMap<OpenDigest<'_>, (&DigestFacts, i32)> = BTreeMap::new();
    for item in items {
        digests.entry(item.key()).or_insert((item.facts, 0)).1 += 1;
    }
    let column =
        |value: fn(&OpenDigest<'_>) -> String| digests.keys().map(value).collect::<Vec<_>>();
    let ids: Vec<Uuid> = digests.iter().map(|_| Uuid::now_v7()).collect();
    let users: Vec<Uuid> = digests.keys().map(|key| key.user).collect();
    let channels = column(|key| key.channel.to_owned());
    let categories = column(|key| key.category.to_owned());
    let keys = column(|key| key.key.to_owned());
    let all = digests.values();
    let closes_at: Vec<Timestamp> = all
        .clone()
        .map(|(facts, _)| facts.closes_at(default_timezone, now))
        .collect();
    let counts: Vec<i32> = all.clone().map(|(_, count)| *count).collect();
    let max_items: Vec<i32> = all
        .map(|(facts, _)| i32::try_from(facts.max_items()).unwrap_or(i32::MAX))
        .collect();
    // If a scheduler closes the digest meanwhile, PostgreSQL finds no conflict any more and inserts the next one.
    let statement = transaction
        .prepare_cached(
            "INSERT INTO digests AS digest (id, user_id, channel, category, key, closes_at, items, max_items)
             SELECT id, user_id, channel, category, key, CASE WHEN items >= max_items THEN now() ELSE closes_at END,
                    items, max_items
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::int[],
                         $8::int[])
                  AS added (id, user_id, channel, category, key, closes_at, items, max_items)
             ORDER BY user_id, channel COLLATE \"C\", category COLLATE \"C\", key COLLATE \"C\"
             ON CONFLICT (user_id, channel, category, key) WHERE status = 'open'
             DO UPDATE SET items = digest.items + excluded.items, max_items = excluded.max_items,
                           closes_at = CASE WHEN digest.items + excluded.items >= excluded.max_items
                                            THEN least(digest.closes_at, now())
                                            ELSE least(digest.closes_at, excluded.closes_at) END
             RETURNING id, user_id, channel, category, key",
        )
        .await?;
    let rows = transaction
        .query(
            &statement,
            &[
                &ids,
                &users,
                &channels,
                &categories,
                &keys,
                &closes_at,
                &counts,
                &max_items,
            ],
        )
        .await?;
    let found: HashMap<(Uuid, &str, &str, &str), DigestId> = rows
        .iter()
        .map(|row| {
            let key = (row.get(1), row.get(2), row.get(3), row.get(4));
            (key, row.get::<_, Uuid>(0).into())
        })
        .collect();
    let digest = |item: &NewItem<'_>| {
        let key = item.key();
        let id = found.get(&(key.user, key.channel, key.category, key.key));
        // Each key has returned a row.
        id.copied().unwrap_or_else(DigestId::generate)
    };
    Ok(items.iter().map(digest).collect())
}

/// Takes items back that [`add`] has counted and that are not in their digest: one for each of `digests`.
pub(super) async fn take_back(
    transaction: &Transaction<'_>,
    digests: &[DigestId],
) -> Result<(), DbError> {
    if digests.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = digests.iter().map(|id| id.as_uuid()).collect();
    let statement = transaction
        .prepare_cached(
            "UPDATE digests SET items = items - taken.count
             FROM (SELECT id, count(*)::int AS count FROM unnest($1::uuid[]) AS taken (id) GROUP BY id) AS taken
             WHERE digests.id = taken.id",
        )
        .await?;
    transaction.execute(&statement, &[&ids]).await?;
    Ok(())
}
