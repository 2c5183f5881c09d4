//! The trace of a notification in its row.

use tidings_domain::notification::Notification;
use tidings_domain::trace::{TraceContext, TraceState};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// The columns of a trace, for [`read`].
pub(crate) const TRACE_COLUMNS: &str = "trace_id, trace_parent, trace_state";

/// Reads the trace from the columns of [`TRACE_COLUMNS`], of which `first` is the first. Values that are invalid are ignored.
pub(crate) fn read(row: &Row, first: usize) -> Option<TraceContext> {
    let id: &str = row.get::<_, Option<_>>(first)?;
    let parent: &str = row.get::<_, Option<_>>(first + 1)?;
    TraceContext::read(&format!("00-{id}-{parent}"), row.get(first + 2))
}

/// The values of the columns for a batch of notifications.
pub(crate) struct TraceValues<'a> {
    ids: Vec<Option<String>>,
    parents: Vec<Option<String>>,
    states: Vec<Option<&'a str>>,
}

impl<'a> TraceValues<'a> {
    /// Returns `None` if none of the notifications has a trace.
    pub(crate) fn of(
        batch: impl Iterator<Item = &'a Notification> + Clone,
    ) -> Option<TraceValues<'a>> {
        let traces = batch.map(|notification| notification.trace.as_ref());
        traces.clone().any(|trace| trace.is_some()).then(|| Self {
            ids: traces
                .clone()
                .map(|trace| trace.map(|trace| trace.trace_id.to_string()))
                .collect(),
            parents: traces
                .clone()
                .map(|trace| trace.map(TraceContext::parent))
                .collect(),
            states: traces
                .map(|trace| trace?.state.as_ref().map(TraceState::as_str))
                .collect(),
        })
    }

    /// The parameters of a statement, in the order of [`TRACE_COLUMNS`].
    pub(crate) fn parameters(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.ids, &self.parents, &self.states]
    }
}
