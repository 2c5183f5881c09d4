use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::handlers::{notifications, probes, templates};

/// The description of this API.
#[derive(OpenApi)]
#[openapi(
    info(title = "Tidings", description = "Notifications that are never lost and never doubled."),
    paths(
        notifications::create::handle,
        notifications::list::handle,
        notifications::find::handle,
        templates::list::handle,
        templates::of_name::handle,
        templates::find::handle,
        templates::put::handle,
        templates::delete::handle,
        templates::versions::handle,
        templates::preview::handle,
        probes::health,
        probes::ready,
        probes::live,
        probes::metrics,
    ),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document that `GET /api/openapi.json` serves.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
