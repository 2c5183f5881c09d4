//! Compares the `counts` of all readers with the rows, at the end.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;
use uuid::Uuid;

use super::reader::Reader;
use super::{Readers, inbox_client};
use crate::clients::Exchange;
use crate::installation::ChaosDatabase;
use crate::rng::Rng;
use crate::timing::wait;

/// Readers that are checked at the same time.
const AT_ONCE: usize = 8;

/// How long an answer may take: no fault is active any more.
const LIMIT: Duration = Duration::from_secs(30);

/// The pause after a request, successful or not.
const PAUSE: Duration = Duration::from_millis(20);

/// Up to which number the list counts, and a stream.
const LIST_CAP: u32 = 1000;
const STREAM_CAP: u32 = 100;

impl Readers {
    /// Counts the readers for whom the list or a stream shows another number of unread notifications than the rows, and logs
    /// them. All streams must have ended.
    pub async fn check_counts(&self, database: &ChaosDatabase) -> anyhow::Result<usize> {
        let users: Vec<Uuid> = self.states.iter().map(|(user, _)| *user).collect();
        let before = database.unread(&users).await?;
        let mut rng = Rng::new(0);
        let readers: Vec<Reader> = (0..users.len())
            .map(|nth| self.reader(nth, rng.split()))
            .collect();
        let shown = iter(readers).map(async |reader| (reader.user, shown_to(reader).await));
        let shown: Vec<_> = shown.buffer_unordered(AT_ONCE).collect().await;
        let after = database.unread(&users).await?;
        let mut wrong = 0;
        for (user, [list, stream]) in shown {
            let unread = range(&before, &after, user);
            if !is_right(list, &unread, LIST_CAP) || !is_right(stream, &unread, STREAM_CAP) {
                wrong += 1;
                self.context.log.info(format_args!(
                    "wrong counts of {user}: {list:?}, in a stream {stream:?}, of {unread:?} rows"
                ));
            }
        }
        Ok(wrong)
    }
}

/// What a list and a stream show.
async fn shown_to(mut reader: Reader) -> [Option<(u32, bool)>; 2] {
    let api = reader.apis[0].clone();
    let deadline = Instant::now() + LIMIT;
    let (mut list, mut stream) = (None, None);
    while (list.is_none() || stream.is_none()) && Instant::now() < deadline {
        if let Exchange::Answered(counts) = inbox_client::counts(&api, LIST_CAP).await {
            list = Some(counts);
        }
        stream = reader.first_counts().await;
        wait(PAUSE).await;
    }
    [list, stream]
}

/// The unread notifications of a user before and after the check: meanwhile, some may have expired.
fn range(
    before: &HashMap<Uuid, u32>,
    after: &HashMap<Uuid, u32>,
    user: Uuid,
) -> RangeInclusive<u32> {
    let of = |counts: &HashMap<Uuid, u32>| counts.get(&user).copied().unwrap_or_default();
    of(after)..=of(before)
}

fn is_right(shown: Option<(u32, bool)>, unread: &RangeInclusive<u32>, cap: u32) -> bool {
    let counted = |unread: u32| (unread.min(cap), unread > cap);
    shown.is_some_and(|shown| unread.clone().map(counted).any(|right| right == shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_rows_up_to_the_cap() {
        for (shown, unread, right) in [
            (Some((3, false)), 3..=3, true),
            (Some((3, false)), 2..=4, true),
            (Some((5, false)), 2..=4, false),
            (Some((100, false)), 100..=100, true),
            (Some((100, true)), 101..=2000, true),
            (Some((100, true)), 100..=100, false),
            (None, 0..=0, false),
        ] {
            assert_eq!(is_right(shown, &unread, 100), right, "{shown:?} {unread:?}");
        }
    }
}
