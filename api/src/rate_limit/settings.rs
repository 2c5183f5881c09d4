use std::num::NonZeroU32;

use tidings_settings::{Reader, table};

use super::Rate;
use crate::auth::Caller;

/// How many requests callers may send.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimitSettings {
    /// `RATE_LIMIT_PER_CALLER`: the limit of each service.
    per_service: Option<Rate>,
    /// `RATE_LIMIT_PER_USER_TOKEN`: the limit of each user, while `RATE_LIMIT_PER_CALLER` is on.
    per_user: Option<Rate>,
}

impl RateLimitSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let rate = |requests| NonZeroU32::new(requests).map(Rate::per_minute);
        let per_service = rate(reader.value(table::RATE_LIMIT_PER_CALLER));
        let per_user = rate(reader.value(table::RATE_LIMIT_PER_USER_TOKEN));
        Self {
            per_service,
            per_user: per_user.filter(|_| per_service.is_some()),
        }
    }

    /// The limit of a caller; `None` if it has none.
    pub(super) fn limit_of(&self, caller: &Caller) -> Option<Rate> {
        if caller.is_user() {
            self.per_user
        } else {
            self.per_service
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_domain::access::Scopes;

    use super::*;

    const USER: &str = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a";

    fn limits(vars: &[(&str, &str)]) -> [Option<u32>; 2] {
        let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let mut reader = Reader::from_vars(vars);
        let settings = RateLimitSettings::read(&mut reader);
        let settings = reader.finish(Some(settings)).expect("right");
        let callers = [
            Caller::new(USER, Scopes::NONE),
            Caller::new(USER, Scopes::ADMIN),
        ];
        callers.map(|caller| settings.limit_of(&caller).map(Rate::requests))
    }

    #[test]
    fn users_have_a_limit_of_their_own_once_limits_are_on() {
        assert_eq!(limits(&[]), [None, None]);
        assert_eq!(limits(&[("RATE_LIMIT_PER_USER_TOKEN", "5")]), [None, None]);
        let on = ("RATE_LIMIT_PER_CALLER", "600");
        assert_eq!(limits(&[on]), [Some(120), Some(600)]);
        assert_eq!(
            limits(&[on, ("RATE_LIMIT_PER_USER_TOKEN", "0")]),
            [None, Some(600)]
        );
    }
}
