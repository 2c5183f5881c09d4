//! The bodies of the requests.

use std::fmt::Write;

use bytes::Bytes;
use tidings_domain::notification::UserId;

/// Builds request bodies: in-app notifications with consecutive numbers, for each user in turn.
#[derive(Clone, Debug)]
pub struct RequestBodies {
    users: Vec<UserId>,
    /// Fills a payload up to its size.
    filler: String,
}

impl RequestBodies {
    /// Bodies for `users`, with payloads of `payload_bytes` bytes, or a little more if that is too few for
    /// the required fields.
    #[must_use]
    pub fn new(users: &[UserId], payload_bytes: usize) -> Self {
        let empty = Self {
            users: users.to_vec(),
            filler: String::new(),
        };
        let least = empty.payload(0).len();
        Self {
            filler: "x".repeat(payload_bytes.saturating_sub(least)),
            ..empty
        }
    }

    /// The body of a request with the notification `number`.
    #[must_use]
    pub fn single(&self, number: u64) -> Bytes {
        let mut text = String::with_capacity(160 + self.filler.len());
        self.write(&mut text, number);
        text.into()
    }

    /// The body of a batch request with the notifications `numbers`.
    #[must_use]
    pub fn batch(&self, numbers: std::ops::Range<u64>) -> Bytes {
        let mut text = String::from(r#"{"notifications":["#);
        for number in numbers.clone() {
            if number > numbers.start {
                text.push(',');
            }
            self.write(&mut text, number);
        }
        text.push_str("]}");
        text.into()
    }

    /// The user of the notification `number`.
    #[must_use]
    pub fn user(&self, number: u64) -> UserId {
        let place = usize::try_from(number).unwrap_or(0) % self.users.len();
        self.users[place]
    }

    /// The payload of the notification `number`. All payloads have the same length.
    #[must_use]
    pub fn payload(&self, number: u64) -> String {
        format!(
            r#"{{"number":"{number:012}","title":"Your order has shipped!","text":"{}"}}"#,
            self.filler
        )
    }

    fn write(&self, text: &mut String, number: u64) {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            r#"{{"targetUserId":"{}","type":"in-app","payload":{}}}"#,
            self.user(number),
            self.payload(number)
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn payloads_have_the_requested_size() {
        let bodies = RequestBodies::new(&[Uuid::nil().into()], 256);
        assert_eq!(bodies.payload(7).len(), 256);
        let small = RequestBodies::new(&[Uuid::nil().into()], 1);
        assert!(serde_json::from_str::<Value>(&small.payload(7)).is_ok());
    }

    #[test]
    fn a_batch_contains_its_numbers() {
        let bodies = RequestBodies::new(&[Uuid::nil().into()], 0);
        let batch: Value = serde_json::from_slice(&bodies.batch(3..5)).expect("JSON");
        let numbers: Vec<_> = batch["notifications"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["payload"]["number"].as_str().expect("text"))
            .collect();
        assert_eq!(numbers, ["000000000003", "000000000004"]);
    }
}
