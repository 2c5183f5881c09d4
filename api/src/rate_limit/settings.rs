use std::num::NonZeroU32;

use tidings_db::audit::ActorKind;
use tidings_settings::{Reader, table};

use super::Rate;
use crate::auth::Caller;

/// How many requests callers may send.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimitSettings {
    /// `RATE_LIMIT_PER_CALLER`: the limit of each service, and of each API key without a limit of its own.
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

    /// The limit of a caller; `None` if it has none. That of an API key holds even while `RATE_LIMIT_PER_CALLER` is off. A session
    /// of the dashboard, which asks for many figures, has that of a service.
    pub(super) fn limit_of(self, caller: &Caller) -> Option<Rate> {
        if let Some(own) = caller.rate_per_minute() {
            return NonZeroU32::new(own).map(Rate::per_minute);
        }
        match caller.actor_kind() {
            ActorKind::User if !caller.is_dashboard() => self.per_user,
            _ => self.per_service,
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_db::api_keys::LiveKey;
    use tidings_domain::access::{ApiKey, Scopes};

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

    fn limit_of_key(vars: &[(&str, &str)], rate_per_minute: Option<u32>) -> Option<u32> {
        let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let settings = RateLimitSettings::read(&mut Reader::from_vars(vars));
        let key = ApiKey::generate().expect("a key");
        let key = LiveKey {
            id: key.id(),
            hash: key.secret_hash(),
            previous: None,
            scopes: Scopes::NONE,
            user: USER.parse().ok(),
            rate_per_minute,
            expires_at: None,
        };
        settings.limit_of(&Caller::of_key(&key)).map(Rate::requests)
    }

    #[test]
    fn a_key_may_have_a_limit_of_its_own() {
        let on = ("RATE_LIMIT_PER_CALLER", "600");
        assert_eq!(limit_of_key(&[on], Some(7)), Some(7));
        assert_eq!(limit_of_key(&[], Some(7)), Some(7));
        assert_eq!(limit_of_key(&[on], None), Some(600));
        assert_eq!(limit_of_key(&[], None), None);
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
