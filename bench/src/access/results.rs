use serde::Serialize;

use crate::statistics::median;
use crate::targets::PerformanceTarget;

/// The results.
#[derive(Clone, Debug, Serialize)]
pub struct AccessResults {
    /// Rates of posting.
    pub posting: PostingRates,
    /// Logins.
    pub logins: LoginResults,
    /// An API with many keys.
    pub keys: KeyResults,
}

/// Notifications that the API accepts in a second, in each round.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PostingRates {
    /// With a JWT.
    pub jwt: Vec<f64>,
    /// With an API key.
    pub key: Vec<f64>,
    /// With a JWT, if the API counts the requests of each caller.
    pub limited: Vec<f64>,
    /// With a JWT, beside audited changes.
    pub audited: Vec<f64>,
}

impl PostingRates {
    /// The median of the rates of each round, relative to those with a JWT.
    fn ratio(&self, rates: &[f64]) -> f64 {
        median(rates.iter().zip(&self.jwt).map(|(rate, jwt)| rate / jwt))
    }
}

/// Logins of many clients at once.
#[derive(Clone, Debug, Serialize)]
pub struct LoginResults {
    /// Clients.
    pub clients: usize,
    /// Logins a second.
    pub per_second: f64,
    /// Logins that were answered with 503, because too many wait.
    pub busy: u64,
    /// Peak memory of the API, in MiB.
    pub peak_mib: f64,
    /// The longest time from connecting to the answer of `/live`, in seconds.
    pub slowest_live_seconds: f64,
    /// Median time of a login with a wrong password, in milliseconds.
    pub refused_known_ms: f64,
    /// Median time of a login of an unknown user, in milliseconds.
    pub refused_unknown_ms: f64,
}

/// An API that starts with many keys.
#[derive(Clone, Debug, Serialize)]
pub struct KeyResults {
    /// Keys in the table.
    pub count: u32,
    /// From the start of the program to the 202 of a notification with one of the keys, in seconds.
    pub usable_after_seconds: f64,
    /// Memory in addition to that of an API without keys, in MiB.
    pub additional_mib: f64,
}

impl AccessResults {
    /// The targets with the measured values.
    #[must_use]
    pub fn targets(&self) -> Vec<PerformanceTarget> {
        let (posting, logins, keys) = (&self.posting, &self.logins, &self.keys);
        let times = logins.refused_known_ms / logins.refused_unknown_ms;
        vec![
            PerformanceTarget::at_least(
                "accepted a second with an API key ÷ with a JWT",
                0.95,
                posting.ratio(&posting.key),
            ),
            PerformanceTarget::at_least(
                "accepted a second with a caller limit ÷ without",
                0.95,
                posting.ratio(&posting.limited),
            ),
            PerformanceTarget::at_least(
                "accepted a second beside 50 audited changes a second ÷ without",
                0.9,
                posting.ratio(&posting.audited),
            ),
            PerformanceTarget::at_most(
                "peak memory of api during logins, MiB",
                256.0,
                logins.peak_mib,
            ),
            PerformanceTarget::at_most(
                "slowest answer of /live during logins, s",
                0.5,
                logins.slowest_live_seconds,
            ),
            PerformanceTarget::at_most(
                "refused logins: known ÷ unknown user, or the reverse",
                1.1,
                times.max(times.recip()),
            ),
            PerformanceTarget::at_most("memory of the keys, MiB", 64.0, keys.additional_mib),
            PerformanceTarget::at_most("keys usable after, s", 3.0, keys.usable_after_seconds),
        ]
    }
}
