//! What clients ask for in JSON, read strictly: one error reports everything that is wrong, unknown and repeated fields
//! included. The API reads requests with it, and the worker reads events, so that both accept the same notifications.

pub mod digest_ref;
mod email_event;
mod error;
mod new_notification;
mod not_sendable;
mod reader;
pub mod template_ref;
mod times;
mod user_delete_event;
pub mod values;

pub use email_event::EmailEvent;
pub use error::InvalidObject;
pub use new_notification::{AllowedRecipients, FIELDS, NewNotification};
pub use not_sendable::{NotSendable, check_channel, check_url};
pub use reader::{ObjectReader, members};
pub use times::NotificationTimes;
pub use user_delete_event::UserDeleteEvent;

/// What error messages call a request's body.
pub const BODY: &str = "The body";
