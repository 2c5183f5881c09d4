//! How long entries and the addresses in them are kept.

use tidings_domain::notification::UserId;
use tidings_settings::{Reader, table};

use crate::GenericClient;
use crate::database::Database;
use crate::error::DbError;
use crate::transaction::TransactionOptions;

/// Maximum number of entries that one statement changes.
const CHUNK: u32 = 1000;

/// How long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRetention {
    /// How many days entries are kept (`AUDIT_RETENTION_DAYS`); `None` if no entry is ever deleted.
    pub entry_days: Option<u32>,
    /// How many days their addresses are kept (`AUDIT_IP_DAYS`).
    pub ip_days: u32,
}

impl AuditRetention {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let entry_days: u32 = reader.value(table::AUDIT_RETENTION_DAYS);
        if (1..MIN_DAYS).contains(&entry_days) {
            let message = format!("must be 0, or at least {MIN_DAYS}");
            reader.problem(table::AUDIT_RETENTION_DAYS, message);
        }
        Self {
            entry_days: Some(entry_days).filter(|days| *days > 0),
            ip_days: reader.value(table::AUDIT_IP_DAYS),
        }
    }
}

/// The function `audit_log_maintain` deletes no younger entries, so that the programs' role cannot remove its traces.
const MIN_DAYS: u32 = 90;

/// What [`maintain`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Partitions that were dropped, of a month each.
    pub partitions_dropped: u64,
    /// Addresses that were erased.
    pub ips_erased: u64,
}

/// Creates the partitions of the next months, drops those whose entries are all too old, and erases old addresses.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn maintain(
    database: &Database,
    retention: AuditRetention,
) -> Result<Maintained, DbError> {
    let keep = retention.entry_days.map(integer);
    let dropped: i32 = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let sql = "SELECT audit_log_maintain($1)";
            Ok(transaction.query_one(sql, &[&keep]).await?.get(0))
        })
        .await?;
    let mut ips_erased = 0;
    loop {
        let erased = database
            .run(async |client| erase_ips(client, retention.ip_days).await)
            .await?;
        ips_erased += erased;
        if erased < u64::from(CHUNK) {
            break;
        }
    }
    Ok(Maintained {
        partitions_dropped: u64::try_from(dropped).unwrap_or(0),
        ips_erased,
    })
}

async fn erase_ips(client: &impl GenericClient, ip_days: u32) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached("SELECT audit_log_erase_ips($1, $2)")
        .await?;
    let row = client
        .query_one(&statement, &[&integer(ip_days), &integer(CHUNK)])
        .await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// Erases what the entries contain of a user that is deleted: the address and the user agent of its actions, and its e-mail
/// address. The entries stay. Changes a limited number of entries, and returns it: call this again until it returns 0.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn erase_user(client: &impl GenericClient, user: UserId) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached("SELECT audit_log_erase_user($1, $2)")
        .await?;
    let row = client
        .query_one(&statement, &[&user.to_string(), &integer(CHUNK)])
        .await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// A number as PostgreSQL's `integer`.
fn integer(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(days: &str) -> Result<AuditRetention, tidings_settings::SettingProblems> {
        let vars = [("AUDIT_RETENTION_DAYS".to_owned(), days.to_owned())];
        let mut reader = Reader::from_vars(vars);
        let retention = AuditRetention::read(&mut reader);
        reader.finish(Some(retention))
    }

    #[test]
    fn entries_are_kept_for_90_days_at_least_or_for_ever() {
        assert_eq!(read("90").map(|one| one.entry_days).ok(), Some(Some(90)));
        assert_eq!(read("0").map(|one| one.entry_days).ok(), Some(None));
        assert!(read("1").is_err() && read("89").is_err());
    }
}
