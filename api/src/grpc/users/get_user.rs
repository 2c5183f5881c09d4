//! `GetUser`.

use tidings_domain::access::Scope;
use tidings_domain::notification::UserId;
use tidings_proto::user::{GetUserRequest, GetUserResponse};

use super::view;
use crate::accounts::{self, AccountError};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::grpc::call::Call;

pub async fn handle(call: &Call, message: GetUserRequest) -> Result<GetUserResponse, ApiError> {
    let accounts = call.state.accounts()?;
    let id = allowed(call.caller()?, &message.id)?;
    let user = accounts::get_user(accounts, id).await?;
    Ok(GetUserResponse {
        user: Some(view::user(user.ok_or(AccountError::NotFound)?)),
    })
}

/// The user with this id, or the caller's own user if the id is empty.
///
/// # Errors
///
/// Returns 400 if the id is not a UUID, and 403 if the caller may not read the user.
fn allowed(caller: &Caller, id: &str) -> Result<UserId, ApiError> {
    let own = caller.check_own_session().map(|(user, _)| user);
    if id.is_empty() {
        return own;
    }
    let id: UserId = id.parse().map_err(|_| {
        let details = vec![ErrorDetail::new("id", "must be a UUID")];
        ApiError::bad_request(
            "invalid_fields",
            "Invalid fields: id: must be a UUID",
            details,
        )
    })?;
    if own.is_ok_and(|own| own == id) {
        return Ok(id);
    }
    caller.check(Scope::UsersRead)?;
    Ok(id)
}
