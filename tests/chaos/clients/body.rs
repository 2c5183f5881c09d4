use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::dice::Dice;
use crate::installation::Users;
use crate::ledger::Fingerprint;

/// Of so many notifications one goes to the outside, by one channel after the other.
const OUTSIDE: u64 = 12;

/// What a long text is made of: what JSON, `jsonb` and SQL might stumble over.
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
pub struct Body {
    user: Uuid,
    channel: &'static str,
    payload: Value,
}

impl Body {
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.user, self.channel, &self.payload)
    }

    pub fn to_json(&self) -> Value {
        json!({"targetUserId": self.user, "type": self.channel, "payload": self.payload})
    }
}

/// Writes bodies, no two of them alike.
pub struct Writer {
    users: Arc<Users>,
    dice: Dice,
    written: u64,
}

impl Writer {
    pub const fn new(users: Arc<Users>, seed: u64) -> Self {
        Self {
            users,
            dice: Dice::new(seed),
            written: 0,
        }
    }

    /// The next one.
    pub fn write(&mut self) -> Body {
        self.written += 1;
        let text = format!("{} {}", Uuid::new_v4(), self.text());
        let channel = match self.written % OUTSIDE {
            0 => ["email", "sms", "push", "webhook"][self.dice.place(4)],
            _ => "in-app",
        };
        let payload = match channel {
            "email" => json!({"subject": "Your order", "text": text}),
            "sms" => json!({"text": text.chars().take(1000).collect::<String>()}),
            "push" => {
                json!({"title": "Your order", "body": text.chars().take(500).collect::<String>()})
            }
            "webhook" => json!({"event": "order.shipped", "data": {"text": text}}),
            _ => {
                json!({"title": text, "number": self.written, "price": 0.1, "tags": [null, true, {}]})
            }
        };
        let user = match channel {
            "in-app" => self.users.all[self.dice.place(self.users.all.len())],
            _ => self.users.reachable,
        };
        Body {
            user,
            channel,
            payload,
        }
    }

    /// Mostly some words, now and then some kilobytes.
    fn text(&mut self) -> String {
        let words = match self.dice.place(20) {
            0 => 800,
            _ => self.dice.place(20),
        };
        let words: Vec<_> = (0..words)
            .map(|_| WORDS[self.dice.place(WORDS.len())])
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
            all: vec![Uuid::from_u128(1), Uuid::from_u128(2)],
            reachable: Uuid::from_u128(1),
        };
        let mut writer = Writer::new(Arc::new(users), 1);
        let bodies: Vec<_> = (0..2000).map(|_| writer.write()).collect();
        let prints: HashSet<_> = bodies.iter().map(Body::fingerprint).collect();
        assert_eq!(prints.len(), 2000);
        let channels: HashSet<_> = bodies.iter().map(|body| body.channel).collect();
        assert_eq!(channels.len(), 5);
        let longest = bodies.iter().map(|body| body.to_json().to_string().len());
        let longest = longest.max().expect("bodies");
        assert!((4_000..60_000).contains(&longest), "{longest}");
    }
}
