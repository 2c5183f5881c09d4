use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// When a notification may be sent, its group and its category, as posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedTimes {
    /// `sendAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
    /// `expiresAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// `ttlSecs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u32>,
    /// `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// `category`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
}

/// A category of notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Orders,
    Hints,
    /// The built-in one, which is critical: nobody can refuse it.
    Security,
}

impl Category {
    /// Those that users can refuse. The run creates them.
    pub const CREATED: [Self; 2] = [Self::Orders, Self::Hints];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Hints => "hints",
            Self::Security => "security",
        }
    }
}

/// A group of notifications, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(pub u32);

impl fmt::Display for Group {
    /// Writes the group's name in the API.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chaos-{}", self.0)
    }
}

impl PostedTimes {
    /// Adds the fields to the body of a POST.
    pub fn write(&self, body: &mut Value) {
        let text = |time: Timestamp| time.to_string();
        for (field, value) in [
            ("sendAt", self.send_at.map(|time| text(time).into())),
            ("expiresAt", self.expires_at.map(|time| text(time).into())),
            ("ttlSecs", self.ttl_secs.map(Value::from)),
            ("group", self.group.map(|group| group.to_string().into())),
            (
                "category",
                self.category.map(|category| category.name().into()),
            ),
        ] {
            if let Some(value) = value {
                body[field] = value;
            }
        }
    }

    /// Whether the notification may expire.
    pub const fn can_expire(&self) -> bool {
        self.expires_at.is_some() || self.ttl_secs.is_some()
    }

    /// Whether the API must refuse the notification at `now`, because its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|time| time <= now)
    }

    /// Whether a row may have this expiry. `ttlSecs` counts from `sendAt`, or from a time that only the API knows.
    pub fn allows_expiry(&self, recorded: Option<Timestamp>) -> bool {
        match (self.expires_at, self.ttl_secs) {
            (None, None) => recorded.is_none(),
            (Some(posted), _) => recorded == Some(posted),
            (None, Some(secs)) => recorded.is_some_and(|recorded| {
                // A `sendAt` that has passed counts as the time of the POST, which is later.
                let earliest = self
                    .send_at
                    .map(|time| time + SignedDuration::from_secs(secs.into()));
                earliest.is_none_or(|earliest| recorded >= earliest)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    #[test]
    fn only_what_is_given_is_posted() {
        let mut body = json!({"type": "sms"});
        PostedTimes::default().write(&mut body);
        assert_eq!(body, json!({"type": "sms"}));
        let times = PostedTimes {
            send_at: Some(at(0)),
            expires_at: None,
            ttl_secs: Some(30),
            group: Some(Group(7)),
            category: Some(Category::Hints),
        };
        times.write(&mut body);
        let expected = json!({
            "type": "sms", "sendAt": "2027-01-15T08:00:00Z", "ttlSecs": 30, "group": "chaos-7",
            "category": "hints"
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_row_has_the_posted_expiry() {
        let never = PostedTimes::default();
        assert!(never.allows_expiry(None) && !never.allows_expiry(Some(at(0))));
        let exact = PostedTimes {
            expires_at: Some(at(9)),
            ..never
        };
        assert!(exact.allows_expiry(Some(at(9))));
        assert!(!exact.allows_expiry(Some(at(10))) && !exact.allows_expiry(None));
        let relative = PostedTimes {
            send_at: Some(at(5)),
            ttl_secs: Some(10),
            ..never
        };
        assert!(relative.allows_expiry(Some(at(15))));
        assert!(relative.allows_expiry(Some(at(20))), "it was posted late");
        assert!(!relative.allows_expiry(Some(at(14))) && !relative.allows_expiry(None));
        assert!(exact.is_over(at(9)) && !exact.is_over(at(8)) && !relative.is_over(at(99)));
    }
}
