//! `/api/inbox`: the in-app notifications of a user.

pub mod counts;
pub mod list;
mod mark;
mod marks;
mod owner;
pub mod read_all;
pub mod state;
pub mod stream;
pub mod stream_ticket;
mod view;

use actix_web::http::header::HeaderName;
use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, read_only, resource};
use crate::error::ApiError;

pub use counts::InboxCounts;
pub use marks::{archive, read, unarchive, unread};
pub use view::InboxItem;

/// The header in which a client of a stream names what it has seen.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Registers the paths of inboxes.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/inbox").route(get_or_head().to(list::handle)))
        .service(read_only("/api/inbox/counts").route(get_or_head().to(counts::handle)))
        .service(read_only("/api/inbox/stream").route(get_or_head().to(stream::handle)))
        .service(
            resource("/api/inbox/stream-ticket", "POST")
                .route(web::post().to(stream_ticket::handle)),
        )
        .service(resource("/api/inbox/state", "POST").route(web::post().to(state::handle)))
        .service(resource("/api/inbox/read-all", "POST").route(web::post().to(read_all::handle)))
        .service(
            resource("/api/inbox/{messageId}/read", "POST").route(web::post().to(read::handle)),
        )
        .service(
            resource("/api/inbox/{messageId}/unread", "POST").route(web::post().to(unread::handle)),
        )
        .service(
            resource("/api/inbox/{messageId}/archive", "POST")
                .route(web::post().to(archive::handle)),
        )
        .service(
            resource("/api/inbox/{messageId}/unarchive", "POST")
                .route(web::post().to(unarchive::handle)),
        );
}

/// 409: a cursor or position is not one of this database.
fn outdated_position() -> ApiError {
    ApiError::conflict(
        "outdated_position",
        "The database was replaced since; read the first page again",
    )
}
