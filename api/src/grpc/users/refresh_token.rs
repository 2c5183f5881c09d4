//! `RefreshToken`.

use tidings_proto::user::{RefreshTokenRequest, RefreshTokenResponse};

use super::{json, view};
use crate::accounts;
use crate::error::ApiError;
use crate::grpc::call::Call;
use crate::handlers::auth::refresh::parse;

pub async fn handle(
    call: &Call,
    message: RefreshTokenRequest,
) -> Result<RefreshTokenResponse, ApiError> {
    let accounts = call.state.accounts()?;
    let json = json::object([("refreshToken", message.refresh_token)])?;
    let tokens = accounts::refresh(accounts, parse(&json)?, &call.client).await?;
    Ok(RefreshTokenResponse {
        access_token: view::token(&tokens.access_token),
        refresh_token: view::token(&tokens.refresh_token),
    })
}
