//! `tidings notifications send`.

use anyhow::{Context, anyhow, bail};
use jiff::{Timestamp, Unit};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use tidings_db::{Database, TransactionOptions, categories, notifications, users};
use tidings_domain::category::CategoryName;
use tidings_domain::link_rule::{URL_MISSING, lacks_url};
use tidings_domain::notification::{Channel, GroupKey, MessageId, Notification, UserId};
use tidings_domain::providers::ChannelProviders;
use tidings_domain::time::MAX_TTL_SECS;
use tidings_egress::EgressPolicy;
use tidings_requests::{NewNotification, check_channel, check_url};
use tidings_settings::{Reader, read_channel_providers, table};
use tidings_templates::{Locale, TemplateName};

use crate::operator;
use crate::output::CommandOutput;
use crate::payload::payload;
use crate::settings;

/// Arguments of `send`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user that the notification is for; without it, the payload must name the recipient in `to`
    #[arg(long, value_name = "USER_ID")]
    user: Option<UserId>,
    /// The channel: in-app, email, sms, push or webhook
    #[arg(long)]
    channel: Channel,
    /// The payload, or the variables of the template: a JSON object; `-` reads it from standard input
    #[arg(long, value_name = "JSON")]
    payload: String,
    /// The template that renders the message (email, sms and push only)
    #[arg(long, value_name = "NAME")]
    template: Option<TemplateName>,
    /// The language of the template
    #[arg(long, requires = "template")]
    locale: Option<Locale>,
    /// The category, by which the recipient chooses what to receive
    #[arg(long, value_name = "NAME")]
    category: Option<CategoryName>,
    /// When it is sent (RFC 3339); now by default
    #[arg(long, value_name = "TIME")]
    send_at: Option<String>,
    /// Seconds from then on until it expires; never by default
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_TTL_SECS)))]
    ttl_secs: Option<u32>,
    /// The group, all notifications of which `tidings cancel --group` cancels
    #[arg(long)]
    group: Option<GroupKey>,
    /// The payload is secret: it is never shown, and is erased once the notification has ended
    #[arg(long)]
    sensitive: bool,
}

/// What the settings allow: the same as for the API.
struct SendRules {
    providers: ChannelProviders,
    egress: EgressPolicy,
    schedule_max_days: u32,
    max_body_bytes: usize,
    makes_links: bool,
}

impl SendRules {
    fn read(reader: &mut Reader) -> Self {
        Self {
            providers: read_channel_providers(reader),
            egress: EgressPolicy::read(reader),
            schedule_max_days: reader.value(table::SCHEDULE_MAX_DAYS),
            max_body_bytes: reader.value(table::MAX_BODY_BYTES),
            makes_links: reader.is_set(table::UNSUBSCRIBE_SECRETS)
                && reader.is_set(table::PUBLIC_URL),
        }
    }

    fn check(&self, new: &NewNotification<'_>) -> anyhow::Result<()> {
        check_channel(&self.providers, new.channel)?;
        if let Some(url) = &new.addresses.webhook_url {
            check_url(&self.egress, url)?;
        }
        Ok(())
    }
}

/// Records a notification. Like a request to the API, it says who has sent it, and has no entry in the audit log.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let rules = settings::read(|reader| Some(SendRules::read(reader)))?;
    let body = serde_json::to_vec(&Body::new(args)?)?;
    if body.len() > rules.max_body_bytes {
        let max = rules.max_body_bytes;
        bail!("the notification has more than {max} bytes, the most that MAX_BODY_BYTES allows");
    }
    let new = NewNotification::parse(&body)?;
    rules.check(&new)?;
    let notification = notification(&new, rules.schedule_max_days)?;
    let has_url = new.addresses.has_unsubscribe_url;
    let recording = database.transaction(TransactionOptions::default(), async |transaction| {
        if let Some(user) = notification.user_id
            && !users::exists(transaction, user).await?
        {
            return Ok(Err(format!("there is no user {user}")));
        }
        if let Some(name) = &notification.category {
            let Some(row) = categories::find(transaction, name).await? else {
                return Ok(Err(format!("there is no category {name}")));
            };
            let kind = Some(row.category.kind);
            if lacks_url(notification.channel, kind, has_url, rules.makes_links) {
                return Ok(Err(format!("--payload: unsubscribeUrl {URL_MISSING}")));
            }
        }
        notifications::insert_for_scheduler(transaction, &notification).await?;
        Ok(Ok(()))
    });
    let recorded = recording
        .await
        .context("the notification is not recorded")?;
    recorded.map_err(anyhow::Error::msg)?;
    let id = notification.message_id;
    let text = format!(
        "The notification is recorded, and a scheduler publishes it. `tidings notifications show {id}` says how it ends.\n"
    );
    CommandOutput::new(text, json!({ "messageId": id }))
}

/// The body of the request to the API that asks for the same.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    target_user_id: Option<UserId>,
    r#type: &'static str,
    payload: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<CategoryName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_secs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<GroupKey>,
    sensitive: bool,
}

#[derive(Serialize)]
struct Template {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
}

impl Body {
    fn new(args: Args) -> anyhow::Result<Self> {
        Ok(Self {
            target_user_id: args.user,
            r#type: args.channel.as_str(),
            payload: payload(args.payload)?,
            template: args.template.map(|name| Template {
                name: name.to_string(),
                locale: args.locale.map(|locale| locale.to_string()),
            }),
            category: args.category,
            send_at: args.send_at,
            ttl_secs: args.ttl_secs,
            group: args.group,
            sensitive: args.sensitive,
        })
    }
}

fn notification(new: &NewNotification<'_>, max_days: u32) -> anyhow::Result<Notification> {
    // The precision of PostgreSQL, as for the API.
    let now = Timestamp::now();
    let now = now.round(Unit::Microsecond).unwrap_or(now);
    let window = new.times.window(now, max_days);
    let window = window.map_err(|error| anyhow!("{} {error}", error.field()))?;
    Ok(Notification {
        message_id: MessageId::generate(),
        user_id: new.user_id,
        channel: new.channel,
        accepted_at: now,
        payload: new.payload.to_owned(),
        template: new.template.clone(),
        sender: Some(format!("cli:{}", operator::name())),
        group: new.times.group.clone(),
        window,
        fingerprint: None,
        sensitive: new.sensitive,
        category: new.category.clone(),
        digest_key: None,
        trace: None,
    })
}
