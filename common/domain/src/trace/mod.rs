//! The trace that a notification belongs to, in the form of W3C Trace Context (<https://www.w3.org/TR/trace-context/>).

mod context;
mod id;
mod state;
mod url_template;

pub use context::TraceContext;
pub use id::{SpanId, TraceId};
pub use state::TraceState;
pub use url_template::{InvalidTraceUrlTemplate, TraceUrlTemplate};
