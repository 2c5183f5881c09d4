use std::borrow::Cow;
use std::time::Duration;

use tidings_domain::overview::{QueueFacts, QueueRole};

use crate::declare::QueueCounts;
use crate::settings::BrokerSettings;
use crate::stage::Stage;
use crate::wait_time::WaitTime;

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    /// A stage consumes it.
    Work(Stage),
    /// Deferred messages wait in it.
    Wait,
    /// Messages that have failed wait in it for their next attempt.
    Rung {
        /// The number of the rung, from 1.
        number: u32,
        /// How long they wait.
        delay: Duration,
    },
    /// Dead letters wait in it.
    DeadLetters,
}

/// What is known about a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueStatus {
    /// Its name on the broker.
    pub name: String,
    /// Its name in metrics and statistics.
    pub label: Cow<'static, str>,
    /// What it is for.
    pub kind: QueueKind,
    /// Its ready messages and its consumers, about a second ago; `None` if the broker does not answer.
    pub counts: Option<QueueCounts>,
}

impl QueueStatus {
    /// What an overview of the installation says about the queue.
    #[must_use]
    pub fn facts(&self) -> QueueFacts {
        QueueFacts {
            label: self.label.to_string(),
            role: match self.kind {
                QueueKind::Work(Stage::Intake) => QueueRole::Intake,
                QueueKind::Work(Stage::Delivery(channel)) => QueueRole::Delivery(channel),
                QueueKind::Work(Stage::Event(_)) => QueueRole::Event,
                QueueKind::Wait => QueueRole::Wait,
                QueueKind::Rung { number, delay } => QueueRole::Rung { number, delay },
                QueueKind::DeadLetters => QueueRole::DeadLetters,
            },
            counts: self.counts.map(|one| (one.messages, one.consumers)),
        }
    }
}

/// A queue whose depth is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum MeasuredQueue {
    Work(Stage),
    Wait(WaitTime),
    /// The delay queue of a rung, counted from 1.
    Rung(u32),
    DeadLetters,
}

impl MeasuredQueue {
    pub(super) fn all(settings: &BrokerSettings) -> impl Iterator<Item = Self> + use<> {
        let work = Stage::ALL.into_iter().map(Self::Work);
        let wait = WaitTime::ALL.into_iter().map(Self::Wait);
        work.chain(wait)
            .chain(settings.ladder.rungs().map(Self::Rung))
            .chain([Self::DeadLetters])
    }

    pub(super) fn kind(self, settings: &BrokerSettings) -> QueueKind {
        match self {
            Self::Work(stage) => QueueKind::Work(stage),
            Self::Wait(_) => QueueKind::Wait,
            Self::Rung(number) => QueueKind::Rung {
                number,
                delay: settings.ladder.delay(number),
            },
            Self::DeadLetters => QueueKind::DeadLetters,
        }
    }

    pub(super) fn name(self, settings: &BrokerSettings) -> String {
        let names = &settings.names;
        match self {
            Self::Work(stage) => stage.queue(names),
            Self::Wait(time) => names.wait(time.label()),
            Self::Rung(n) => names.retry_queue(&settings.ladder, n),
            Self::DeadLetters => names.dlq.clone(),
        }
    }

    /// The label of the metric.
    pub(super) fn label(self) -> Cow<'static, str> {
        match self {
            Self::Work(stage) => stage.as_str().into(),
            Self::Wait(WaitTime::Second) => "wait.1s".into(),
            Self::Wait(WaitTime::HalfMinute) => "wait.30s".into(),
            Self::Wait(WaitTime::FiveMinutes) => "wait.5m".into(),
            Self::Rung(n) => format!("retry.{n}").into(),
            Self::DeadLetters => "dead_letters".into(),
        }
    }
}
