use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN as ORIGIN_HEADER, VARY,
};
use actix_web::web::{self, Data, Path};
use actix_web::{HttpResponse, test};
use serde_json::Value;
use tidings_broker::{Depths, MessageFactory, Publisher};
use tidings_runtime::tasks::Tasks;
use tidings_settings::Reader;
use tokio_util::sync::CancellationToken;

use super::application;
use crate::acceptance::Acceptance;
use crate::auth::Verifier;
use crate::auth::keys::ApiKeys;
use crate::idempotency::Idempotency;
use crate::rate_limit::RateLimits;
use crate::settings::{AllowedOrigins, ApiSettings};
use crate::state::AppState;

/// A state whose servers are unavailable: nothing listens on port 1.
fn state() -> Data<AppState> {
    let vars = [
        ("RABBITMQ_URL", "amqp://127.0.0.1:1"),
        ("DATABASE_URL", "postgres://127.0.0.1:1/none"),
        ("JWT_SECRET", "4f9c1b7e2a8d6053f1e7c9b2a4d8063e5b7a9c1d"),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = ApiSettings::read(Reader::from_vars(vars)).expect("settings");
    let stop = CancellationToken::new();
    let (publisher, _) = Publisher::start(settings.broker.clone(), "test", |_| {}, stop.clone());
    let database = tidings_db::Database::new(&settings.database, "test").expect("a pool");
    Data::new(AppState {
        verifier: Arc::new(Verifier::new(&settings.auth).expect("a verifier")),
        api_keys: ApiKeys::start(
            &database,
            settings.control_poll,
            &mut Tasks::default(),
            &stop,
        ),
        accounts: None,
        deletions: settings.deletions,
        trusted_proxies: Vec::new().into(),
        message_factory: MessageFactory::new(&settings.broker),
        secret_keys: settings.secret_keys,
        depths: Depths::start(publisher.clone(), settings.broker.clone(), stop.clone()).0,
        idempotency: Idempotency::start(
            &database,
            settings.idempotency,
            &mut Tasks::default(),
            &stop,
        ),
        rate_limits: RateLimits::start(
            database.clone(),
            settings.rate_limits,
            &mut Tasks::default(),
            &stop,
        ),
        acceptance: Acceptance::start(
            publisher,
            &database,
            settings.acceptance,
            &mut Tasks::default(),
            &stop,
        ),
        database,
        health: Arc::default(),
        control: Arc::default(),
        in_flight: Arc::default(),
        metrics: tidings_runtime::telemetry::Metrics::detached(),
        request_bytes: tidings_http::ByteBudget::new(1 << 20),
        page_turns: Arc::new(crate::page_turn::PageTurn::semaphore(2)),
        csv_files: Arc::new(crate::handlers::notifications::csv::semaphore()),
        http: settings.http,
        providers: settings.providers,
        egress: settings.egress,
    })
}

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

/// What a test logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    let log = Log::default();
    let out = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(move || out.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    for status in [400, 401, 403, 404, 429] {
        let request = test::TestRequest::get()
            .uri(&format!("/refused/{status}"))
            .insert_header(("x-request-id", format!("r-{status}")));
        let refused = test::try_call_service(&app, request.to_request()).await;
        assert!(refused.is_err(), "{status}");
    }
    drop(guard);
    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("UTF-8");
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
