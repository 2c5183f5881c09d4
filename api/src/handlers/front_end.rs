//! The front end: the page `/inbox`, the script of the custom element at `/inbox.js`, and files with hashed names in
//! `/assets`.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, ContentEncoding,
    ETAG, Encoding, EntityTag, Header, HeaderName, HeaderValue, IfNoneMatch, VARY,
};
use actix_web::web::{Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidings_http::get_or_head;

use super::read_only;
use crate::error::ApiError;
use crate::front_end::{self, File};

/// The folder of the files whose names contain a hash of their content.
const ASSETS: &str = "/assets/";

const SCRIPT: &str = "/inbox.js";

/// The page, which can change with every version of the program, and so is never stored.
const PAGE: &str = "/inbox";

/// Whether a path belongs to the front end, which contains no personal data.
pub fn is_front_end(path: &str) -> bool {
    path == PAGE || path == SCRIPT || path.starts_with(ASSETS)
}

pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only(PAGE).route(get_or_head().to(page)))
        .service(read_only(SCRIPT).route(get_or_head().to(script)))
        .service(read_only("/assets/{file}").route(get_or_head().to(asset)));
}

/// The content type of a page.
const HTML: &str = "text/html; charset=utf-8";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const ANY: HeaderValue = HeaderValue::from_static("*");

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");

/// What a person sees if the program was built without the front end.
const MISSING_PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Inbox</title>\
     <h1>The inbox page is missing</h1>\
     <p>This program was built without its front end, because npm was not installed. Install npm, and run ./dev up, or \
     build the image of the Dockerfile. The API works without it.</p></html>\n";

async fn page(request: HttpRequest) -> HttpResponse {
    answer_page(&request, find(&request, "inbox.html"), MISSING_PAGE)
}

/// The response with a page, or with `missing_page` if the program was built without it.
pub(super) fn answer_page(
    request: &HttpRequest,
    file: Option<File>,
    missing_page: &'static str,
) -> HttpResponse {
    match file {
        Some(file) => answer(request, file, HTML, Caching::Never),
        // An error with JSON would say nothing to a person.
        None => HttpResponse::ServiceUnavailable()
            .content_type(HTML)
            .body(missing_page),
    }
}

async fn script(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let file = find(&request, "inbox.js").ok_or_else(missing)?;
    let mut response = answer(&request, file, JAVASCRIPT, Caching::Revalidate);
    // Every page may embed the element. What it reads with a token depends on CORS_ALLOWED_ORIGINS.
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, CROSS_ORIGIN);
    Ok(response)
}

async fn asset(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, ApiError> {
    let content_type = content_type(&name).ok_or_else(no_such_file)?;
    let file = find(&request, &format!("assets/{name}")).ok_or_else(no_such_file)?;
    Ok(answer(&request, file, content_type, Caching::Forever))
}

pub(super) fn no_such_file() -> ApiError {
    ApiError::not_found("The front end has no file of this name")
}

/// Finds a file by its path in `web/dist`, compressed if the client can read that.
pub(super) fn find(request: &HttpRequest, path: &str) -> Option<File> {
    front_end::file(path, accepts_gzip(request))
}

fn accepts_gzip(request: &HttpRequest) -> bool {
    let accepted = AcceptEncoding::parse(request).ok();
    let best = accepted
        .and_then(|accepted| accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()));
    best == Some(Encoding::gzip())
}

/// How long a cache may keep a response.
#[derive(Clone, Copy)]
pub(super) enum Caching {
    Never,
    /// Until the next request, which asks whether it has changed.
    Revalidate,
    Forever,
}

impl Caching {
    const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Never => "no-store",
            Self::Revalidate => "no-cache",
            Self::Forever => "public, max-age=31536000, immutable",
        })
    }
}

/// The response with a file, or 304 if the client has it.
pub(super) fn answer(
    request: &HttpRequest,
    file: File,
    content_type: &'static str,
    caching: Caching,
) -> HttpResponse {
    let tag = EntityTag::new_strong(URL_SAFE_NO_PAD.encode(file.hash));
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((CACHE_CONTROL, caching.header()))
        .insert_header((ETAG, tag))
        .insert_header((VARY, "Accept-Encoding"));
    if is_known {
        return response.finish();
    }
    if file.is_compressed {
        response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
    }
    response.content_type(content_type).body(file.content)
}

/// The content type of a file; `None` if its kind is not one of ours.
pub(super) fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "js" => Some(JAVASCRIPT),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "woff2" => Some("font/woff2"),
        _ => None,
    }
}

fn missing() -> ApiError {
    ApiError::not_found(
        "This program was built without the front end: install npm, and build it again with ./dev up (docs/WIDGET.md)",
    )
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;

    use super::*;

    #[tokio::test]
    async fn a_program_without_the_front_end_says_what_is_missing() {
        let request = TestRequest::default().to_http_request();
        let response = answer_page(&request, None, MISSING_PAGE);
        assert_eq!(response.status(), 503);
        let body = to_bytes(response.into_body()).await.expect("a body");
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("Install npm"), "{text}");
        assert!(missing().message.contains("install npm"));
    }

    #[test]
    fn only_the_paths_of_the_front_end_are_its_own() {
        for path in ["/inbox", "/inbox.js", "/assets/page-1a2b.js"] {
            assert!(is_front_end(path), "{path}");
        }
        for path in ["/", "/inbox/", "/inbox.json", "/api/inbox", "/assets"] {
            assert!(!is_front_end(path), "{path}");
        }
    }

    #[test]
    fn files_of_other_kinds_are_not_served() {
        assert_eq!(
            content_type("page-1a2b.css"),
            Some("text/css; charset=utf-8")
        );
        for name in [
            "page-1a2b.js.gz",
            "page-1a2b.js.map",
            ".gitignore",
            "js",
            "",
        ] {
            assert_eq!(content_type(name), None, "{name}");
        }
    }
}
