//! The endpoints that change one notification of an inbox: `POST /api/inbox/{messageId}/read`, `unread`, `archive` and
//! `unarchive`. They differ only in the change.

/// Declares an endpoint: a module with its handler.
macro_rules! endpoint {
    ($(#[$doc:meta])* $module:ident, $path:tt, $operation:tt, $done:tt, $change:expr) => {
        pub mod $module {
            use actix_web::HttpResponse;
            use actix_web::web::{Data, Path};
            use tidings_db::inbox::InboxChange;

            use crate::audit::Origin;
            use crate::error::ApiError;
            use crate::handlers::inbox::mark::mark;
            use crate::handlers::inbox::owner::InboxOwner;
            use crate::state::AppState;

            const CHANGE: InboxChange = $change;

            $(#[$doc])*
            #[utoipa::path(post, path = $path, operation_id = $operation, tag = "inbox",
                params(
                    ("messageId" = uuid::Uuid, Path, description = "The notification's id"),
                    ("userId" = Option<uuid::Uuid>, Query, description = "The owner of the inbox. Required unless the token is that of a user"),
                ),
                responses(
                    (status = 204, description = $done),
                    (status = 400, description = "The id or the query is invalid", body = crate::error::ErrorBody),
                    (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
                    (status = 403, description = "The token does not allow this inbox", body = crate::error::ErrorBody),
                    (status = 404, description = "The notification is not in this inbox", body = crate::error::ErrorBody),
                    (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
                ),
                security(("bearer" = [])),
            )]
            pub async fn handle(
                state: Data<AppState>,
                owner: InboxOwner,
                origin: Origin,
                id: Path<String>,
            ) -> Result<HttpResponse, ApiError> {
                mark(&state, owner, &origin, &id, CHANGE).await
            }
        }
    };
}

endpoint! {
    /// Marks a notification as read.
    read, "/api/inbox/{messageId}/read", "markRead", "It is read, now or before",
    InboxChange { read: Some(true), archived: None }
}

endpoint! {
    /// Marks a notification as not read. One that is archived also leaves the archive.
    unread, "/api/inbox/{messageId}/unread", "markUnread", "It is not read, now or before",
    InboxChange { read: Some(false), archived: None }
}

endpoint! {
    /// Archives a notification, which also marks it as read.
    archive, "/api/inbox/{messageId}/archive", "archiveNotification", "It is archived, now or before",
    InboxChange { read: None, archived: Some(true) }
}

endpoint! {
    /// Takes a notification out of the archive. It stays read.
    unarchive, "/api/inbox/{messageId}/unarchive", "unarchiveNotification", "It is not archived, now or before",
    InboxChange { read: None, archived: Some(false) }
}
