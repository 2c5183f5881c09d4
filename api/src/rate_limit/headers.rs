use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Rate;
use super::bucket::Remaining;

/// The header that says which limit applies ([draft-ietf-httpapi-ratelimit-headers-10]).
///
/// [draft-ietf-httpapi-ratelimit-headers-10]: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/10/
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The header that says what is left.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The limit of a caller and what is left of it, for a response.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitHeaders {
    pub(super) rate: Rate,
    pub(super) remaining: Remaining,
}

impl RateLimitHeaders {
    /// Adds the headers to a response.
    pub fn set(&self, response: &mut HeaderMap) {
        let Remaining {
            requests,
            refilled_in,
        } = self.remaining;
        let policy = format!("\"caller\";q={};w=60", self.rate.requests());
        let left = format!("\"caller\";r={requests};t={}", whole_secs(refilled_in));
        for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.insert(name, value);
            }
        }
    }
}

/// Rounds up.
pub(super) fn whole_secs(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn the_headers_are_structured_fields() {
        let headers = RateLimitHeaders {
            rate: Rate::per_minute(NonZeroU32::new(600).expect("not 0")),
            remaining: Remaining {
                requests: 43,
                refilled_in: Duration::from_millis(1700),
            },
        };
        let mut response = HeaderMap::new();
        headers.set(&mut response);
        assert_eq!(
            response.get("RateLimit-Policy").expect("set"),
            "\"caller\";q=600;w=60"
        );
        assert_eq!(
            response.get("RateLimit").expect("set"),
            "\"caller\";r=43;t=2"
        );
    }
}
