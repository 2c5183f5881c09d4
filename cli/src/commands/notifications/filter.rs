use jiff::Timestamp;
use tidings_db::notifications::NotificationFilter;
use tidings_domain::notification::{Channel, MessageId, Status, UserId};
use tidings_domain::time::parse_instant;

/// Which notifications: those that meet all conditions.
#[derive(Debug, clap::Args)]
pub struct FilterArgs {
    /// Only notifications with this status
    #[arg(long)]
    status: Option<Status>,
    /// Only notifications of this channel
    #[arg(long)]
    channel: Option<Channel>,
    /// Only notifications of this user
    #[arg(long, value_name = "USER_ID")]
    user: Option<UserId>,
    /// Only notifications of this category
    #[arg(long)]
    category: Option<String>,
    /// Only notifications that this subject of a token has posted
    #[arg(long, value_name = "SUBJECT")]
    sender: Option<String>,
    /// Only notifications that this template renders
    #[arg(long)]
    template: Option<String>,
    /// Only notifications that failed, wait, or were not sent for this reason
    #[arg(long)]
    reason: Option<String>,
    /// Only webhooks to this host
    #[arg(long)]
    host: Option<String>,
    /// Only notifications to which a provider has given this id
    #[arg(long, value_name = "ID")]
    reference: Option<String>,
    /// Only this notification
    #[arg(long, value_name = "MESSAGE_ID")]
    id: Option<MessageId>,
    /// Only notifications that were accepted at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Only notifications that were accepted before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// Only notifications that ended at this time or later (RFC 3339), the last one first
    #[arg(long, value_name = "TIME", value_parser = instant)]
    ended_from: Option<Timestamp>,
    /// Only notifications that ended before this time (RFC 3339), the last one first
    #[arg(long, value_name = "TIME", value_parser = instant)]
    ended_to: Option<Timestamp>,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    parse_instant(text).map_err(|error| error.to_string())
}

impl FilterArgs {
    /// The filter.
    pub fn filter(&self) -> NotificationFilter {
        NotificationFilter {
            message_id: self.id,
            user_id: self.user,
            status: self.status,
            channel: self.channel,
            category: self.category.clone(),
            sender: self.sender.clone(),
            template: self.template.clone(),
            reason: self.reason.clone(),
            host: self.host.as_ref().map(|host| host.to_ascii_lowercase()),
            reference: self.reference.clone(),
            created_from: self.from,
            created_before: self.to,
            ended_from: self.ended_from,
            ended_before: self.ended_to,
            ..NotificationFilter::default()
        }
    }
}
