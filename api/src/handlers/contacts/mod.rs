//! `/api/users/{userId}/contacts`: the addresses for notifications without an address.

mod add_response;
mod change;
pub mod device_tokens;
pub mod email;
pub mod find;
mod owner;
pub mod phone_numbers;
pub mod send_code;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, read_only, resource};

/// Registers the paths of contacts.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/users/{user_id}/contacts").route(get_or_head().to(find::handle)))
        .service(
            resource(
                "/api/users/{user_id}/contacts/email",
                "GET, HEAD, PUT, DELETE",
            )
            .route(get_or_head().to(email::find::handle))
            .route(web::put().to(email::set::handle))
            .route(web::delete().to(email::delete::handle)),
        )
        .service(
            resource(
                "/api/users/{user_id}/contacts/phone-numbers",
                "GET, HEAD, POST",
            )
            .route(get_or_head().to(phone_numbers::list::handle))
            .route(web::post().to(phone_numbers::create::handle)),
        )
        .service(
            resource("/api/users/{user_id}/contacts/phone-numbers/{id}", "DELETE")
                .route(web::delete().to(phone_numbers::delete::handle)),
        )
        .service(
            resource(
                "/api/users/{user_id}/contacts/device-tokens",
                "GET, HEAD, POST",
            )
            .route(get_or_head().to(device_tokens::list::handle))
            .route(web::post().to(device_tokens::create::handle)),
        )
        .service(
            resource(
                "/api/users/{user_id}/contacts/{contact_id}/send-code",
                "POST",
            )
            .route(web::post().to(send_code::handle)),
        )
        .service(
            resource("/api/users/{user_id}/contacts/device-tokens/{id}", "DELETE")
                .route(web::delete().to(device_tokens::delete::handle)),
        );
}
