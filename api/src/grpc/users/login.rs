//! `Login`.

use tidings_proto::user::{LoginRequest, LoginResponse};

use super::{json, view};
use crate::accounts::{self, LoggedIn};
use crate::error::ApiError;
use crate::grpc::call::Call;
use crate::handlers::auth::login::parse;

pub async fn handle(call: &Call, message: LoginRequest) -> Result<LoginResponse, ApiError> {
    let accounts = call.state.accounts()?;
    let json = json::object([("email", message.email), ("password", message.password)])?;
    let LoggedIn { user, tokens } = accounts::login(accounts, parse(&json)?, &call.client).await?;
    Ok(LoginResponse {
        user: Some(view::user(user)),
        access_token: view::token(&tokens.access_token),
        refresh_token: view::token(&tokens.refresh_token),
    })
}
