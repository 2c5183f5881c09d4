//! Everything that decides what happens to a notification, read for one recipient, category and channel. Tools ask it; the
//! intake and the claims read the same for many notifications at once.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tidings_domain::category::CategoryName;
use tidings_domain::decision::LimitState;
use tidings_domain::digest::DigestMode;
use tidings_domain::explanation::{CategoryFacts, CategoryState, RecipientState, Situation};
use tidings_domain::notification::{Channel, DeliveredChannel, UserId};
use tidings_domain::preference::Recipient;
use tidings_domain::time::Timezone;
use tidings_domain::user_limit::UserLimit;

use crate::categories::{self, CategoryRow};
use crate::error::DbError;
use crate::notifications::{SlotCount, ThrottledNotifications, count_slots};
use crate::preferences::{self, PreferenceRow};
use crate::sending_switches::{self, SendingSwitch};
use crate::user_settings::{self, UserSettings};
use crate::webhook_endpoints::{self, EndpointFilter, EndpointState};
use crate::{GenericClient, Transaction, clock, device_tokens, phone_numbers};

/// What is asked: what happens to such a notification now.
#[derive(Clone, Debug)]
pub struct Question {
    /// The recipient.
    pub recipient: Recipient,
    /// The category, if it has one.
    pub category: Option<CategoryName>,
    /// The channel.
    pub channel: Channel,
    /// The payload, if it is known. Only the member counts that the `key` of a throttle names.
    pub payload: Option<Map<String, Value>>,
    /// `USER_LIMITS` of the channel.
    pub user_limit: Option<UserLimit>,
    /// `DEFAULT_TIMEZONE`.
    pub default_timezone: Timezone,
    /// `QUIET_SPREAD_SECS`.
    pub quiet_spread: Duration,
}

/// What is known.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time of the database.
    pub now: Timestamp,
    /// What decides. Whether the channel has a provider and whether there is a link to unsubscribe is not known here.
    pub situation: Situation,
    /// The category.
    pub category: Option<CategoryRow>,
    /// All choices of the recipient.
    pub choices: Vec<PreferenceRow>,
    /// The switch that stops the channel.
    pub stop: Option<SendingSwitch>,
    /// The time zone of the user's quiet hours, unless there are none.
    pub quiet_timezone: Option<Timezone>,
    /// What counts towards the limit of the category.
    pub throttle: Option<SlotCount>,
    /// What counts towards `USER_LIMITS`.
    pub user_limit: Option<SlotCount>,
}

/// Reads everything that decides.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn read(transaction: &Transaction<'_>, question: &Question) -> Result<Facts, DbError> {
    let channel = question.channel;
    let now = clock::now(transaction).await?;
    let category = match &question.category {
        Some(name) => categories::find(transaction, name).await?,
        None => None,
    };
    let choices = preferences::list(transaction, question.recipient).await?;
    let subject = preferences::subject(category.as_ref(), channel);
    let mut situation = Situation {
        choices: preferences::choices_about(&choices, subject),
        ..Situation::free(channel, category_state(question, category.as_ref()))
    };
    let stop = match channel.delivered() {
        Some(channel) => {
            let switches = sending_switches::list(transaction).await?;
            switches.stop_of(channel).cloned()
        }
        None => None,
    };
    situation.is_stopped = stop.is_some();
    let mut facts = Facts {
        now,
        situation,
        category,
        choices,
        stop,
        quiet_timezone: None,
        throttle: None,
        user_limit: None,
    };
    match question.recipient {
        Recipient::User(user) => read_user(transaction, question, user, &mut facts).await?,
        Recipient::Address(_) => facts.situation.recipient = RecipientState::NoAccount,
    }
    Ok(facts)
}

fn category_state(question: &Question, row: Option<&CategoryRow>) -> CategoryState {
    match (row, &question.category) {
        (Some(row), _) => CategoryState::Known(CategoryFacts {
            kind: row.category.kind,
            quiet: row.category.quiet,
            default: row.category.defaults.get(&question.channel).copied(),
            unsubscribe: row.category.unsubscribe,
        }),
        (None, Some(_)) => CategoryState::Unknown,
        (None, None) => CategoryState::None,
    }
}

/// Reads what concerns users only: whether they exist, their contacts, quiet hours and limits.
async fn read_user(
    client: &impl GenericClient,
    question: &Question,
    user: UserId,
    facts: &mut Facts,
) -> Result<(), DbError> {
    let (state, has_email) = state_of(client, user).await?;
    let situation = &mut facts.situation;
    situation.recipient = state;
    situation.has_contact = match question.channel {
        Channel::InApp => true,
        Channel::Email => has_email,
        Channel::Sms => {
            let numbers = phone_numbers::newest_addresses(client, &[user]).await?;
            numbers.contains_key(&user)
        }
        Channel::Push => {
            let devices = device_tokens::list_addresses(client, &[user]).await?;
            devices.contains_key(&user)
        }
        Channel::Webhook => has_endpoint(client, user).await?,
    };
    if let Some(settings) = user_settings::find(client, user).await? {
        let timezone = settings.timezone.as_ref();
        let timezone = timezone.and_then(|name| name.parse().ok());
        let timezone = timezone.unwrap_or_else(|| question.default_timezone.clone());
        let UserSettings {
            quiet,
            quiet_channels,
            digests,
            ..
        } = settings;
        let category = facts.category.as_ref();
        situation.digest = category.map_or(DigestMode::Off, |row| {
            let chosen = digests.get(&row.name).copied();
            row.category.digest.unwrap_or_default().mode_for(chosen)
        });
        situation.quiet_until = quiet.release(&timezone, facts.now, user, question.quiet_spread);
        situation.quiet_channels = quiet_channels;
        facts.quiet_timezone = Some(timezone);
    }
    if let Some(channel) = question.channel.delivered() {
        read_limits(client, question, user, channel, facts).await?;
    }
    Ok(())
}

async fn read_limits(
    client: &impl GenericClient,
    question: &Question,
    user: UserId,
    channel: DeliveredChannel,
    facts: &mut Facts,
) -> Result<(), DbError> {
    if let Some(limit) = question.user_limit {
        let count = count_slots(client, user, channel, limit.window, None).await?;
        facts.situation.user_limit = count.state(limit.count);
        facts.user_limit = Some(count);
    }
    let row = facts.category.as_ref();
    let throttle = row.and_then(|row| Some((&row.name, row.category.throttle.as_ref()?)));
    if let Some((name, throttle)) = throttle {
        let window = Duration::from_secs(throttle.window_secs.into());
        let key = throttle.key.as_deref();
        let value = key
            .zip(question.payload.as_ref())
            .map(|(key, payload)| (key, payload.get(key)));
        let only = ThrottledNotifications {
            category: name,
            key: value,
        };
        let count = count_slots(client, user, channel, window, Some(only)).await?;
        facts.situation.throttle = if key.is_some() && value.is_none() {
            // Each value has a limit of its own, and the payload is not known. Below the limit, all values are.
            LimitState::Free
        } else {
            count.state(throttle.limit)
        };
        facts.throttle = Some(count);
    }
    Ok(())
}

/// Whether the user exists, and has an address for e-mails.
async fn state_of(
    client: &impl GenericClient,
    user: UserId,
) -> Result<(RecipientState, bool), DbError> {
    let statement = client
        .prepare_cached(
            "SELECT erased_at IS NOT NULL OR is_deleted, deletion_id IS NOT NULL,
                    email IS NOT NULL AND email_verified
             FROM users WHERE id = $1",
        )
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.map_or((RecipientState::Unknown, false), |row| {
        let state = match (row.get(0), row.get(1)) {
            (true, _) => RecipientState::Gone,
            (false, true) => RecipientState::Leaving,
            (false, false) => RecipientState::User,
        };
        (state, row.get(2))
    }))
}

async fn has_endpoint(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let enabled = EndpointFilter {
        user: Some(user),
        state: Some(EndpointState::Enabled),
    };
    let (page, _) = webhook_endpoints::list(client, enabled, None, 1).await?;
    Ok(!page.is_empty())
}
