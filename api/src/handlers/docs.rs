//! `GET /api/openapi.json`, and Swagger UI at `/docs`. The files of Swagger UI are compiled into the program.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::http::header::{CONTENT_ENCODING, ContentEncoding, LOCATION};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use tidings_http::get_or_head;
use tokio::sync::OnceCell;
use utoipa_swagger_ui::Config;

use super::read_only;
use crate::error::ApiError;
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
    config
        .app_data(Data::new(Config::from(DOCUMENT)))
        .service(read_only(DOCUMENT).route(get_or_head().to(openapi_json)))
        .service(read_only("/docs").route(get_or_head().to(redirect_to_docs)))
        // The crate's own service takes GET only.
        .service(read_only("/docs/{file:.*}").route(get_or_head().to(swagger_ui)));
}

/// Makes the document when somebody asks for it, once, and keeps only its text: as values it takes megabytes.
async fn openapi_json() -> Result<HttpResponse, ApiError> {
    static TEXT: OnceCell<Bytes> = OnceCell::const_new();
    let make = async || {
        let text = web::block(|| serde_json::to_vec(&openapi::document()));
        Ok::<_, ApiError>(
            text.await
                .map_err(ApiError::internal)?
                .map_err(ApiError::internal)?
                .into(),
        )
    };
    let text = TEXT.get_or_try_init(make).await?.clone();
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(text))
}

/// The links in the page are relative to `/docs/`.
async fn redirect_to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}

async fn swagger_ui(
    file: Path<String>,
    config: Data<Config<'static>>,
) -> Result<HttpResponse, ApiError> {
    let file = utoipa_swagger_ui::serve(&file, config.into_inner())
        .map_err(ApiError::internal)?
        .ok_or_else(|| ApiError::not_found("Swagger UI has no file of this name"))?;
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
    }
    Ok(response
        .content_type(file.content_type)
        .body(file.bytes.into_owned()))
}
