//! `/messaging`: for clients of an older service, which sent text messages only.

pub mod sent;
mod sent_query;
pub mod start;
pub mod stop;

use actix_web::web::{self, ServiceConfig};
use tidings_db::sending_switches::SwitchScope;
use tidings_domain::notification::DeliveredChannel;
use tidings_http::get_or_head;

use super::{read_only, resource};

pub use sent_query::MAX_OFFSET;

/// The channel that these clients know.
const SCOPE: SwitchScope = SwitchScope::Channel(DeliveredChannel::Sms);

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(resource("/messaging/start", "POST").route(web::post().to(start::handle)))
        .service(resource("/messaging/stop", "POST").route(web::post().to(stop::handle)))
        .service(read_only("/messaging/sent").route(get_or_head().to(sent::handle)));
}
