pub mod delete;
pub mod find;
pub mod list;
pub mod list_by_name;
mod path;
pub mod preview;
pub mod preview_page;
pub mod put;
pub mod uses;
pub mod versions;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{get_or_head, read_only, resource};
use path::TemplatePath;
pub use path::read_channel;
pub use preview::PreviewTemplate;
use view::{TemplatePage, TemplateVersion, TemplateVersionPage, TemplateView};

/// Registers the paths of templates.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only("/api/templates").route(get_or_head().to(list::handle)))
        .service(read_only("/api/templates/{name}").route(get_or_head().to(list_by_name::handle)))
        .service(
            resource("/api/templates/{name}/preview", "GET, HEAD, POST")
                .route(web::post().to(preview::handle))
                .route(get_or_head().to(preview_page::handle)),
        )
        .service(
            resource(
                "/api/templates/{name}/{channel}/{locale}",
                "GET, HEAD, PUT, DELETE",
            )
            .route(get_or_head().to(find::handle))
            .route(web::put().to(put::handle))
            .route(web::delete().to(delete::handle)),
        )
        .service(read_only("/api/templates/{name}/uses").route(get_or_head().to(uses::handle)))
        .service(
            read_only("/api/templates/{name}/{channel}/{locale}/versions")
                .route(get_or_head().to(versions::handle)),
        );
}
