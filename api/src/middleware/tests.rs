use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN as ORIGIN_HEADER, VARY,
};
use actix_web::test;
use actix_web::web::{self, Path};
use serde_json::Value;

use super::application;
use crate::settings::AllowedOrigins;
use crate::test_log::TestLog;
use crate::test_state::state;

#[actix_web::test]
async fn a_handler_that_panics_answers_500_and_the_next_request_is_served() {
    async fn panicking() -> &'static str {
        panic!("told to")
    }
    let app = application(state(), &AllowedOrigins::None, |config| {
        config
            .route("/panic", web::get().to(panicking))
            .route("/fine", web::get().to(|| async { "fine" }));
    });
    let app = test::init_service(app).await;

    let request = test::TestRequest::get()
        .uri("/panic")
        .insert_header(("x-request-id", "r-1"));
    let error = test::try_call_service(&app, request.to_request())
        .await
        .expect_err("500");
    let response = error.error_response();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = actix_web::body::to_bytes(response.into_body())
        .await
        .expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (&body["code"], &body["requestId"]),
        (&"internal_error".into(), &"r-1".into())
    );
    assert!(
        !body.to_string().contains("told to"),
        "the response reveals nothing internal"
    );

    let response =
        test::call_service(&app, test::TestRequest::get().uri("/fine").to_request()).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[actix_web::test]
async fn a_page_may_read_the_responses_that_replace_others() {
    const ORIGIN: &str = "https://app.example.com";

    async fn panicking() -> &'static str {
        panic!("told to")
    }
    let origins = AllowedOrigins::Listed(vec![ORIGIN.to_owned()]);
    let app = application(state(), &origins, |config| {
        config
            .route("/panic", web::get().to(panicking))
            .route("/throttled", web::get().to(HttpResponse::TooManyRequests));
    });
    let app = test::init_service(app).await;
    for (path, status) in [
        ("/panic", StatusCode::INTERNAL_SERVER_ERROR),
        ("/throttled", StatusCode::TOO_MANY_REQUESTS),
        ("/nothing", StatusCode::NOT_FOUND),
    ] {
        let request = test::TestRequest::get()
            .uri(path)
            .insert_header((ORIGIN_HEADER, ORIGIN));
        let error = test::try_call_service(&app, request.to_request())
            .await
            .expect_err(path);
        let response = error.error_response();
        assert_eq!(response.status(), status, "{path}");
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
        assert_eq!(header(ACCESS_CONTROL_ALLOW_ORIGIN), Some(ORIGIN), "{path}");
        assert!(header(ACCESS_CONTROL_EXPOSE_HEADERS).is_some(), "{path}");
        let vary = header(VARY).unwrap_or_default();
        assert!(vary.contains("Origin"), "{path}: {vary}");
    }
}

#[actix_web::test]
async fn refusals_that_an_operator_must_see_are_logged_at_info() {
    async fn refuse(status: Path<u16>) -> HttpResponse {
        HttpResponse::build(StatusCode::from_u16(*status).expect("a status")).finish()
    }
    let app = application(state(), &AllowedOrigins::None, |config| {
        config.route("/refused/{status}", web::get().to(refuse));
    });
    let app = test::init_service(app).await;
    let log = TestLog::default();
    let guard = log.capture();
    for status in [400, 401, 403, 404, 429] {
        let request = test::TestRequest::get()
            .uri(&format!("/refused/{status}"))
            .insert_header(("x-request-id", format!("r-{status}")));
        let refused = test::try_call_service(&app, request.to_request()).await;
        assert!(refused.is_err(), "{status}");
    }
    drop(guard);
    let log = log.text();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    for (line, status) in lines.iter().zip([401, 403, 429]) {
        for part in [
            "INFO",
            "request refused",
            &format!("request_id=\"r-{status}\""),
            &format!("status={status}"),
            "method=\"GET\"",
            "path=\"/refused/{status}\"",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}
