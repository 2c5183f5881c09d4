use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Minutes of a day.
pub const DAY: u16 = 24 * 60;

/// What a user changes in one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserChange {
    Choice(Choice),
    Quiet(Quiet),
}

/// A choice about a category and a channel, each of which may be `*`. `None` takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub category: String,
    pub channel: String,
    pub enabled: Option<bool>,
}

/// The quiet hours of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// UTC if not set.
    pub timezone: Option<String>,
    pub windows: Vec<Window>,
    /// The channels that wait. The API's default if not set.
    pub channels: Option<Vec<String>>,
}

/// A window of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// 1 is Monday.
    pub days: Vec<i8>,
    /// Minutes of the day. A window whose end is before its begin ends on the next day.
    pub from: u16,
    pub to: u16,
}

impl UserChange {
    /// The path and the body of the request.
    pub fn request(&self) -> (&'static str, Value) {
        match self {
            Self::Choice(choice) => ("/api/me/preferences", json!({"preferences": [choice]})),
            Self::Quiet(quiet) => ("/api/me/settings", quiet.to_json()),
        }
    }
}

impl Quiet {
    fn to_json(&self) -> Value {
        let windows = self.windows.iter().map(|window| {
            let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            json!({"days": window.days, "from": time(window.from), "to": time(window.to)})
        });
        json!({
            "timezone": self.timezone,
            "quiet": windows.collect::<Vec<_>>(),
            "quietChannels": self.channels,
        })
    }

    /// Whether it is quiet when the clock of the user shows `local`.
    pub fn contains(&self, local: DateTime) -> bool {
        let today = local.weekday().to_monday_one_offset();
        let yesterday = local.weekday().previous().to_monday_one_offset();
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        self.windows.iter().any(|window| {
            let Window { days, from, to } = window;
            if from < to {
                return days.contains(&today) && (*from..*to).contains(&minute);
            }
            days.contains(&today) && minute >= *from || days.contains(&yesterday) && minute < *to
        })
    }

    /// Whether notifications of the channel wait.
    pub fn holds(&self, channel: &str) -> bool {
        match &self.channels {
            Some(channels) => channels.iter().any(|one| one == channel),
            None => ["push", "sms"].contains(&channel),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// Fridays from 23:30 to 00:10.
    fn over_midnight() -> Quiet {
        let window = Window {
            days: vec![5],
            from: 23 * 60 + 30,
            to: 10,
        };
        Quiet {
            timezone: Some("Europe/Vienna".to_owned()),
            windows: vec![window],
            channels: None,
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let quiet = over_midnight();
        // 2027-01-15 is a Friday.
        let at = |day, hour, minute| quiet.contains(date(2027, 1, day).at(hour, minute, 59, 0));
        assert!(!at(15, 23, 29) && at(15, 23, 30) && at(16, 0, 9) && !at(16, 0, 10));
        assert!(!at(16, 23, 45) && !at(15, 0, 5));
        let mut day = over_midnight();
        day.windows[0].to = 23 * 60 + 31;
        assert!(day.contains(date(2027, 1, 15).at(23, 30, 0, 0)));
        assert!(!day.contains(date(2027, 1, 15).at(23, 31, 0, 0)));
    }

    #[test]
    fn a_change_is_a_request() {
        let (path, body) = UserChange::Quiet(over_midnight()).request();
        assert_eq!(path, "/api/me/settings");
        let expected = json!({
            "timezone": "Europe/Vienna",
            "quiet": [{"days": [5], "from": "23:30", "to": "00:10"}],
            "quietChannels": null,
        });
        assert_eq!(body, expected);
        let choice = Choice {
            category: "*".to_owned(),
            channel: "sms".to_owned(),
            enabled: None,
        };
        let (path, body) = UserChange::Choice(choice).request();
        assert_eq!(path, "/api/me/preferences");
        let expected = json!({"category": "*", "channel": "sms", "enabled": null});
        assert_eq!(body, json!({"preferences": [expected]}));
    }

    #[test]
    fn push_and_text_messages_wait_unless_the_user_says_otherwise() {
        let mut quiet = over_midnight();
        assert!(quiet.holds("sms") && quiet.holds("push") && !quiet.holds("email"));
        quiet.channels = Some(vec!["email".to_owned()]);
        assert!(quiet.holds("email") && !quiet.holds("sms"));
    }
}
