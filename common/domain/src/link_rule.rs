//! Which e-mails have a URL to unsubscribe.

use crate::category::CategoryKind;

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

#[cfg(test)]
mod tests {
    use super::*;

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
