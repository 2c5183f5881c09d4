//! `GET /api/openapi.json`, and Swagger UI at `/docs`, whose files are inside the program.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, ServiceConfig};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use super::{readable, reading};
use crate::openapi;

/// Where the description is, for programs and for the page.
const DOCUMENT: &str = "/api/openapi.json";

pub fn register(config: &mut ServiceConfig) {
    let document = openapi::document();
    config
        .app_data(Data::new(document.clone()))
        // Before Swagger UI's own, which answers other methods with 404.
        .service(readable(DOCUMENT).route(reading().to(describe)))
        .service(readable("/docs").route(reading().to(to_the_folder)))
        .service(SwaggerUi::new("/docs/{_:.*}").url(DOCUMENT, document));
}

async fn describe(document: Data<OpenApi>) -> HttpResponse {
    HttpResponse::Ok().json(document)
}

/// The page's own links are relative to `/docs/`.
async fn to_the_folder() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}
