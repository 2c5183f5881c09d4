//! `GET /api/openapi.json`, and Swagger UI at `/docs`, whose files are inside the program.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{self, ServiceConfig};
use utoipa_swagger_ui::SwaggerUi;

use crate::openapi;

pub fn register(config: &mut ServiceConfig) {
    config
        .route("/docs", web::get().to(to_the_folder))
        .service(SwaggerUi::new("/docs/{_:.*}").url("/api/openapi.json", openapi::document()));
}

/// The page's own links are relative to `/docs/`.
async fn to_the_folder() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}
