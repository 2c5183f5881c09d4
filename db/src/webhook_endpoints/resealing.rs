//! Which keys encrypt the secrets in the table, and encrypting them under the first key.

use std::collections::BTreeMap;

use secrecy::SecretString;
use uuid::Uuid;

use crate::error::DbError;
use crate::secret_keys::{KeyId, OpenError, SealError, SecretKeys, SecretState};
use crate::{GenericClient, Transaction};

/// The number of secrets, by how they are stored. Previous secrets count too; those that no longer sign count only in
/// `expired`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretCounts {
    /// Encrypted under the first key.
    pub current: u64,
    /// Encrypted under another key of `SECRETS_KEY`.
    pub former: BTreeMap<KeyId, u64>,
    /// Readable.
    pub plain: u64,
    /// No key of `SECRETS_KEY` opens them.
    pub unopened: BTreeMap<OpenError, u64>,
    /// Previous secrets that no longer sign.
    pub expired: u64,
}

impl SecretCounts {
    /// Adds other counts.
    pub fn add(&mut self, other: Self) {
        self.current += other.current;
        self.plain += other.plain;
        self.expired += other.expired;
        for (key, count) in other.former {
            *self.former.entry(key).or_default() += count;
        }
        for (error, count) in other.unopened {
            *self.unopened.entry(error).or_default() += count;
        }
    }

    /// The number of secrets that the first key can encrypt and has not.
    #[must_use]
    pub fn resealable(&self) -> u64 {
        self.plain + self.former.values().sum::<u64>()
    }

    fn record(&mut self, state: SecretState) {
        match state {
            SecretState::Current => self.current += 1,
            SecretState::Plain => self.plain += 1,
            SecretState::Former(key) => *self.former.entry(key).or_default() += 1,
            SecretState::Unopened(error) => *self.unopened.entry(error).or_default() += 1,
        }
    }
}

/// The secrets of consecutive endpoints.
#[derive(Clone, Debug)]
pub struct SecretPage {
    /// How the secrets are stored.
    pub counts: SecretCounts,
    /// The number of endpoints.
    pub endpoints: u64,
    /// The last endpoint of the page, after which the next page begins. `None` if the page is the last one.
    pub last: Option<Uuid>,
}

/// Returns whether there is an endpoint.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn any_exist(client: &impl GenericClient) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT FROM webhook_endpoints)";
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// Returns the number of endpoints.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count(client: &impl GenericClient) -> Result<u64, DbError> {
    let sql = "SELECT count(*) FROM webhook_endpoints";
    let count: i64 = client.query_one(sql, &[]).await?.get(0);
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Returns how the secrets of at most `limit` endpoints after `after` are stored, in the order of the ids.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn inspect_secrets(
    client: &impl GenericClient,
    keys: &SecretKeys,
    after: Option<Uuid>,
    limit: u32,
) -> Result<SecretPage, DbError> {
    let rows = stored_secrets(client, after, limit, "").await?;
    let mut counts = SecretCounts::default();
    for row in &rows {
        row.inspect(keys, &mut counts);
    }
    Ok(page(counts, &rows, limit))
}

/// Encrypts the secrets of at most `limit` endpoints after `after` under the first key, and deletes previous secrets that no
/// longer sign. Secrets that cannot be decrypted stay as they are. Locks the rows until the transaction ends. The counts say
/// how the secrets were stored before. If a secret cannot be encrypted, nothing is changed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn reseal_secrets(
    transaction: &Transaction<'_>,
    keys: &SecretKeys,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Result<SecretPage, SealError>, DbError> {
    // Locked, so that a secret that a client replaces meanwhile is not overwritten.
    let rows = stored_secrets(transaction, after, limit, "FOR UPDATE").await?;
    let mut counts = SecretCounts::default();
    let mut resealed = Vec::new();
    for row in &rows {
        match row.reseal(keys, &mut counts) {
            Ok(new) => resealed.extend(new),
            Err(error) => return Ok(Err(error)),
        }
    }
    update(transaction, &resealed).await?;
    Ok(Ok(page(counts, &rows, limit)))
}

/// The secrets of an endpoint, as they are stored.
struct StoredSecrets {
    endpoint: Uuid,
    current: String,
    previous: Option<String>,
    /// Whether the previous secret no longer signs.
    is_expired: bool,
}

/// What replaces the secrets of an endpoint.
struct Resealed {
    endpoint: Uuid,
    current: String,
    /// `None` removes the previous secret.
    previous: Option<String>,
}

impl StoredSecrets {
    /// Counts the secrets. Returns those that sign, decrypted.
    fn inspect(&self, keys: &SecretKeys, counts: &mut SecretCounts) -> [Option<SecretString>; 2] {
        let mut inspect = |stored: &str| {
            let (state, secret) = keys.inspect(self.endpoint, stored);
            let resealable = matches!(state, SecretState::Plain | SecretState::Former(_));
            counts.record(state);
            secret.filter(|_| resealable)
        };
        let current = inspect(&self.current);
        let previous = match &self.previous {
            Some(stored) if !self.is_expired => inspect(stored),
            _ => None,
        };
        counts.expired += u64::from(self.is_expired);
        [current, previous]
    }

    /// Counts the secrets. Returns what replaces them, or `None` if they stay as they are.
    fn reseal(
        &self,
        keys: &SecretKeys,
        counts: &mut SecretCounts,
    ) -> Result<Option<Resealed>, SealError> {
        let [current, previous] = self.inspect(keys, counts);
        if current.is_none() && previous.is_none() && !self.is_expired {
            return Ok(None);
        }
        let seal = |secret: &SecretString| -> Result<String, SealError> {
            Ok(keys.seal(self.endpoint, secret)?.text().to_owned())
        };
        let current = current.as_ref().map(seal).transpose()?;
        let previous = previous.as_ref().map(seal).transpose()?;
        let kept = self.previous.clone().filter(|_| !self.is_expired);
        Ok(Some(Resealed {
            endpoint: self.endpoint,
            current: current.unwrap_or_else(|| self.current.clone()),
            previous: previous.or(kept),
        }))
    }
}

async fn stored_secrets(
    client: &impl GenericClient,
    after: Option<Uuid>,
    limit: u32,
    lock: &str,
) -> Result<Vec<StoredSecrets>, DbError> {
    let sql = format!(
        "SELECT id, secret, previous_secret, coalesce(previous_secret_until <= now(), false)
         FROM webhook_endpoints WHERE id > $1 ORDER BY id LIMIT $2 {lock}"
    );
    let statement = client.prepare_cached(&sql).await?;
    // Every UUIDv7 is larger.
    let after = after.unwrap_or(Uuid::nil());
    let rows = client
        .query(&statement, &[&after, &i64::from(limit)])
        .await?;
    let rows = rows.iter().map(|row| StoredSecrets {
        endpoint: row.get(0),
        current: row.get(1),
        previous: row.get(2),
        is_expired: row.get(3),
    });
    Ok(rows.collect())
}

/// Replaces secrets. `updated_at` stays: for the users, nothing has changed.
async fn update(client: &impl GenericClient, resealed: &[Resealed]) -> Result<(), DbError> {
    if resealed.is_empty() {
        return Ok(());
    }
    let statement = client
        .prepare_cached(
            "UPDATE webhook_endpoints
             SET secret = resealed.current,
                 previous_secret = resealed.previous,
                 previous_secret_until = CASE WHEN resealed.previous IS NOT NULL THEN previous_secret_until END
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS resealed (endpoint, current, previous)
             WHERE id = resealed.endpoint",
        )
        .await?;
    let endpoints: Vec<Uuid> = resealed.iter().map(|one| one.endpoint).collect();
    let current: Vec<&str> = resealed.iter().map(|one| one.current.as_str()).collect();
    let previous: Vec<_> = resealed.iter().map(|one| one.previous.as_deref()).collect();
    client
        .execute(&statement, &[&endpoints, &current, &previous])
        .await?;
    Ok(())
}

fn page(counts: SecretCounts, rows: &[StoredSecrets], limit: u32) -> SecretPage {
    let is_full = u32::try_from(rows.len()).is_ok_and(|read| read == limit);
    SecretPage {
        counts,
        endpoints: rows.len().try_into().unwrap_or(u64::MAX),
        last: rows.last().filter(|_| is_full).map(|row| row.endpoint),
    }
}
