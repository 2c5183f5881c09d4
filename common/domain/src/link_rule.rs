//! Which e-mails have a URL to unsubscribe.

use crate::category::CategoryKind;
use crate::notification::Channel;

/// What is wrong with the member `unsubscribeUrl` of a payload that [lacks](lacks_url) it, and what to do.
pub const URL_MISSING: &str = "is required for a marketing category, because PUBLIC_URL and UNSUBSCRIBE_SECRETS are not set; \
                               give one, or set both for the API and the workers";

/// Which URL to unsubscribe an e-mail has in its header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRule {
    /// None, not even that of the payload.
    Never,
    /// That of the payload, if there is one.
    Given,
    /// That of the payload, or else a link of this installation if it makes links.
    Wanted,
    /// Like [`LinkRule::Wanted`], and an e-mail without a URL is not sent.
    Required,
}

impl LinkRule {
    /// The rule for a category of this kind, or for no category. `chosen` is the choice of a transactional category.
    #[must_use]
    pub const fn of(category: Option<(CategoryKind, bool)>) -> Self {
        match category {
            Some((CategoryKind::Critical, _)) => Self::Never,
            Some((CategoryKind::Marketing, _)) => Self::Required,
            Some((CategoryKind::Transactional, true)) => Self::Wanted,
            Some((CategoryKind::Transactional, false)) | None => Self::Given,
        }
    }

    /// Whether the installation makes a link if the payload has no URL.
    #[must_use]
    pub const fn makes_links(self) -> bool {
        matches!(self, Self::Wanted | Self::Required)
    }
}

/// Whether a notification must not be accepted because it lacks a URL to unsubscribe. `has_url`: its payload has one;
/// `makes_links`: the installation does.
#[must_use]
pub const fn lacks_url(
    channel: Channel,
    category: Option<CategoryKind>,
    has_url: bool,
    makes_links: bool,
) -> bool {
    let rule = match category {
        // The choice of a transactional category never requires a link.
        Some(kind) => LinkRule::of(Some((kind, false))),
        None => LinkRule::of(None),
    };
    matches!(channel, Channel::Email)
        && matches!(rule, LinkRule::Required)
        && !has_url
        && !makes_links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marketing_by_e_mail_may_lack_a_url() {
        let marketing = Some(CategoryKind::Marketing);
        assert!(lacks_url(Channel::Email, marketing, false, false));
        for (has_url, makes_links) in [(true, false), (false, true), (true, true)] {
            assert!(!lacks_url(Channel::Email, marketing, has_url, makes_links));
        }
        for kind in [
            None,
            Some(CategoryKind::Transactional),
            Some(CategoryKind::Critical),
        ] {
            assert!(!lacks_url(Channel::Email, kind, false, false));
        }
        for channel in Channel::ALL
            .into_iter()
            .filter(|one| *one != Channel::Email)
        {
            assert!(!lacks_url(channel, marketing, false, false));
        }
    }

    #[test]
    fn marketing_always_has_a_link_and_critical_never() {
        for (kind, chosen, rule) in [
            (CategoryKind::Critical, false, LinkRule::Never),
            (CategoryKind::Critical, true, LinkRule::Never),
            (CategoryKind::Transactional, false, LinkRule::Given),
            (CategoryKind::Transactional, true, LinkRule::Wanted),
            (CategoryKind::Marketing, false, LinkRule::Required),
            (CategoryKind::Marketing, true, LinkRule::Required),
        ] {
            assert_eq!(LinkRule::of(Some((kind, chosen))), rule, "{kind}");
        }
        assert_eq!(LinkRule::of(None), LinkRule::Given);
    }
}
