//! `Register`.

use tidings_proto::user::{RegisterRequest, RegisterResponse};

use super::{json, view};
use crate::accounts::{self, LoggedIn};
use crate::error::ApiError;
use crate::grpc::call::Call;
use crate::handlers::auth::register::parse;

pub async fn handle(call: &Call, message: RegisterRequest) -> Result<RegisterResponse, ApiError> {
    let accounts = call.state.accounts()?;
    let json = json::object([
        ("email", message.email),
        ("username", message.username),
        ("password", message.password),
        ("inviteToken", message.invite_token),
    ])?;
    let LoggedIn { user, tokens } =
        accounts::register(accounts, parse(&json)?, &call.client).await?;
    Ok(RegisterResponse {
        user: Some(view::user(user)),
        access_token: view::token(&tokens.access_token),
        refresh_token: view::token(&tokens.refresh_token),
    })
}
