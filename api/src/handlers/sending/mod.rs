//! `/api/sending`: stops and starts the sending of channels.

pub mod start;
pub mod status;
pub mod stop;
mod view;

use actix_web::web::{self, ServiceConfig};
use tidings_db::sending_switches::SwitchScope;
use tidings_http::get_or_head;

use super::{read_only, resource};
use crate::json_body::{ObjectReader, values};

pub use view::SwitchView;

/// Registers the paths.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/sending").route(get_or_head().to(status::handle)))
        .service(resource("/api/sending/stop", "POST").route(web::post().to(stop::handle)))
        .service(resource("/api/sending/start", "POST").route(web::post().to(start::handle)));
}

/// Reads the field `channel`. Without it, the switch is that of all channels.
fn read_scope(reader: &mut ObjectReader<'_>) -> SwitchScope {
    let scope = reader.optional("channel", values::parsed);
    scope.unwrap_or(SwitchScope::All)
}
