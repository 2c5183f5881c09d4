use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use tidings_settings::{TraceSampler, TraceSettings};

/// The sampler of the settings. Of the spans that have no parent and are linked to others, those are recorded that are linked to
/// a recorded one, if callers decide: for example batches of messages.
#[derive(Clone, Debug)]
pub(super) struct LinkSampler {
    sampler: Sampler,
    follows_links: bool,
}

impl LinkSampler {
    pub(super) fn new(settings: &TraceSettings) -> Self {
        let ratio = || Sampler::TraceIdRatioBased(settings.ratio);
        let parent_based = |root| Sampler::ParentBased(Box::new(root));
        let sampler = match settings.sampler {
            TraceSampler::ParentBasedRatio => parent_based(ratio()),
            TraceSampler::ParentBasedAlwaysOn => parent_based(Sampler::AlwaysOn),
            TraceSampler::ParentBasedAlwaysOff => parent_based(Sampler::AlwaysOff),
            TraceSampler::Ratio => ratio(),
            TraceSampler::AlwaysOn => Sampler::AlwaysOn,
            TraceSampler::AlwaysOff => Sampler::AlwaysOff,
        };
        Self {
            sampler,
            follows_links: settings.sampler.is_parent_based(),
        }
    }
}

impl ShouldSample for LinkSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let has_parent = parent.is_some_and(|parent| parent.span().span_context().is_valid());
        if self.follows_links && !has_parent && !links.is_empty() {
            let is_sampled = links.iter().any(|link| link.span_context.is_sampled());
            return SamplingResult {
                decision: if is_sampled {
                    SamplingDecision::RecordAndSample
                } else {
                    SamplingDecision::Drop
                },
                attributes: Vec::new(),
                trace_state: TraceState::default(),
            };
        }
        self.sampler
            .should_sample(parent, trace_id, name, kind, attributes, links)
    }
}
