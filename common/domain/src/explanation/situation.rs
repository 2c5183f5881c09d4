use jiff::Timestamp;

use super::{Outcome, Rule};
use crate::category::{CategoryKind, QuietRule, obeys_quiet_hours};
use crate::decision::{Candidate, Decision, HoldReason, LimitState, SuppressReason, decide};
use crate::digest::DigestMode;
use crate::link_rule::LinkRule;
use crate::notification::Channel;
use crate::preference::{Because, Choices, Effective};
use crate::time::{DeliveryWindow, QuietChannels};

/// What is known when a notification is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Situation {
    /// The channel.
    pub channel: Channel,
    /// Whether the channel has a provider.
    pub is_configured: bool,
    /// The category.
    pub category: CategoryState,
    /// Whether its payload has a URL to unsubscribe, or this installation makes links.
    pub has_link: bool,
    /// The recipient.
    pub recipient: RecipientState,
    /// Whether its sender has cancelled it.
    pub is_cancelled: bool,
    /// When it may be sent.
    pub window: DeliveryWindow,
    /// What the recipient has chosen about such notifications.
    pub choices: Choices,
    /// How often the user gets digests of the category: the slower of what the category says and the user has chosen.
    pub digest: DigestMode,
    /// Whether an operator has stopped the channel.
    pub is_stopped: bool,
    /// When it would be sent if quiet hours held it; `None` if it is not quiet for the user.
    pub quiet_until: Option<Timestamp>,
    /// The channels that the quiet hours of the user hold.
    pub quiet_channels: QuietChannels,
    /// What the limit of the category says.
    pub throttle: LimitState,
    /// What `USER_LIMITS` says.
    pub user_limit: LimitState,
    /// Whether there is an address.
    pub has_contact: bool,
}

/// The category of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CategoryState {
    /// It has none.
    None,
    /// It names one that does not exist.
    Unknown,
    /// It has this one.
    Known(CategoryFacts),
}

/// What decides of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategoryFacts {
    /// The kind.
    pub kind: CategoryKind,
    /// What quiet hours mean for it.
    pub quiet: QuietRule,
    /// Its default for the channel.
    pub default: Option<bool>,
    /// Whether its e-mails have a link to unsubscribe, if it is transactional.
    pub unsubscribe: bool,
}

/// The recipient of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientState {
    /// A user.
    User,
    /// A user whose deletion waits.
    Leaving,
    /// A deleted user.
    Gone,
    /// There is no such user.
    Unknown,
    /// Somebody without an account, whose address is in the payload.
    NoAccount,
}

impl Situation {
    /// A notification to a user that nothing keeps from being sent.
    #[must_use]
    pub fn free(channel: Channel, category: CategoryState) -> Self {
        Self {
            channel,
            is_configured: true,
            category,
            has_link: true,
            recipient: RecipientState::User,
            is_cancelled: false,
            window: DeliveryWindow::default(),
            choices: Choices::default(),
            digest: DigestMode::Off,
            is_stopped: false,
            quiet_until: None,
            quiet_channels: QuietChannels::default(),
            throttle: LimitState::Free,
            user_limit: LimitState::Free,
            has_contact: true,
        }
    }

    /// What happens at `now`, and the rule that decides, unless it is sent.
    #[must_use]
    pub fn outcome(&self, now: Timestamp) -> (Outcome, Option<Rule>) {
        for rule in [Rule::Channel, Rule::Category, Rule::UnsubscribeUrl] {
            if let Some(outcome @ Outcome::Refuse(_)) = self.outcome_of(rule, now) {
                return (outcome, Some(rule));
            }
        }
        if self.recipient == RecipientState::Unknown {
            return (Outcome::DeadLetter("unknown_user"), Some(Rule::User));
        }
        let decision = decide(self.candidate(), now);
        let rule = match decision {
            Decision::Suppress {
                reason: SuppressReason::UserGone,
            } => Some(Rule::Deletion),
            Decision::Cancel => Some(Rule::Cancellation),
            Decision::Expire | Decision::End => Some(Rule::ExpiresAt),
            Decision::Hold {
                reason: HoldReason::Schedule,
                ..
            } => Some(Rule::SendAt),
            Decision::Hold {
                reason: HoldReason::Broker,
                ..
            } => Some(Rule::AcceptWithoutBroker),
            Decision::Suppress {
                reason: SuppressReason::Preference,
            } => Some(if self.is_default() {
                Rule::Defaults
            } else {
                Rule::Preferences
            }),
            Decision::Collect
            | Decision::Hold {
                reason: HoldReason::Digest,
                ..
            } => Some(Rule::Digest),
            // A claim comes after the stop, and asks about everything that follows.
            _ if self.is_stopped() => return (Outcome::STOPPED, Some(Rule::Sending)),
            Decision::Hold {
                reason: HoldReason::QuietHours,
                ..
            } => Some(Rule::QuietHours),
            Decision::Hold {
                reason: HoldReason::Throttled,
                ..
            }
            | Decision::Suppress {
                reason: SuppressReason::Throttled,
            } => Some(if self.throttle >= self.user_limit {
                Rule::Throttle
            } else {
                Rule::UserLimits
            }),
            Decision::Send if !self.has_contact && self.channel.delivered().is_some() => {
                return (Outcome::DeadLetter("no_recipient"), Some(Rule::Contact));
            }
            Decision::Send => None,
        };
        (decision.into(), rule)
    }

    /// What happens because of `rule` alone: [`Outcome::Send`] if it lets the notification pass. `None` if the rule does not
    /// apply to such notifications.
    #[must_use]
    pub fn outcome_of(&self, rule: Rule, now: Timestamp) -> Option<Outcome> {
        let all = self.candidate();
        let free = Candidate {
            window: DeliveryWindow::default(),
            is_cancelled: false,
            user_is_gone: false,
            is_unwanted: false,
            is_collected: false,
            quiet_until: None,
            limit: LimitState::Free,
            ..all
        };
        let by = |candidate| Some(Outcome::from(decide(candidate, now)));
        let unless =
            |is_right: bool, otherwise| Some(if is_right { Outcome::Send } else { otherwise });
        match rule {
            Rule::Channel => unless(
                self.is_configured,
                Outcome::Refuse("channel_not_configured"),
            ),
            Rule::Category => unless(
                self.category != CategoryState::Unknown,
                Outcome::Refuse("unknown_category"),
            ),
            Rule::UnsubscribeUrl => match self.link_rule()? {
                LinkRule::Required => {
                    unless(self.has_link, Outcome::Refuse("unsubscribe_url_missing"))
                }
                LinkRule::Never | LinkRule::Given | LinkRule::Wanted => Some(Outcome::Send),
            },
            Rule::User | Rule::Deletion if !self.has_account() => None,
            Rule::User => unless(
                self.recipient != RecipientState::Unknown,
                Outcome::DeadLetter("unknown_user"),
            ),
            Rule::Deletion => by(Candidate {
                user_is_gone: all.user_is_gone,
                ..free
            }),
            Rule::Cancellation => by(Candidate {
                is_cancelled: all.is_cancelled,
                ..free
            }),
            Rule::ExpiresAt => by(Candidate {
                window: DeliveryWindow {
                    not_before: None,
                    ..all.window
                },
                ..free
            }),
            Rule::SendAt => by(Candidate {
                window: DeliveryWindow {
                    expires_at: None,
                    ..all.window
                },
                ..free
            }),
            // It is about what is recorded.
            Rule::AcceptWithoutBroker => None,
            Rule::Preferences => by(Candidate {
                is_unwanted: all.is_unwanted && !self.is_default(),
                ..free
            }),
            Rule::Defaults => self.is_default().then_some(()).and_then(|()| {
                by(Candidate {
                    is_unwanted: all.is_unwanted,
                    ..free
                })
            }),
            Rule::Digest => self.can_be_collected().then_some(()).and_then(|()| {
                by(Candidate {
                    is_collected: all.is_collected,
                    ..free
                })
            }),
            Rule::Sending => {
                self.channel.delivered()?;
                unless(!self.is_stopped, Outcome::STOPPED)
            }
            Rule::QuietHours => self.can_be_quiet().then_some(()).and_then(|()| {
                by(Candidate {
                    quiet_until: all.quiet_until,
                    ..free
                })
            }),
            Rule::Throttle | Rule::UserLimits => {
                let limit = if rule == Rule::Throttle {
                    self.throttle
                } else {
                    self.user_limit
                };
                self.has_limits()
                    .then_some(())
                    .and_then(|()| by(Candidate { limit, ..free }))
            }
            Rule::Contact => {
                self.channel.delivered()?;
                unless(self.has_contact, Outcome::DeadLetter("no_recipient"))
            }
        }
    }

    /// Whether the recipient wants it, and why.
    #[must_use]
    pub fn preference(&self) -> Effective {
        let facts = self.facts();
        let default = facts.and_then(|facts| facts.default);
        self.choices
            .effective(self.kind().unwrap_or_default(), default)
    }

    /// Which URL to unsubscribe it has, if it is an e-mail.
    #[must_use]
    pub fn link_rule(&self) -> Option<LinkRule> {
        let category = self.facts().map(|facts| (facts.kind, facts.unsubscribe));
        (self.channel == Channel::Email).then(|| LinkRule::of(category))
    }

    fn facts(&self) -> Option<CategoryFacts> {
        match self.category {
            CategoryState::Known(facts) => Some(facts),
            CategoryState::None | CategoryState::Unknown => None,
        }
    }

    fn kind(&self) -> Option<CategoryKind> {
        Some(self.facts()?.kind)
    }

    fn is_critical(&self) -> bool {
        self.kind() == Some(CategoryKind::Critical)
    }

    fn has_account(&self) -> bool {
        self.recipient != RecipientState::NoAccount
    }

    /// Whether the recipient has chosen nothing that counts, and the category says whether it is sent.
    fn is_default(&self) -> bool {
        self.preference().because == Because::Default
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped && self.channel.delivered().is_some()
    }

    /// A digest goes to the contacts of a user, by one channel, about one category.
    fn can_be_collected(&self) -> bool {
        self.channel.delivered().is_some()
            && self.facts().is_some()
            && !self.is_critical()
            && self.has_account()
    }

    fn can_be_quiet(&self) -> bool {
        let channel = self.channel.delivered();
        let category = self.facts().map(|facts| (facts.kind, facts.quiet));
        channel.is_some_and(|channel| self.quiet_channels.contains(channel))
            && obeys_quiet_hours(category)
            && self.has_account()
    }

    fn has_limits(&self) -> bool {
        self.channel.delivered().is_some() && !self.is_critical() && self.has_account()
    }

    /// The question of a claim.
    fn candidate(&self) -> Candidate {
        let limit = self.throttle.max(self.user_limit);
        Candidate {
            status: None,
            window: self.window,
            is_cancelled: self.is_cancelled,
            user_is_gone: match self.recipient {
                RecipientState::Gone => true,
                RecipientState::Leaving => !self.is_critical(),
                RecipientState::User | RecipientState::Unknown | RecipientState::NoAccount => false,
            },
            is_unwanted: !self.preference().enabled,
            is_collected: self.digest != DigestMode::Off && self.can_be_collected(),
            quiet_until: self.quiet_until.filter(|_| self.can_be_quiet()),
            limit: if self.has_limits() {
                limit
            } else {
                LimitState::Free
            },
        }
    }
}

#[cfg(test)]
mod tests;
