use std::mem;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::times_generator::TimesGenerator;
use crate::guests;
use crate::installation::Users;
use crate::ledger::{Category, Fingerprint, Group, PostedTimes};
use crate::rng::Rng;

/// One in this many notifications is for a channel with a provider. Has no factor in common with the shares of keys and
/// batches, so that these are all combined.
const DELIVERED_SHARE: u64 = 7;

/// One in this many notifications for a channel with a provider names its recipient and has no user.
const WITHOUT_USER_SHARE: usize = 4;

/// One in this many notifications for a user of a channel with a provider is for a user who changes nothing.
const UNCHANGING_SHARE: usize = 3;

/// One in this many in-app notifications is for a user who changes preferences.
const CHOOSER_SHARE: usize = 8;

/// One in this many in-app notifications is for the first reader, who so misses more than a stream repeats while away.
const BUSY_READER_SHARE: usize = 4;

/// The words of a long text: characters that JSON, `jsonb` or SQL must escape.
const WORDS: [&str; 8] = [
    "shipped",
    "Grüße",
    "\"quoted\"",
    "back\\slash",
    "new\nline",
    "日本語",
    "🦀",
    "'; DROP TABLE notifications; --",
];

/// The body of a POST.
#[derive(Clone, Debug)]
pub struct NotificationBody {
    user: Option<Uuid>,
    channel: &'static str,
    payload: Value,
    pub times: PostedTimes,
}

impl NotificationBody {
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.user, self.channel, &self.payload)
    }

    pub fn to_json(&self) -> Value {
        let mut json = json!({"type": self.channel, "payload": self.payload});
        if let Some(user) = self.user {
            json["targetUserId"] = json!(user);
        }
        self.times.write(&mut json);
        json
    }
}

/// Generates bodies, no two of them alike.
pub struct BodyGenerator {
    users: Arc<Users>,
    rng: Rng,
    times: TimesGenerator,
    generated: u64,
}

impl BodyGenerator {
    pub const fn new(users: Arc<Users>, seed: u64) -> Self {
        Self {
            users,
            rng: Rng::new(seed),
            times: TimesGenerator::new(),
            generated: 0,
        }
    }

    /// Returns the next body.
    pub fn generate(&mut self) -> NotificationBody {
        self.generated += 1;
        let text = format!("{} {}", Uuid::new_v4(), self.text());
        let channel = match self.generated % DELIVERED_SHARE {
            0 => ["email", "sms", "push", "webhook"][self.rng.index(4)],
            _ => "in-app",
        };
        let mut payload = match channel {
            "email" => json!({"subject": "Your order", "text": text}),
            "sms" => json!({"text": text.chars().take(1000).collect::<String>()}),
            "push" => {
                json!({"title": "Your order", "body": text.chars().take(500).collect::<String>()})
            }
            "webhook" => json!({"event": "order.shipped", "data": {"text": text}}),
            _ => {
                json!({"title": text, "number": self.generated, "price": 0.1, "tags": [null, true, {}]})
            }
        };
        let user = match self.recipient(channel) {
            None => Some(self.reader()),
            Some(to) if self.rng.index(WITHOUT_USER_SHARE) == 0 => {
                payload["to"] = json!(to);
                None
            }
            Some(_) if self.rng.index(UNCHANGING_SHARE) == 0 => Some(self.users.reachable),
            Some(to) => {
                // Choosers have no endpoints.
                if channel == "webhook" {
                    payload["to"] = json!(to);
                }
                Some(self.chooser())
            }
        };
        let category = self.category();
        let mut times = self.times.generate(Timestamp::now(), &mut self.rng);
        times.category = category;
        NotificationBody {
            user,
            channel,
            payload,
            times,
        }
    }

    /// An address of the channel that no user has; `None` if the channel has no addresses.
    fn recipient(&mut self, channel: &str) -> Option<String> {
        let address = match channel {
            "email" => {
                let mut guests = guests::addresses();
                let nth = self.rng.index(guests.len());
                return Some(mem::take(&mut guests[nth]));
            }
            "sms" => "+4915198765432",
            "push" => "a-device-of-no-user",
            "webhook" => "https://example.org/hook",
            _ => return None,
        };
        Some(address.to_owned())
    }

    /// The user of an in-app notification.
    fn reader(&mut self) -> Uuid {
        if self.rng.index(CHOOSER_SHARE) == 0 {
            return self.chooser();
        }
        let is_busy = self.rng.index(BUSY_READER_SHARE) == 0;
        let all = &self.users.readers;
        let other = all[self.rng.index(all.len())];
        if is_busy { all[0] } else { other }
    }

    fn chooser(&mut self) -> Uuid {
        let all = &self.users.choosers;
        all[self.rng.index(all.len())]
    }

    fn category(&mut self) -> Option<Category> {
        let all = [
            None,
            Some(Category::Orders),
            Some(Category::Hints),
            Some(Category::Orders),
            Some(Category::Hints),
            Some(Category::Security),
        ];
        all[self.rng.index(all.len())]
    }

    /// Returns the groups that have become complete and are to be cancelled.
    pub fn take_groups_to_cancel(&mut self) -> Vec<Group> {
        self.times.take_groups_to_cancel()
    }

    /// Returns a few words, and in one of 20 cases some kilobytes.
    fn text(&mut self) -> String {
        let words = match self.rng.index(20) {
            0 => 800,
            _ => self.rng.index(20),
        };
        let words: Vec<_> = (0..words)
            .map(|_| WORDS[self.rng.index(WORDS.len())])
            .collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_bodies_are_alike_and_every_channel_is_used() {
        let users = Users {
            reachable: Uuid::from_u128(1),
            choosers: vec![Uuid::from_u128(2), Uuid::from_u128(3)],
            readers: vec![Uuid::from_u128(4), Uuid::from_u128(5)],
        };
        let mut generator = BodyGenerator::new(Arc::new(users), 1);
        // So many that even the rarest combination occurs: how many random numbers are used depends on the time.
        let bodies: Vec<_> = (0..10_000).map(|_| generator.generate()).collect();
        let prints: HashSet<_> = bodies.iter().map(NotificationBody::fingerprint).collect();
        assert_eq!(prints.len(), 10_000);
        let channels: HashSet<_> = bodies.iter().map(|body| body.channel).collect();
        assert_eq!(channels.len(), 5);
        let without_user = bodies.iter().filter(|body| body.user.is_none());
        let channels: HashSet<_> = without_user.map(|body| body.channel).collect();
        assert_eq!(channels.len(), 4, "all but in-app");
        let of_choosers = bodies.iter().filter(|body| {
            [2, 3]
                .map(|n| Some(Uuid::from_u128(n)))
                .contains(&body.user)
        });
        let channels: HashSet<_> = of_choosers.map(|body| body.channel).collect();
        assert_eq!(channels.len(), 5);
        let of_guests = bodies
            .iter()
            .filter(|body| body.user.is_none() && body.channel == "email");
        let addresses: HashSet<_> = of_guests
            .clone()
            .map(|body| body.payload["to"].to_string())
            .collect();
        assert_eq!(addresses.len(), guests::addresses().len());
        let categories: HashSet<_> = of_guests
            .map(|body| body.times.category.map(Category::name))
            .collect();
        assert_eq!(categories.len(), 4);
        let categories = bodies.iter().filter_map(|body| body.times.category);
        let categories: HashSet<_> = categories.map(Category::name).collect();
        assert_eq!(categories.len(), 3);
        let longest = bodies.iter().map(|body| body.to_json().to_string().len());
        let longest = longest.max().expect("bodies");
        assert!((4_000..60_000).contains(&longest), "{longest}");
    }
}
