//! `tidings users quiet-hours`.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::TransactionOptions;
use tidings_db::notifications::wait_for_claims;
use tidings_db::user_settings::{self, SettingsChanges, UpdateSettingsResult, UserSettings};
use tidings_domain::change::Change;
use tidings_domain::notification::{DeliveredChannel, UserId};
use tidings_domain::time::{QuietChannels, QuietHours, TimeOfDay};

use super::{CLAIM_WAIT, database, show};
use crate::operator::operator;
use crate::output::{CommandOutput, Text};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Arguments of `quiet-hours`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id, the e-mail address or the name of the user
    #[arg(value_name = "USER")]
    user: String,
    /// A time that is quiet, such as "mon-fri 22:00-07:00" or "sat,sun 00:00-10:00"; can be repeated. Replaces all of before
    #[arg(long, value_name = "DAYS FROM-TO")]
    set: Vec<QuietArg>,
    /// No time is quiet
    #[arg(long, conflicts_with = "set")]
    none: bool,
    /// The channels whose notifications wait for the end of the quiet hours, of push, sms and email
    #[arg(long, value_name = "CHANNELS", value_delimiter = ',')]
    channels: Vec<String>,
}

/// A window in the form `mon-fri 22:00-07:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietArg {
    days: Vec<usize>,
    from: TimeOfDay,
    to: TimeOfDay,
}

/// The text is no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidWindow;

impl fmt::Display for InvalidWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "must be days and two times, such as \"mon-fri 22:00-07:00\" or \"daily 22:00-07:00\"",
        )
    }
}

impl std::error::Error for InvalidWindow {}

impl FromStr for QuietArg {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        let (days, times) = text.split_once(' ').ok_or(InvalidWindow)?;
        let (from, to) = times.trim().split_once('-').ok_or(InvalidWindow)?;
        let time = |text: &str| text.parse().map_err(|_| InvalidWindow);
        Ok(Self {
            days: days_of(days).ok_or(InvalidWindow)?,
            from: time(from)?,
            to: time(to)?,
        })
    }
}

/// The numbers of days, of which 1 is Monday.
fn days_of(text: &str) -> Option<Vec<usize>> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name).map(|day| day + 1);
    if text == "daily" {
        return Some((1..=7).collect());
    }
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => days.extend(day(first)?..=day(last)?),
            None => days.push(day(part)?),
        }
    }
    days.sort_unstable();
    days.dedup();
    (!days.is_empty()).then_some(days)
}

/// Shows the quiet hours of a user, or changes them.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let Some(user) = show::find(&database, &args.user).await? else {
        bail!("there is no such user");
    };
    let changes = changes(&args)?;
    if changes == SettingsChanges::default() {
        let found = database.run(async |client| user_settings::find(client, user.id).await);
        return match found.await? {
            Some(settings) => shown(user.id, &settings),
            None => bail!("there is no such user"),
        };
    }
    let origin = operator();
    let result = database
        .transaction(TransactionOptions::default(), async |transaction| {
            user_settings::update(transaction, &origin, user.id, &changes).await
        })
        .await?;
    // The command changes no digests, so there is no other reason.
    let (UpdateSettingsResult::Updated(settings) | UpdateSettingsResult::Unchanged(settings)) =
        result
    else {
        bail!("there is no such user");
    };
    let held = settings.quiet_channels.names();
    let is_held = |channel: &DeliveredChannel| held.contains(&channel.as_str());
    let channels: Vec<_> = DeliveredChannel::ALL.into_iter().filter(is_held).collect();
    // Also if nothing has changed: an earlier command may have failed while it waited.
    if !settings.quiet.is_empty() && !wait_for_claims(&database, &channels, CLAIM_WAIT).await? {
        bail!(
            "the settings are stored, but a worker that does not respond may still send what it was about to claim; repeat the command"
        );
    }
    shown(user.id, &settings)
}

fn changes(args: &Args) -> anyhow::Result<SettingsChanges> {
    let mut changes = SettingsChanges::default();
    if args.none || !args.set.is_empty() {
        let windows: Vec<Value> = args
            .set
            .iter()
            .map(|one| json!({"days": one.days, "from": one.from.to_string(), "to": one.to.to_string()}))
            .collect();
        let Some(quiet) = QuietHours::from_json(&Value::from(windows).to_string()) else {
            bail!(
                "the times are not valid: at most {} times, the two of each must differ, and some time of the week must not be quiet",
                QuietHours::MAX_WINDOWS
            );
        };
        changes.quiet = Change::Set(Some(quiet));
    }
    if !args.channels.is_empty() {
        let names = args.channels.iter().map(String::as_str);
        changes.quiet_channels = Change::Set(Some(QuietChannels::read(names)?));
    }
    Ok(changes)
}

fn shown(id: UserId, settings: &UserSettings) -> anyhow::Result<CommandOutput> {
    let mut text = Text::default();
    let timezone = settings.timezone.as_deref().unwrap_or("DEFAULT_TIMEZONE");
    text.line(format_args!("time zone: {timezone}"));
    let quiet = serde_json::to_value(&settings.quiet)?;
    let windows = quiet.as_array().map(Vec::as_slice).unwrap_or_default();
    if windows.is_empty() {
        text.line("quiet hours: none");
    }
    for window in windows {
        let days = window["days"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let names: Vec<&str> = days
            .iter()
            .filter_map(|day| usize::try_from(day.as_u64()?).ok()?.checked_sub(1))
            .filter_map(|day| DAYS.get(day).copied())
            .collect();
        let time = |name: &str| window[name].as_str().unwrap_or_default().to_owned();
        text.line(format_args!(
            "quiet hours: {} {}-{}",
            names.join(","),
            time("from"),
            time("to")
        ));
    }
    let channels = settings.quiet_channels.names();
    text.line(format_args!("quiet channels: {}", channels.join(", ")));
    text.line(format_args!("digests at: {}", settings.digest_at));
    let json = json!({
        "userId": id,
        "timezone": settings.timezone,
        "locale": settings.locale,
        "quiet": quiet,
        "quietChannels": channels,
        "digestAt": settings.digest_at.to_string(),
    });
    CommandOutput::new(text, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read() {
        for (text, days) in [
            ("mon-fri 22:00-07:00", Some(vec![1, 2, 3, 4, 5])),
            ("sat,sun,sat 22:00-07:00", Some(vec![6, 7])),
            ("daily 22:00-07:00", Some(vec![1, 2, 3, 4, 5, 6, 7])),
            ("fri-mon 22:00-07:00", None),
            ("mon 22:00", None),
            ("mon 25:00-07:00", None),
            ("every 22:00-07:00", None),
            ("22:00-07:00", None),
        ] {
            let window = text.parse::<QuietArg>();
            assert_eq!(window.ok().map(|window| window.days), days, "{text}");
        }
    }
}
