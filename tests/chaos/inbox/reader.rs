use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::{Method, Response};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::event_stream::{EventParser, StreamEvent};
use super::inbox_client::{self, item_id, read_counts};
use super::reader_state::ReaderState;
use super::readers_context::ReadersContext;
use crate::clients::{ApiClient, Exchange};
use crate::rng::Rng;
use crate::timing::{wait, wait_or};

/// How long a stream may take to begin.
const BEGIN: Duration = Duration::from_secs(10);

/// How long a stream may be silent: twice the time between two keep-alives.
const SILENCE: Duration = Duration::from_secs(30);

/// Longer than any stream.
const STREAM: Duration = Duration::from_hours(2);

/// The pause before another connection, in milliseconds, if no stream has said how long.
const RECONNECT: RangeInclusive<u64> = 2_000..=8_000;

/// The pause before another request for a list, in milliseconds.
const RETRY: RangeInclusive<u64> = 200..=4_000;

/// How long a reader is away that ends its stream, in milliseconds.
const AWAY: RangeInclusive<u64> = 1_000..=40_000;

/// A user who reads an inbox by a stream, and by the list after `reset`.
pub struct Reader {
    pub user: Uuid,
    pub apis: Vec<ApiClient>,
    pub state: Arc<ReaderState>,
    pub context: Arc<ReadersContext>,
    pub rng: Rng,
    /// How long a stream is kept open, in milliseconds.
    pub stays: RangeInclusive<u64>,
    /// How long the last stream told to wait before another connection.
    pub retry: Option<Duration>,
}

impl Reader {
    /// Reads until `stop` is cancelled. Once `stay` is cancelled, the reader does not leave any more.
    pub async fn read(mut self, stay: CancellationToken, stop: CancellationToken) {
        // A stream without a position does not begin with what was there before.
        stop.run_until_cancelled(self.read_list()).await;
        while !stop.is_cancelled() {
            let leaving = leave(self.rng.millis(self.stays.clone()), &stay);
            let (reconnect, away) = (self.rng.millis(RECONNECT), self.rng.millis(AWAY));
            let api = self.any_api();
            let has_left = tokio::select! {
                () = stop.cancelled() => return,
                () = leaving => true,
                () = self.stream(&api) => false,
            };
            if has_left {
                wait_or(away, &stay).await;
            } else {
                wait_or(self.retry.unwrap_or(reconnect), &stop).await;
            }
        }
    }

    fn any_api(&mut self) -> ApiClient {
        self.apis[self.rng.index(self.apis.len())].clone()
    }

    /// Reads a stream until its end.
    async fn stream(&mut self, api: &ApiClient) {
        let Some(mut response) = self.open(api).await else {
            return;
        };
        let mut parser = EventParser::default();
        loop {
            let Ok(Ok(Some(bytes))) = timeout(SILENCE, response.chunk()).await else {
                return;
            };
            let events = parser.add(&bytes).unwrap_or_else(|problem| {
                self.context.report_wrong(&format!("stream: {problem}"), "");
                Vec::new()
            });
            for event in events {
                self.retry = event.retry_ms.map(Duration::from_millis).or(self.retry);
                self.take(event);
            }
            let is_outdated = self.state.lock().is_outdated;
            if is_outdated {
                self.read_list().await;
            }
        }
    }

    /// Opens a stream that resumes.
    async fn open(&self, api: &ApiClient) -> Option<Response> {
        let mut request = api
            .request(Method::GET, "/api/inbox/stream")
            .timeout(STREAM);
        let last_id = self.state.lock().last_id.clone();
        if let Some(id) = &last_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = timeout(BEGIN, request.send()).await.ok()?.ok()?;
        match response.status().as_u16() {
            200 => {}
            503 => return None,
            other => {
                let text = timeout(BEGIN, response.text()).await;
                let text = text.map(Result::unwrap_or_default).unwrap_or_default();
                self.context
                    .report_wrong(&format!("{other} to a stream"), &text);
                return None;
            }
        }
        let counts = &self.context.counts;
        counts.streams.fetch_add(1, Ordering::Relaxed);
        if last_id.is_some() {
            counts.resumed.fetch_add(1, Ordering::Relaxed);
        }
        Some(response)
    }

    fn take(&self, event: StreamEvent) {
        let mut record = self.state.lock();
        match event.name.as_str() {
            "notification" => match item_id(&event.data) {
                Some(id) => {
                    record.seen.insert(id);
                }
                None => self
                    .context
                    .report_wrong("stream: no item", &event.data.to_string()),
            },
            "reset" => {
                record.is_outdated = true;
                self.context.counts.resets.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        if let Some(id) = event.id {
            record.last_id = Some(id);
        }
    }

    /// Reads the list of unread notifications, at the beginning and after `reset`. All others have been seen.
    async fn read_list(&mut self) {
        let mut cursor: Option<String> = None;
        loop {
            let api = self.any_api();
            match inbox_client::list(&api, cursor.as_deref()).await {
                Exchange::Answered(page) => {
                    let mut record = self.state.lock();
                    record.add_page(&page);
                    record.last_id.get_or_insert(page.up_to);
                    if page.next.is_none() {
                        record.is_outdated = false;
                        return;
                    }
                    cursor = page.next;
                }
                Exchange::Wrong(what, text) => {
                    let what = format!("{what} to a list");
                    self.context.report_wrong(&what, &text);
                    wait(self.rng.millis(RETRY)).await;
                }
                Exchange::Refused(_) | Exchange::Nothing => {
                    wait(self.rng.millis(RETRY)).await;
                }
            }
        }
    }

    /// Opens a stream and returns what its first `counts` says; `None` if there is none in time.
    pub async fn first_counts(&mut self) -> Option<(u32, bool)> {
        let api = self.any_api();
        let mut response = self.open(&api).await?;
        let mut parser = EventParser::default();
        loop {
            let bytes = timeout(BEGIN, response.chunk()).await.ok()?.ok()??;
            for event in parser.add(&bytes).ok()? {
                if event.name == "counts" {
                    return read_counts(&event.data);
                }
                self.take(event);
            }
        }
    }
}

/// Returns when a reader leaves that has been there for so long. Never returns once `stay` is cancelled.
async fn leave(after: Duration, stay: &CancellationToken) {
    wait(after).await;
    if stay.is_cancelled() {
        std::future::pending::<()>().await;
    }
}
