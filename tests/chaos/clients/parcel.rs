use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::api::{Api, Outcome, Reply};
use super::body::{Body, Writer};
use super::tally::Tally;
use crate::dice::Dice;
use crate::ledger::{Entry, Ledger};
use crate::pause::wait;
use crate::story::Story;

/// Of so many notifications with a key one is posted again after its 202, as by a client that died
/// before it could note this.
const AGAIN: usize = 20;

/// The pause before a try after one without an answer, in milliseconds.
const BEFORE_ANOTHER: std::ops::RangeInclusive<u64> = 100..=1_000;

/// The pause after an answer that must not be.
const AFTER_WRONG: Duration = Duration::from_secs(5);

/// Where notifications are written and posted.
pub(super) struct Office {
    pub(super) story: Arc<Story>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) tally: Arc<Tally>,
    pub(super) apis: Vec<Api>,
    pub(super) writer: Mutex<Writer>,
}

impl Office {
    fn write(&self) -> Body {
        let writer = self.writer.lock();
        writer.unwrap_or_else(PoisonError::into_inner).write()
    }

    fn note(&self, entry: &Entry) {
        // A try or a 202 that is not in the ledger would make the whole run worthless.
        if let Err(error) = self.ledger.note(entry) {
            self.story.complain(format_args!("the ledger: {error}"));
        }
    }
}

/// A notification on its way to its 202.
pub(super) struct Letter {
    key: Option<String>,
    body: Body,
    /// How many 202s it wants yet.
    wanted: u32,
}

impl Letter {
    /// A new one, under a key or not.
    pub(super) fn write(office: &Office, with_key: bool, dice: &mut Dice) -> Self {
        let key = with_key.then(|| format!("chaos-{}", Uuid::new_v4()));
        let again = with_key && dice.place(AGAIN) == 0;
        Self {
            key,
            body: office.write(),
            wanted: if again { 2 } else { 1 },
        }
    }

    /// Without a key every try has a body of its own: should the broker have taken the last one all the
    /// same, its row is not this one's.
    fn write_anew(&mut self, office: &Office) {
        if self.key.is_none() {
            self.body = office.write();
        }
    }

    fn about_to_be_sent(&self) -> Entry {
        Entry::Try {
            body: self.body.fingerprint(),
            key: self.key.clone(),
        }
    }

    fn accepted(&self, id: Uuid) -> Entry {
        Entry::Accepted {
            body: self.body.fingerprint(),
            key: self.key.clone(),
            id,
        }
    }

    /// As an item of a batch.
    fn to_item(&self) -> Value {
        let mut item = self.body.to_json();
        if let Some(key) = &self.key {
            item["idempotencyKey"] = key.as_str().into();
        }
        item
    }
}

/// Letters that are posted together, in one request.
pub(super) struct Parcel {
    pub(super) letters: Vec<Letter>,
    /// Whether by the endpoint for batches.
    pub(super) batch: bool,
    pub(super) dice: Dice,
    /// Their places among those that wait.
    pub(super) _places: Vec<OwnedSemaphorePermit>,
}

impl Parcel {
    /// Posts until each letter has its 202s.
    pub(super) async fn post(mut self, office: Arc<Office>) {
        while !self.letters.is_empty() {
            // Perhaps another process is better off than the one before.
            let api = self.dice.place(office.apis.len());
            for letter in &self.letters {
                office.note(&letter.about_to_be_sent());
            }
            let reply = self.send(&office.apis[api]).await;
            let pause = self.take_in(&reply, &office, api);
            self.letters.retain(|letter| letter.wanted > 0);
            if let Some(pause) = pause {
                for letter in &mut self.letters {
                    letter.write_anew(&office);
                }
                wait(pause).await;
            }
        }
    }

    async fn send(&self, api: &Api) -> Reply {
        match &self.letters[..] {
            [letter] if !self.batch => {
                let body = letter.body.to_json();
                api.post(&body, letter.key.as_deref()).await
            }
            letters => {
                let items: Vec<_> = letters.iter().map(Letter::to_item).collect();
                api.post_batch(&items).await
            }
        }
    }

    /// Notes what came of a request, and tells how long to wait before the next one where something was
    /// not accepted.
    fn take_in(&mut self, reply: &Reply, office: &Office, api: usize) -> Option<Duration> {
        let tries = self.letters.len();
        let retry = Duration::from_secs(reply.retry_after()) + self.dice.millis(0..=1_000);
        match reply {
            Reply::Answered(outcomes) => {
                let mut refused = 0;
                for (letter, outcome) in self.letters.iter_mut().zip(outcomes) {
                    match outcome {
                        Outcome::Accepted(id) => {
                            office.note(&letter.accepted(*id));
                            office.tally.accepted(api);
                            letter.wanted -= 1;
                        }
                        Outcome::Refused => refused += 1,
                    }
                }
                office.tally.refused(refused);
                (refused > 0).then_some(retry)
            }
            Reply::Refused(_) => {
                office.tally.refused(tries);
                Some(retry)
            }
            Reply::Nothing => {
                office.tally.unanswered(tries);
                Some(self.dice.millis(BEFORE_ANOTHER))
            }
            Reply::Wrong(what, text) => {
                if office.tally.wrong(what) == 1 {
                    let told = format_args!("WRONG: a client got {what}: {text}");
                    office.story.tell(told);
                }
                Some(AFTER_WRONG)
            }
        }
    }
}
