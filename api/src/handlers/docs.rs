//! `GET /api/openapi.json`, and Swagger UI at `/docs`. The files of Swagger UI are compiled into the program.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, ServiceConfig};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use super::{get_or_head, read_only};
use crate::openapi;

/// The path of the OpenAPI document.
const DOCUMENT: &str = "/api/openapi.json";

/// The folder of Swagger UI.
const FOLDER: &str = "/docs";

/// Whether a path belongs to the documentation, which contains no personal data.
pub fn is_documentation(path: &str) -> bool {
    path.starts_with(FOLDER) || path == DOCUMENT
}

pub fn register(config: &mut ServiceConfig) {
    let document = openapi::document();
    config
        .app_data(Data::new(document.clone()))
        // Registered before Swagger UI's own route, which answers other methods with 404.
        .service(read_only(DOCUMENT).route(get_or_head().to(openapi_json)))
        .service(read_only("/docs").route(get_or_head().to(redirect_to_docs)))
        .service(SwaggerUi::new("/docs/{_:.*}").url(DOCUMENT, document));
}

async fn openapi_json(document: Data<OpenApi>) -> HttpResponse {
    HttpResponse::Ok().json(document)
}

/// The links in the page are relative to `/docs/`.
async fn redirect_to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}
