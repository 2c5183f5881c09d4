//! The trace of a request that sends notifications: the context of its caller, and the span of the request.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use tidings_domain::trace::TraceContext;
use tidings_runtime::traces::{self, Span, semconv};

/// The trace that a request works for. Only a POST can send notifications; the others have none.
#[derive(Default)]
pub struct RequestTrace {
    span: Span,
    caller: Option<TraceContext>,
}

impl RequestTrace {
    /// Reads the headers of a request, and begins its span.
    pub fn begin(request: &ServiceRequest) -> Self {
        if *request.method() != Method::POST || !request.path().starts_with("/api/") {
            return Self::default();
        }
        let headers = request.headers();
        let values = |name: &str| headers.get_all(name).map(HeaderValue::as_bytes);
        let caller = caller(values("traceparent"), values("tracestate"));
        Self {
            span: Span::server("POST", caller.as_ref()),
            caller,
        }
    }

    /// Answers the request.
    pub async fn scope<F: Future>(&self, work: F) -> F::Output {
        if self.span.is_recorded() {
            self.span.scope(work).await
        } else {
            traces::scope(self.caller.as_ref(), work).await
        }
    }

    /// Ends the span. `route` is the pattern of the path.
    pub fn end(self, route: &str, status: StatusCode) {
        let span = self.span;
        if !span.is_recorded() {
            return;
        }
        span.rename(|| format!("POST {route}"));
        span.set(semconv::HTTP_REQUEST_METHOD, "POST");
        span.set(semconv::HTTP_ROUTE, route.to_owned());
        let code = i64::from(status.as_u16());
        span.set(semconv::HTTP_RESPONSE_STATUS_CODE, code);
        if status.is_server_error() {
            span.fail(status.as_str().to_owned());
        }
    }
}

/// The context in the headers of a caller. Several values of `tracestate` are one list. What is invalid or too large is ignored.
pub fn caller<'a>(
    mut parents: impl Iterator<Item = &'a [u8]>,
    states: impl Iterator<Item = &'a [u8]>,
) -> Option<TraceContext> {
    let parent = std::str::from_utf8(parents.next()?).ok()?;
    // Of two, none is known to be right.
    if parents.next().is_some() {
        return None;
    }
    let states: Option<Vec<&str>> = states
        .map(|state| std::str::from_utf8(state).ok())
        .collect();
    let state = states.map(|states| states.join(","));
    TraceContext::read(parent, state.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(
        parents: &[&'static [u8]],
        states: &[&'static [u8]],
    ) -> Option<(String, Option<String>)> {
        let found = caller(parents.iter().copied(), states.iter().copied())?;
        let state = found.state.as_ref().map(|state| state.as_str().to_owned());
        Some((found.trace_id.to_string(), state))
    }

    #[test]
    fn the_context_of_a_caller_has_one_traceparent_and_a_list_of_states() {
        let id = "0af7651916cd43dd8448eb211c80319c".to_owned();
        let list = Some("a=1,b=2".to_owned());
        assert_eq!(read(&[PARENT], &[b"a=1", b"b=2"]), Some((id.clone(), list)));
        assert_eq!(read(&[PARENT], &[]), Some((id.clone(), None)));
        assert_eq!(read(&[PARENT], &[b"\xff"]), Some((id.clone(), None)));
        assert_eq!(read(&[PARENT], &[b"no list"]), Some((id, None)));
        assert_eq!(read(&[PARENT, PARENT], &[b"a=1"]), None);
        assert_eq!(read(&[b"\xff"], &[]), None);
        assert_eq!(read(&[], &[b"a=1"]), None);
    }
}
