use tidings_db::audit::{self, Action, Outcome};
use tidings_db::dashboard_sessions::{DashboardSession, SessionHolder};
use tidings_db::{TransactionOptions, credentials};
use tidings_domain::access::DashboardRole;

use super::login::{check, is_told};
use super::notices::{self, Notice};
use super::{AccountError, AccountsState, LoginRequest};
use crate::dashboard::DashboardLogin;

/// Begins a session of the dashboard of the user with this name and password.
///
/// # Errors
///
/// Returns the errors of [`login`](super::login()), and [`AccountError::RoleRequired`] if the user is neither an operator nor an
/// admin.
pub async fn log_in_to_dashboard(
    state: &AccountsState,
    request: LoginRequest,
    login: &DashboardLogin,
) -> Result<DashboardSession, AccountError> {
    let client = login.client();
    let checked = check(state, request, client).await?;
    let (user, origin) = (checked.user(), client.acting_as(checked.user()));
    state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            if let Err(refusal) = checked.admit(transaction).await? {
                return Ok(Err(refusal));
            }
            let role = credentials::role(transaction, user).await?;
            let Some(role) = DashboardRole::of_user(role) else {
                let entry = origin.entry(Action::AuthLogin).ended(Outcome::Refused);
                let entry = entry.with("reason", AccountError::RoleRequired.code());
                audit::record(transaction, &entry).await?;
                return Ok(Err(AccountError::RoleRequired));
            };
            if is_told(transaction, state, user, client).await? {
                let cause = login.id().as_uuid();
                notices::record(transaction, state, user, cause, Notice::Login, client).await?;
            }
            let holder = SessionHolder::User(user);
            let begun = login.begin(transaction, &holder, role, None).await?;
            // The row of the user is locked, so that nothing can have ended it.
            Ok(begun.ok_or(AccountError::Internal(
                "the session that has begun is not there",
            )))
        })
        .await?
}
