//! `/api/notifications`.

pub mod accept;
pub mod attempts;
pub mod batch;
pub mod cancel;
pub mod cancel_group;
pub mod content;
pub mod content_page;
pub mod create;
pub mod csv;
mod decision;
pub mod export;
pub mod find;
pub mod list;
mod list_query;
mod lookup;
pub mod payload;
pub mod preconditions;
pub mod reschedule;
pub mod timeline;
mod view;

use actix_web::http::header::HeaderName;

pub use lookup::{NotificationLookup, parse_message_id};
pub use view::{NotificationPage, NotificationTemplate, NotificationView, TEMPLATE_ERROR};

/// The header of a response to a request that an earlier one with the same key has answered already.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The header that makes a repeated request the same notification.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
