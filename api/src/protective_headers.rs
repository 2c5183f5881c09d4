//! The headers that protect a browser, on every response.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY,
};
use tidings_http::set_security_headers;

/// Nothing in a JSON response may be loaded or executed, and no page may frame it.
const JSON_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// What Swagger UI needs: its own files, inline styles, images in `data:` URLs, and requests to this API.
const DOCUMENTATION_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// What the front end needs: its own files and requests to this API. Its scripts put no text into the page as HTML, and
/// browsers refuse it if one tries.
const FRONT_END_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'",
);

/// What a page for users needs: [`PAGE_STYLE`], and forms to this installation.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'sha256-zLhgzwLcyTf+ogPKwgtw0HrMvmjn+cqEpc74Tufu5dU='; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);

/// The style of pages for users. The policy names its hash.
pub const PAGE_STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:0;color:#1c1c1e;background:#f4f4f6}\
    main{max-width:32rem;margin:10vh auto;padding:2rem;background:#fff;border-radius:.5rem}\
    h1{font-size:1.25rem;margin-top:0}button{font:inherit;padding:.5rem 1rem;margin-top:.5rem}";

/// What the dashboard needs: its own files, requests to this API, and frames with [previews](PREVIEW_POLICY). Its scripts put no
/// text into the page as HTML, and browsers refuse it if one tries.
const DASHBOARD_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'",
);

/// Other sites learn no URL, as from any other response. With `no-referrer`, browsers would hide the origin of the page also from
/// this API (`Origin: null`) when it sends a form.
const DASHBOARD_REFERRER_POLICY: HeaderValue = HeaderValue::from_static("same-origin");

/// What the HTML of a message needs to be shown: its own styles and images. It loads nothing, runs no script, sends no form and
/// has an origin of its own. Only the dashboard may frame it.
const PREVIEW_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'self'; sandbox",
);

/// What a response contains. A response of another kind than its path says has the kind in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// JSON, with personal data.
    Json,
    /// The documentation, which contains no personal data: only this may be stored by caches.
    Documentation,
    /// An HTML page for users, errors included.
    Page,
    /// The front end, without personal data. The handler says what caches may store.
    FrontEnd,
    /// The same, of the dashboard.
    Dashboard,
    /// The HTML of a message.
    Preview,
}

/// Sets the headers of a response.
pub fn set_protective_headers(headers: &mut HeaderMap, kind: ResponseKind) {
    set_security_headers(headers);
    let policy = match kind {
        ResponseKind::Json => JSON_POLICY,
        ResponseKind::Documentation => DOCUMENTATION_POLICY,
        ResponseKind::Page => PAGE_POLICY,
        ResponseKind::FrontEnd => FRONT_END_POLICY,
        ResponseKind::Dashboard => DASHBOARD_POLICY,
        ResponseKind::Preview => PREVIEW_POLICY,
    };
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    if kind == ResponseKind::Dashboard {
        headers.insert(REFERRER_POLICY, DASHBOARD_REFERRER_POLICY);
    }
    let is_decided = match kind {
        ResponseKind::Json | ResponseKind::Page | ResponseKind::Preview => false,
        ResponseKind::Documentation => true,
        ResponseKind::FrontEnd | ResponseKind::Dashboard => headers.contains_key(CACHE_CONTROL),
    };
    if !is_decided {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_of_pages_allows_their_style() {
        let hash = STANDARD.encode(Sha256::digest(PAGE_STYLE.as_bytes()));
        let policy = PAGE_POLICY.to_str().expect("ASCII").to_owned();
        let source = format!("style-src 'sha256-{hash}';");
        assert!(policy.contains(&source), "{source} {policy}");
    }
}
