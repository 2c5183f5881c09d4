use actix_web::http::header::HeaderName;
use tidings_domain::access::ApiKey;

use crate::error::ApiError;

/// The header for an API key, besides `Authorization`.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a caller identifies itself by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// A JWT.
    Token(&'a str),
    /// Probably an API key.
    Key(&'a str),
}

/// The credential of a request: `Authorization: Bearer …` (RFC 6750 §2.1) or `X-Api-Key`. Refuses a request with several
/// such headers, of which a proxy may have checked another one. `values` returns the values of all headers with a name.
pub(super) fn credential<'a>(
    values: impl Fn(&'static str) -> Vec<&'a [u8]>,
) -> Result<Credential<'a>, ApiError> {
    let bearer = values("authorization").into_iter();
    let keys = values("x-api-key").into_iter().map(|value| (false, value));
    let mut all = bearer.map(|value| (true, value)).chain(keys);
    let only = all.next().filter(|_| all.next().is_none());
    only.and_then(|(is_bearer, value)| {
        let value = std::str::from_utf8(value).ok()?;
        if !is_bearer {
            return Some(Credential::Key(value.trim()));
        }
        let (scheme, token) = value.split_once(' ')?;
        let token = scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())?;
        // No JWT begins so: its header is a JSON object.
        Some(if token.starts_with(ApiKey::PREFIX) {
            Credential::Key(token)
        } else {
            Credential::Token(token)
        })
    })
    .ok_or_else(|| {
        ApiError::unauthorized(
            "Send one token or API key: Authorization: Bearer <JWT or key>, or X-Api-Key: <key>",
        )
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

    use super::*;

    fn read(headers: &[(HeaderName, &str)]) -> Option<(bool, String)> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), HeaderValue::from_str(value).expect("a value"));
        }
        let values = |name| map.get_all(name).map(HeaderValue::as_bytes).collect();
        credential(values).ok().map(|credential| match credential {
            Credential::Token(text) => (false, text.to_owned()),
            Credential::Key(text) => (true, text.to_owned()),
        })
    }

    #[test]
    fn a_request_has_one_credential() {
        let key = |text: &str| Some((true, text.to_owned()));
        assert_eq!(
            read(&[(AUTHORIZATION, "bearer  eyJ ")]),
            Some((false, "eyJ".to_owned()))
        );
        assert_eq!(read(&[(AUTHORIZATION, "Bearer tdk_a")]), key("tdk_a"));
        assert_eq!(read(&[(X_API_KEY, " tdk_a")]), key("tdk_a"));
        assert_eq!(read(&[(X_API_KEY, "eyJ")]), key("eyJ"));
        for refused in [
            &[][..],
            &[(AUTHORIZATION, "Basic dGRr")],
            &[(AUTHORIZATION, "tdk_a")],
            &[(AUTHORIZATION, "Bearer a"), (AUTHORIZATION, "Bearer a")],
            &[(AUTHORIZATION, "Bearer tdk_a"), (X_API_KEY, "tdk_a")],
            &[(AUTHORIZATION, "Basic dGRr"), (X_API_KEY, "tdk_a")],
            &[(X_API_KEY, "tdk_a"), (X_API_KEY, "tdk_a")],
        ] {
            assert_eq!(read(refused), None, "{refused:?}");
        }
    }
}
