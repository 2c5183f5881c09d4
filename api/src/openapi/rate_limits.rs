use utoipa::Modify;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{
    Content, Header, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Type,
};

use super::parameters::operations;

/// Adds the response 429 to each operation that needs a token: any of them may be limited.
pub(super) struct RateLimited;

impl Modify for RateLimited {
    fn modify(&self, document: &mut OpenApi) {
        let items = document.paths.paths.values_mut();
        let limited = items
            .flat_map(operations)
            .filter(|operation| operation.security.is_some());
        for operation in limited {
            let responses = &mut operation.responses.responses;
            responses
                .entry("429".to_owned())
                .or_insert_with(|| RefOr::T(too_many_requests()));
        }
    }
}

fn too_many_requests() -> Response {
    let error = Content::new(Some(Ref::from_schema_name("ErrorBody")));
    ResponseBuilder::new()
        .description(
            "`rate_limited`: the caller has sent too many requests; retry after `Retry-After` seconds",
        )
        .content("application/json", error)
        .header("Retry-After", header(Type::Integer, "Seconds"))
        .header(
            "RateLimit-Policy",
            header(Type::String, "The limit: `q` requests in `w` seconds. On every response to a caller with a limit"),
        )
        .header(
            "RateLimit",
            header(Type::String, "`r` requests are admitted at once, and all that may come at once in `t` seconds. On every response to a caller with a limit"),
        )
        .build()
}

fn header(kind: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .description(Some(description))
        .build()
}
