use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn categories() -> Vec<CategoryState> {
    let mut all = vec![CategoryState::None, CategoryState::Unknown];
    for kind in CategoryKind::ALL {
        for quiet in [QuietRule::Obey, QuietRule::Ignore] {
            all.push(CategoryState::Known(CategoryFacts {
                kind,
                quiet,
                default: None,
                unsubscribe: false,
            }));
        }
    }
    all.push(CategoryState::Known(CategoryFacts {
        kind: CategoryKind::Transactional,
        quiet: QuietRule::Obey,
        default: Some(false),
        unsubscribe: false,
    }));
    all
}

/// Situations in which each subset of the rules has something to say.
fn situations(channel: Channel, category: CategoryState) -> impl Iterator<Item = Situation> {
    (0..1_u32 << 14).map(move |bits| {
        let is = |bit: u32| bits >> bit & 1 == 1;
        let limit = |bit| match (is(bit), is(bit + 1)) {
            (false, _) => LimitState::Free,
            (true, false) => LimitState::Taken,
            (true, true) => LimitState::Reached,
        };
        let exact = is(4).then_some(false);
        Situation {
            is_configured: !is(0),
            has_link: !is(1),
            recipient: match (is(2), is(3)) {
                (false, false) => RecipientState::User,
                (false, true) => RecipientState::Leaving,
                (true, false) => RecipientState::Gone,
                (true, true) => RecipientState::NoAccount,
            },
            choices: Choices {
                exact,
                ..Choices::default()
            },
            is_stopped: is(5),
            quiet_until: is(6).then(|| at(60)),
            throttle: limit(7),
            user_limit: limit(9),
            is_cancelled: is(11),
            has_contact: !is(12),
            digest: if is(13) {
                DigestMode::Daily
            } else {
                DigestMode::Off
            },
            ..Situation::free(channel, category)
        }
    })
}

/// What is said about a single rule and what happens cannot differ.
#[test]
fn the_first_rule_that_does_not_let_a_notification_pass_decides() {
    let now = at(0);
    for channel in [Channel::InApp, Channel::Email, Channel::Sms] {
        for category in categories() {
            for situation in situations(channel, category) {
                let mut by_rule = Rule::ALL.into_iter().filter_map(|rule| {
                    let outcome = situation.outcome_of(rule, now)?;
                    (outcome != Outcome::Send).then_some((outcome, Some(rule)))
                });
                let mut first = by_rule.next().unwrap_or((Outcome::Send, None));
                // Of two limits, the one that is reached for good counts.
                if first.1 == Some(Rule::Throttle) && situation.user_limit > situation.throttle {
                    first = by_rule.next().expect("the other limit");
                }
                assert_eq!(situation.outcome(now), first, "{situation:?}");
            }
        }
    }
}

#[test]
fn a_user_who_does_not_exist_gets_nothing_of_any_category() {
    for category in categories() {
        let situation = Situation {
            recipient: RecipientState::Unknown,
            ..Situation::free(Channel::Sms, category)
        };
        let (outcome, rule) = situation.outcome(at(0));
        let expected = match category {
            CategoryState::Unknown => (Outcome::Refuse("unknown_category"), Rule::Category),
            _ => (Outcome::DeadLetter("unknown_user"), Rule::User),
        };
        assert_eq!((outcome, rule), (expected.0, Some(expected.1)));
    }
}

#[test]
fn times_are_looked_at_before_preferences() {
    let now = at(0);
    let window = |not_before, expires_at| Situation {
        window: DeliveryWindow {
            not_before,
            expires_at,
        },
        choices: Choices {
            all: Some(false),
            ..Choices::default()
        },
        ..Situation::free(Channel::Sms, CategoryState::None)
    };
    let later = window(Some(at(60)), None).outcome(now);
    assert_eq!(later.0.until(), Some(at(60)));
    assert_eq!(later.1, Some(Rule::SendAt));
    let over = window(None, Some(at(-1))).outcome(now);
    assert_eq!(over, (Outcome::Expire, Some(Rule::ExpiresAt)));
    let due = window(None, None).outcome(now);
    let unwanted = Outcome::Suppress(SuppressReason::Preference);
    assert_eq!(due, (unwanted, Some(Rule::Preferences)));
}
