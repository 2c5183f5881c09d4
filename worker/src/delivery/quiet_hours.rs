//! The quiet hours of users, at the claim.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::user_settings::{self, UserQuietHours};
use tidings_db::{DbError, Transaction};
use tidings_domain::decision::{Candidate, Decision, HoldReason, decide};
use tidings_domain::notification::UserId;
use tidings_domain::time::Timezone;
use tidings_settings::{Reader, table};

use super::claim_plan::Drafted;
use super::{Delivery, DeliveryChannel};
use crate::consumer::MessageOutcome;

/// The settings of quiet hours.
#[derive(Clone, Debug)]
pub struct QuietHoursSettings {
    /// `DEFAULT_TIMEZONE`: the time zone of users who have set none.
    pub default_timezone: Timezone,
    /// `QUIET_SPREAD_SECS`: the time over which users whose quiet hours end together get what has waited.
    pub spread: Duration,
}

impl QuietHoursSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            default_timezone: reader.value(table::DEFAULT_TIMEZONE),
            spread: Duration::from_secs(reader.value(table::QUIET_SPREAD_SECS)),
        }
    }

    /// When a notification for `user` is sent that waits for the end of these quiet hours; `None` if it is not quiet at
    /// `now`.
    fn release(&self, quiet: &UserQuietHours, user: UserId, now: Timestamp) -> Option<Timestamp> {
        quiet.release(&self.default_timezone, now, user, self.spread)
    }

    /// When a claimed notification is sent, if the quiet hours of its user hold it.
    pub(super) fn release_of(&self, notification: &ClaimedNotification) -> Option<Timestamp> {
        let (user, quiet) = notification
            .user_id
            .zip(notification.quiet_hours.as_ref())?;
        self.release(quiet, user, notification.now)
    }
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Decides again about the notifications that quiet hours hold, with settings that nobody changes until the end of
    /// `transaction`. So a change finds everything that was held because of the settings before.
    pub(super) async fn confirm_quiet_hours(
        &self,
        transaction: &Transaction<'_>,
        drafted: &mut [Result<Drafted<C>, MessageOutcome>],
    ) -> Result<(), DbError> {
        let is_held = |one: &&mut Drafted<C>| {
            matches!(
                one.decision,
                Decision::Hold {
                    reason: HoldReason::QuietHours,
                    ..
                }
            )
        };
        let held = drafted.iter_mut().filter_map(|one| one.as_mut().ok());
        let held: Vec<&mut Drafted<C>> = held.filter(is_held).collect();
        let users: BTreeSet<UserId> = held
            .iter()
            .filter_map(|one| one.notification.user_id)
            .collect();
        let users: Vec<UserId> = users.into_iter().collect();
        let current = user_settings::lock_quiet_hours(transaction, Self::CHANNEL, &users).await?;
        for one in held {
            let now = one.notification.now;
            let release = one.notification.user_id.and_then(|user| {
                let quiet = current.get(&user)?;
                self.settings.quiet_hours.release(quiet, user, now)
            });
            let candidate = Candidate {
                // The settings have changed, and it is not quiet any more: the next claim decides.
                quiet_until: Some(release.unwrap_or(now)),
                ..one.candidate
            };
            one.decision = decide(candidate, now);
            counter!("tidings_quiet_hours_held_total", "channel" => Self::CHANNEL.as_str())
                .increment(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<QuietHoursSettings, String> {
        let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let mut reader = Reader::from_vars(vars);
        let settings = QuietHoursSettings::read(&mut reader);
        let settings = reader.finish(Some(settings));
        settings.map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_default_time_zone_is_one_of_the_database() {
        let settings = read(&[]).expect("the defaults");
        assert_eq!(settings.default_timezone.name(), "UTC");
        assert_eq!(settings.spread, Duration::from_mins(5));
        let berlin = read(&[
            ("DEFAULT_TIMEZONE", "Europe/Berlin"),
            ("QUIET_SPREAD_SECS", "0"),
        ]);
        assert_eq!(
            berlin.expect("right").default_timezone.name(),
            "Europe/Berlin"
        );
        let wrong = read(&[("DEFAULT_TIMEZONE", "+02:00")]).expect_err("no name");
        assert!(wrong.contains("DEFAULT_TIMEZONE"), "{wrong}");
    }
}
