//! `/dashboard`: the page, and its files. Paths of the page itself, such as `/dashboard/jobs`, get the page, too.

use actix_web::web::{Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use tidings_http::get_or_head;

use crate::error::ApiError;
use crate::handlers::front_end::{Caching, answer, answer_page, content_type, find, no_such_file};
use crate::handlers::read_only;

const PAGE: &str = "/dashboard";

/// The folder of the files whose names contain a hash of their content.
const ASSETS: &str = "assets/";

/// Whether a path belongs to the dashboard's front end, which contains no personal data.
pub fn is_dashboard(path: &str) -> bool {
    path.strip_prefix(PAGE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub fn register(config: &mut ServiceConfig) {
    config
        .service(read_only(PAGE).route(get_or_head().to(page)))
        .service(read_only("/dashboard/{path:.*}").route(get_or_head().to(page_or_file)));
}

/// What a person sees if the program was built without the front end.
const MISSING_PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Dashboard</title>\
     <h1>The dashboard is missing</h1>\
     <p>This program was built without its front end, because npm was not installed. Install npm, and run ./dev up, or \
     build the image of the Dockerfile. The API works without it.</p></html>\n";

async fn page(request: HttpRequest) -> HttpResponse {
    answer_page(
        &request,
        find(&request, "dashboard/index.html"),
        MISSING_PAGE,
    )
}

async fn page_or_file(request: HttpRequest, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let found = content_type(&path).and_then(|content_type| {
        let file = find(&request, &format!("dashboard/{path}"))?;
        Some((file, content_type))
    });
    match found {
        Some((file, content_type)) => {
            let is_hashed = path.starts_with(ASSETS);
            let caching = if is_hashed {
                Caching::Forever
            } else {
                Caching::Revalidate
            };
            Ok(answer(&request, file, content_type, caching))
        }
        // A page in the place of a script that is missing would be executed as one.
        None if path.starts_with(ASSETS) => Err(no_such_file()),
        None => Ok(page(request).await),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;

    use super::*;

    #[tokio::test]
    async fn a_program_without_the_dashboard_says_what_is_missing() {
        let request = TestRequest::default().to_http_request();
        let response = answer_page(&request, None, MISSING_PAGE);
        assert_eq!(response.status(), 503);
        let body = to_bytes(response.into_body()).await.expect("a body");
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("Install npm"), "{text}");
    }

    #[test]
    fn the_dashboard_has_its_folder_and_nothing_beside() {
        for path in [
            "/dashboard",
            "/dashboard/",
            "/dashboard/login",
            "/dashboard/assets/a.js",
        ] {
            assert!(is_dashboard(path), "{path}");
        }
        for path in [
            "/",
            "/dashboards",
            "/api/dashboard/session",
            "/dashboard.js",
        ] {
            assert!(!is_dashboard(path), "{path}");
        }
    }
}
