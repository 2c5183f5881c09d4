//! `/api/auth`: users register, log in and out, and recover their accounts.

mod error;
pub(super) mod fields;
pub mod forgot;
pub mod login;
pub mod logout;
pub mod logout_all;
pub mod password;
pub mod recover_account;
pub mod refresh;
pub mod register;
pub mod reset;
pub mod verify;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::resource;

/// Registers the paths of accounts.
pub fn register(config: &mut ServiceConfig) {
    let path = |name: &str| resource(&format!("/api/auth/{name}"), "POST");
    config
        .service(path("register").route(web::post().to(register::handle)))
        .service(path("login").route(web::post().to(login::handle)))
        .service(path("refresh").route(web::post().to(refresh::handle)))
        .service(path("logout").route(web::post().to(logout::handle)))
        .service(path("logout-all").route(web::post().to(logout_all::handle)))
        .service(path("password").route(web::post().to(password::handle)))
        .service(path("verify").route(web::post().to(verify::handle)))
        .service(path("forgot").route(web::post().to(forgot::handle)))
        .service(path("reset").route(web::post().to(reset::handle)))
        .service(path("recover-account").route(web::post().to(recover_account::handle)));
}
