//! The links to unsubscribe in e-mails.

use tidings_broker::Failure;
use tidings_db::notifications::ClaimedNotification;
use tidings_domain::content::{EmailAddress, Json, Object};
use tidings_domain::notification::Channel;
use tidings_domain::preference::Recipient;
use tidings_unsubscribe::{LinkRule, LinkTarget};
use url::Url;

use super::EmailChannel;

/// The field of payloads, and the variable of templates.
const UNSUBSCRIBE_URL: &str = "unsubscribeUrl";

impl EmailChannel {
    /// The URL for the header fields of RFC 8058. `given` is that of the payload.
    ///
    /// # Errors
    ///
    /// Fails if the e-mail must have a URL and there is none.
    pub(super) fn unsubscribe_url(
        &self,
        claimed: &ClaimedNotification,
        to: &EmailAddress,
        given: Option<Url>,
    ) -> Result<Option<Url>, Failure> {
        let rule = rule(claimed);
        let url = match rule {
            LinkRule::Never => None,
            LinkRule::Given => given,
            LinkRule::Wanted | LinkRule::Required => given.or_else(|| self.link(claimed, Some(to))),
        };
        if rule == LinkRule::Required && url.is_none() {
            // The API refuses such notifications: the worker has other settings, or the category was changed.
            let detail = "the category is marketing: set PUBLIC_URL and UNSUBSCRIBE_SECRETS for the worker, then replay";
            return Err(Failure::new("unsubscribe_url_missing", detail));
        }
        Ok(url)
    }

    /// The URL for a template, unless the `variables` of the notification have one.
    pub(super) fn unsubscribe_variable(
        &self,
        claimed: &ClaimedNotification,
        variables: &Object,
    ) -> Option<(&'static str, Json)> {
        let text = |name| variables.get(name).and_then(Json::as_str);
        let is_given = text(UNSUBSCRIBE_URL).is_some_and(|url| !url.trim().is_empty());
        if is_given || !rule(claimed).makes_links() {
            return None;
        }
        let to: Option<EmailAddress> = text("to").and_then(|to| to.parse().ok());
        let url = self.link(claimed, to.as_ref())?;
        Some((UNSUBSCRIBE_URL, Json::String(url.into())))
    }

    /// The link for the recipient: the user, or else the owner of the address.
    fn link(&self, claimed: &ClaimedNotification, to: Option<&EmailAddress>) -> Option<Url> {
        let recipient = match claimed.user_id {
            Some(user) => Recipient::User(user),
            None => Recipient::Address(to?.into()),
        };
        let target = LinkTarget {
            recipient,
            category: claimed.category.as_ref()?.name.clone(),
            channel: Channel::Email,
        };
        Some(self.unsubscribe.as_ref()?.link(&target))
    }
}

fn rule(claimed: &ClaimedNotification) -> LinkRule {
    let category = claimed.category.as_ref();
    LinkRule::of(category.map(|category| (category.kind, category.unsubscribe)))
}
