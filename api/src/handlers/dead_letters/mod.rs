//! `/api/dead-letters`: what failed for good.

mod body;
mod bulk;
mod fields;
pub mod find;
pub mod groups;
pub mod list;
pub mod purge;
mod query;
pub mod replay;
mod view;

use actix_web::web::{self, ServiceConfig};
use tidings_domain::access::Scope;

use super::{get_or_head, read_only, resource};
use crate::auth::Caller;
use crate::error::ApiError;

pub(crate) use body::rate;
pub(crate) use fields::{channel_names, reason};

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/dead-letters").route(get_or_head().to(list::handle)))
        .service(read_only("/api/dead-letters/groups").route(get_or_head().to(groups::handle)))
        .service(resource("/api/dead-letters/replay", "POST").route(web::post().to(replay::handle)))
        .service(resource("/api/dead-letters/purge", "POST").route(web::post().to(purge::handle)))
        .service(read_only("/api/dead-letters/{id}").route(get_or_head().to(find::handle)));
}

/// Returns 403 unless the caller may read dead letters and jobs: with the scope `dashboard` or `dead-letters:write`.
///
/// # Errors
///
/// Returns 403.
pub fn check_read(caller: &Caller) -> Result<(), ApiError> {
    caller
        .check(Scope::DeadLettersWrite)
        .or_else(|_| caller.check(Scope::Dashboard))
}
