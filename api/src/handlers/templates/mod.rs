mod address;
pub mod delete;
pub mod find;
pub mod list;
pub mod of_name;
pub mod preview;
pub mod put;
pub mod versions;
mod view;

use actix_web::web::{self, ServiceConfig};

use super::{readable, reading, resource};
use address::Address;
use view::{TemplatePage, TemplateVersion, TemplateVersions, TemplateView};

/// Registers the paths of templates.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(readable("/api/templates").route(reading().to(list::handle)))
        .service(readable("/api/templates/{name}").route(reading().to(of_name::handle)))
        .service(
            resource("/api/templates/{name}/preview", "POST")
                .route(web::post().to(preview::handle)),
        )
        .service(
            resource(
                "/api/templates/{name}/{channel}/{locale}",
                "GET, HEAD, PUT, DELETE",
            )
            .route(reading().to(find::handle))
            .route(web::put().to(put::handle))
            .route(web::delete().to(delete::handle)),
        )
        .service(
            readable("/api/templates/{name}/{channel}/{locale}/versions")
                .route(reading().to(versions::handle)),
        );
}
