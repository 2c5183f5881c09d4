use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::inbox_client::{self, Page};
use super::reader_state::ReaderState;
use super::readers_context::ReadersContext;
use crate::clients::{ApiClient, Exchange};
use crate::rng::Rng;
use crate::timing::{wait, wait_or};

/// The pause after a request that was not answered, in milliseconds.
const RETRY: RangeInclusive<u64> = 200..=2_000;

/// How many notifications are marked in one request.
const AT_ONCE: usize = 10;

/// Another device of a reader, which marks notifications as read. A request is repeated until it is answered. None is ever
/// marked as unread: a request that is carried out late must not change what a later one has done.
pub struct Marker {
    pub apis: Vec<ApiClient>,
    pub state: Arc<ReaderState>,
    pub context: Arc<ReadersContext>,
    pub rng: Rng,
    /// The pause between two requests, in milliseconds.
    pub pause: RangeInclusive<u64>,
}

impl Marker {
    /// Marks from time to time until `stop` is cancelled.
    pub async fn mark(mut self, stop: CancellationToken) {
        loop {
            wait_or(self.rng.millis(self.pause.clone()), &stop).await;
            if stop.is_cancelled() {
                return;
            }
            match self.rng.index(4) {
                0 => self.mark_one("read").await,
                1 => self.mark_one("archive").await,
                2 => self.mark_some().await,
                _ => self.read_all().await,
            }
            self.context.counts.marks.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn mark_one(&mut self, change: &'static str) {
        let Some(id) = self.begin(1).pop() else {
            return;
        };
        if self
            .answered(move |api| async move { inbox_client::mark(&api, id, change).await })
            .await
        {
            self.state.lock().mark_read(&[id]);
        }
    }

    async fn mark_some(&mut self) {
        let mut ids = self.begin(AT_ONCE);
        if ids.is_empty() {
            return;
        }
        let marked = ids.clone();
        let not_found = self
            .answered(move |api| {
                let ids = marked.clone();
                async move { inbox_client::mark_all(&api, &ids).await }
            })
            .await;
        ids.retain(|id| !not_found.contains(id));
        self.state.lock().mark_read(&ids);
    }

    /// Chooses notifications to mark.
    fn begin(&self, count: usize) -> Vec<Uuid> {
        let mut record = self.state.lock();
        let ids = record.unmarked(count);
        record.begin_marks(&ids);
        ids
    }

    /// Reads the whole list, and marks what its first page had seen.
    async fn read_all(&mut self) {
        let mut cursor: Option<String> = None;
        let mut first: Option<Page> = None;
        loop {
            let after = cursor.clone();
            let page = self
                .answered(move |api| {
                    let after = after.clone();
                    async move { inbox_client::list(&api, after.as_deref()).await }
                })
                .await;
            {
                let mut record = self.state.lock();
                record.add_page(&page);
                record.begin_marks(&page.ids);
            }
            cursor.clone_from(&page.next);
            first.get_or_insert(page);
            if cursor.is_none() {
                break;
            }
        }
        let Some(first) = first else {
            return;
        };
        let mut has_more = true;
        while has_more {
            let up_to = first.up_to.clone();
            has_more = self
                .answered(move |api| {
                    let up_to = up_to.clone();
                    async move { inbox_client::read_all(&api, &up_to).await }
                })
                .await;
        }
        self.state.lock().mark_read(&first.ids);
    }

    /// Repeats a request until it is answered.
    async fn answered<T, F: Future<Output = Exchange<T>>>(
        &mut self,
        request: impl Fn(ApiClient) -> F,
    ) -> T {
        loop {
            let api = self.rng.index(self.apis.len());
            match request(self.apis[api].clone()).await {
                Exchange::Answered(answer) => return answer,
                Exchange::Wrong(what, text) => {
                    let what = format!("{what} to a reader");
                    self.context.report_wrong(&what, &text);
                }
                Exchange::Refused(_) | Exchange::Nothing => {}
            }
            wait(self.rng.millis(RETRY)).await;
        }
    }
}
