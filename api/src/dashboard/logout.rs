use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::dashboard_sessions::{self, DashboardEndReason, DashboardSession};
use tidings_db::{Database, DbError, Transaction, TransactionOptions};

use super::holder::origin;
use crate::accounts::ClientInfo;

/// Ends a session.
///
/// # Errors
///
/// Returns the error of the database.
pub async fn log_out(
    database: &Database,
    session: &DashboardSession,
    client: &ClientInfo,
) -> Result<(), DbError> {
    let origin = origin(&session.holder, client);
    let entry = origin
        .entry(Action::AuthLogout)
        .on(TargetKind::DashboardSession, session.id);
    database
        .transaction(
            TransactionOptions::default(),
            async |transaction: &Transaction<'_>| {
                let reason = DashboardEndReason::Logout;
                if dashboard_sessions::end(transaction, session.id, reason).await? {
                    audit::record(transaction, &entry).await?;
                }
                Ok(())
            },
        )
        .await
}
