//! `user.UserService`: accounts, with the messages of an older user service. Requests become the JSON of `/api/auth`, so that
//! both doors validate alike.

mod get_user;
mod json;
mod login;
mod logout;
mod refresh_token;
mod register;
mod view;

use tidings_proto::user::user_service_server::{UserService, UserServiceServer};
use tidings_proto::user::{
    GetUserRequest, GetUserResponse, LoginRequest, LoginResponse, LogoutRequest, LogoutResponse,
    RefreshTokenRequest, RefreshTokenResponse, RegisterRequest, RegisterResponse,
};
use tonic::{Request, Response, Status};

use super::call::{Call, Method};

/// The service.
pub fn service() -> UserServiceServer<Users> {
    let limit = Method::of("/user.UserService/Login").max_message_bytes();
    UserServiceServer::new(Users).max_decoding_message_size(limit)
}

pub struct Users;

#[tonic::async_trait]
impl UserService for Users {
    async fn register(
        &self,
        request: Request<RegisterRequest>,
    ) -> Result<Response<RegisterResponse>, Status> {
        let call = Call::of(&request)?;
        call.answer(register::handle(&call, request.into_inner()).await)
    }

    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let call = Call::of(&request)?;
        call.answer(login::handle(&call, request.into_inner()).await)
    }

    async fn refresh_token(
        &self,
        request: Request<RefreshTokenRequest>,
    ) -> Result<Response<RefreshTokenResponse>, Status> {
        let call = Call::of(&request)?;
        call.answer(refresh_token::handle(&call, request.into_inner()).await)
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        let call = Call::of(&request)?;
        call.answer(logout::handle(&call, request.into_inner()).await)
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        let call = Call::of(&request)?;
        call.answer(get_user::handle(&call, request.into_inner()).await)
    }
}
