use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use opentelemetry::trace::{
    FutureExt, Link, Span as _, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer,
};
use opentelemetry::{Context, KeyValue, Value};
use tidings_domain::trace::TraceContext;

use super::convert::{from_library, to_library};
use super::export::{EXPORT, Export};
use super::semconv;

/// A span, which ends when it is dropped. Empty if no spans are sent, or if the trace is not recorded: then nothing is allocated.
#[derive(Debug, Default)]
#[must_use = "it ends when it is dropped"]
pub struct Span(Option<Context>);

/// What a span stands for.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A request of a client is answered.
    Server,
    /// Nothing is asked of another process.
    Internal,
    /// A message is published.
    Producer,
    /// A message is processed.
    Consumer,
    /// Another server is asked.
    Client,
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Server => Self::Server,
            Kind::Internal => Self::Internal,
            Kind::Producer => Self::Producer,
            Kind::Consumer => Self::Consumer,
            Kind::Client => Self::Client,
        }
    }
}

/// What exports the children of `parent`, if they are recorded.
fn recorded(parent: Option<&TraceContext>) -> Option<(&'static Export, &TraceContext)> {
    let (parent, export) = parent.zip(EXPORT.get())?;
    (parent.is_sampled() || !export.is_parent_based).then_some((export, parent))
}

impl Span {
    /// The span of a request, as a child of its caller's, if there is one.
    pub fn server(name: &'static str, caller: Option<&TraceContext>) -> Self {
        let Some(export) = EXPORT.get() else {
            return Self(None);
        };
        let builder = SpanBuilder::from_name(name).with_kind(Kind::Server.into());
        match caller {
            Some(caller) => Self::child_of(export, caller, builder),
            None => Self::begin(export, builder, &Context::new()),
        }
    }

    /// A child of `parent`. `describe` returns its name and its attributes; it is called only if the span is recorded.
    pub fn child<N: Into<Cow<'static, str>>>(
        kind: Kind,
        parent: Option<&TraceContext>,
        describe: impl FnOnce() -> (N, Vec<KeyValue>),
    ) -> Self {
        Self::child_with(kind, parent, describe, |builder| builder)
    }

    /// Like [`Self::child`], for the span of something that began at `start` and has ended now.
    pub fn past_child<N: Into<Cow<'static, str>>>(
        kind: Kind,
        parent: Option<&TraceContext>,
        start: Instant,
        link: Option<&TraceContext>,
        describe: impl FnOnce() -> (N, Vec<KeyValue>),
    ) -> Self {
        Self::child_with(kind, parent, describe, |builder| {
            let now = SystemTime::now();
            builder
                .with_start_time(now.checked_sub(start.elapsed()).unwrap_or(now))
                .with_links(link.into_iter().map(link_to).collect())
        })
    }

    /// A child of the span that the current task works in.
    pub fn child_of_current<N: Into<Cow<'static, str>>>(
        kind: Kind,
        describe: impl FnOnce() -> (N, Vec<KeyValue>),
    ) -> Self {
        let Some(export) = EXPORT.get() else {
            return Self(None);
        };
        let parent = Context::current();
        if !parent.span().span_context().is_valid()
            || export.is_parent_based && !parent.span().span_context().is_sampled()
        {
            return Self(None);
        }
        Self::begin(export, described(kind, describe), &parent)
    }

    /// A span that begins a trace of its own and is linked to others.
    pub fn root<'a, N: Into<Cow<'static, str>>>(
        kind: Kind,
        links: impl Iterator<Item = &'a TraceContext> + Clone,
        describe: impl FnOnce() -> (N, Vec<KeyValue>),
    ) -> Self {
        let Some(export) = EXPORT.get() else {
            return Self(None);
        };
        let mut sampled = links.clone().map(TraceContext::is_sampled);
        if export.is_parent_based && !sampled.any(|is_sampled| is_sampled) {
            return Self(None);
        }
        let builder = described(kind, describe).with_links(links.map(link_to).collect());
        Self::begin(export, builder, &Context::new())
    }

    /// A child of `parent`, to which `extend` adds something. Neither function is called if the span is not recorded.
    fn child_with<N: Into<Cow<'static, str>>>(
        kind: Kind,
        parent: Option<&TraceContext>,
        describe: impl FnOnce() -> (N, Vec<KeyValue>),
        extend: impl FnOnce(SpanBuilder) -> SpanBuilder,
    ) -> Self {
        let Some((export, parent)) = recorded(parent) else {
            return Self(None);
        };
        Self::child_of(export, parent, extend(described(kind, describe)))
    }

    fn child_of(export: &Export, parent: &TraceContext, builder: SpanBuilder) -> Self {
        if export.is_parent_based && !parent.is_sampled() {
            return Self(None);
        }
        let parent = Context::new().with_remote_span_context(to_library(parent));
        Self::begin(export, builder, &parent)
    }

    fn begin(export: &Export, builder: SpanBuilder, parent: &Context) -> Self {
        let span = export.tracer.build_with_context(builder, parent);
        Self(span.is_recording().then(|| Context::new().with_span(span)))
    }

    /// Whether it is recorded.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Its context, to pass on; `None` if it is empty.
    #[must_use]
    pub fn context(&self) -> Option<TraceContext> {
        from_library(self.0.as_ref()?.span().span_context())
    }

    /// Runs `work` in the span: meanwhile, [`current`](super::current()) returns its context.
    pub async fn scope<F: Future>(&self, work: F) -> F::Output {
        match &self.0 {
            Some(context) => work.with_context(context.clone()).await,
            None => work.await,
        }
    }

    /// Adds an attribute.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            let attribute = KeyValue::new(name, value.into());
            context.span().set_attribute(attribute);
        }
    }

    /// Replaces the name.
    pub fn rename(&self, name: impl FnOnce() -> String) {
        if let Some(context) = &self.0 {
            context.span().update_name(name());
        }
    }

    /// Says that it failed. `code` must be a code and no text with data.
    pub fn fail(&self, code: impl Into<Cow<'static, str>>) {
        if let Some(context) = &self.0 {
            let code = code.into();
            context.span().set_status(Status::error(code.clone()));
            let code = KeyValue::new(semconv::ERROR_TYPE, code);
            context.span().set_attribute(code);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

/// A span with the name and the attributes that `describe` returns.
fn described<N: Into<Cow<'static, str>>>(
    kind: Kind,
    describe: impl FnOnce() -> (N, Vec<KeyValue>),
) -> SpanBuilder {
    let (name, attributes) = describe();
    SpanBuilder::from_name(name)
        .with_kind(kind.into())
        .with_attributes(attributes)
}

fn link_to(context: &TraceContext) -> Link {
    Link::with_context(to_library(context))
}
