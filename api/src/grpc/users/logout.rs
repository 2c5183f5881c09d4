//! `Logout`.

use tidings_proto::user::{LogoutRequest, LogoutResponse};

use super::json;
use crate::accounts;
use crate::error::ApiError;
use crate::grpc::call::Call;
use crate::handlers::auth::refresh::parse;

pub async fn handle(call: &Call, message: LogoutRequest) -> Result<LogoutResponse, ApiError> {
    let accounts = call.state.accounts()?;
    let json = json::object([("refreshToken", message.refresh_token)])?;
    accounts::logout(accounts, parse(&json)?, &call.client).await?;
    Ok(LogoutResponse {})
}
