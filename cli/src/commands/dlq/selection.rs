use tidings_broker::{DeadLetter, Destination};
use tidings_domain::notification::MessageId;

use super::letter::{NO_CHANNEL, message_id};

/// Which dead letters are meant. All conditions must hold; without any, all are.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Filter {
    /// Only the letter of this message; can be given several times
    #[arg(long = "id", value_name = "MESSAGE_ID")]
    pub ids: Vec<String>,
    /// How it failed.
    #[command(flatten)]
    pub failure: Failure,
}

/// Where and why a letter failed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Failure {
    /// Only letters that failed in this stage: intake, email, sms, push, webhook, or none
    #[arg(long, value_parser = channel)]
    channel: Option<ChannelIs>,
    /// Only letters that failed for this reason, such as "undecodable"
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
}

/// Which dead letters are meant, where forgetting to say so must not mean all.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("selection")
    .args(["ids", "channel", "reason", "all"]).required(true).multiple(true))]
pub struct Selection {
    /// Conditions.
    #[command(flatten)]
    pub filter: Filter,
    /// All letters
    #[arg(long)]
    all: bool,
}

impl Selection {
    /// Whether single letters are named, so that finding none is a failure.
    pub fn names_letters(&self) -> bool {
        !self.filter.ids.is_empty()
    }
}

/// A condition on the header `channel`: names this stage, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelIs(Option<Destination>);

/// Reads the value of `--channel`.
fn channel(name: &str) -> Result<ChannelIs, String> {
    if name == NO_CHANNEL {
        return Ok(ChannelIs(None));
    }
    let destination = Destination::from_name(name).ok_or_else(|| {
        let names = Destination::ALL.map(Destination::as_str).join(", ");
        format!("must be one of: {names}, {NO_CHANNEL}")
    })?;
    Ok(ChannelIs(Some(destination)))
}

impl Filter {
    /// Whether it means this letter.
    pub fn selects(&self, letter: &DeadLetter) -> bool {
        let Failure { channel, reason } = &self.failure;
        self.selects_id(message_id(letter), letter.message_id.as_deref())
            && channel.is_none_or(|ChannelIs(channel)| channel == letter.destination)
            && reason
                .as_ref()
                .is_none_or(|reason| *reason == letter.reason)
    }

    /// By the id in the body or the one in the properties, in whatever spelling.
    fn selects_id(&self, id: Option<MessageId>, property: Option<&str>) -> bool {
        let matches = |wanted: &String| {
            let wanted_id: Option<MessageId> = wanted.parse().ok();
            (wanted_id.is_some() && wanted_id == id) || Some(wanted.as_str()) == property
        };
        self.ids.is_empty() || self.ids.iter().any(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_the_body_and_in_the_properties_in_any_spelling() {
        let id = MessageId::generate();
        let filter = |wanted: String| Filter {
            ids: vec!["another".to_owned(), wanted],
            ..Filter::default()
        };
        assert!(filter(id.to_string().to_uppercase()).selects_id(Some(id), None));
        assert!(filter("by-hand-1".to_owned()).selects_id(Some(id), Some("by-hand-1")));
        assert!(!filter("by-hand-1".to_owned()).selects_id(None, None));
        assert!(Filter::default().selects_id(None, None));
    }
}
