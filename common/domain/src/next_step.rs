//! What happens next to a notification, in words.

use jiff::Timestamp;

use crate::notification::Status;

/// What a row says about the next step.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepFacts<'a> {
    /// The status; `None` for one of a newer version.
    pub status: Option<Status>,
    /// Why it waits, or was not sent.
    pub reason: Option<&'a str>,
    /// Until when it waits.
    pub until: Option<Timestamp>,
    /// Whether a worker is sending it.
    pub is_sending: bool,
    /// Whether an operator has stopped its channel.
    pub is_stopped: bool,
    /// Whether it waits for its destination.
    pub is_deferred: bool,
    /// When the next attempt begins at the earliest.
    pub retry_at: Option<Timestamp>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// Which kind of step: stable.
    pub code: &'static str,
    /// The step for people.
    pub text: &'static str,
    /// When, if that is known.
    pub at: Option<Timestamp>,
}

/// Says what happens next.
#[must_use]
pub fn next_step(facts: StepFacts<'_>) -> NextStep {
    let step = |code, text, at| NextStep { code, text, at };
    let Some(status) = facts.status else {
        return step("unknown", "A newer version of the programs decides", None);
    };
    match status {
        Status::Scheduled => step("wait", waits(facts.reason), facts.until),
        Status::Pending | Status::Retrying if facts.is_sending => {
            step("sending", "A worker is sending it", None)
        }
        Status::Pending | Status::Retrying if facts.is_stopped => step(
            "stopped",
            "It waits until an operator starts the channel again",
            None,
        ),
        Status::Pending | Status::Retrying if facts.is_deferred => step(
            "deferred",
            "It waits for its destination, which is down or limits the rate",
            None,
        ),
        Status::Pending => step("queued", "It waits for a worker", None),
        Status::Retrying => step("retry", "It is tried again", facts.retry_at),
        Status::Processed => step("end", "Nothing more, it was delivered", None),
        Status::Failed => step(
            "dead_letter",
            "Nothing until somebody replays or discards this dead letter",
            None,
        ),
        Status::Cancelled => step("end", "Nothing, its sender has cancelled it", None),
        Status::Expired => step("end", "Nothing, it has expired", None),
        Status::Suppressed => step("end", suppressed(facts.reason), None),
        Status::Digested => step(
            "end",
            "Nothing more, it is a part of the message of a digest",
            None,
        ),
    }
}

fn waits(reason: Option<&str>) -> &'static str {
    match reason {
        Some("quiet_hours") => "It waits for the end of the user's quiet hours",
        Some("digest") => {
            "It waits for its digest, which sends several notifications in one message"
        }
        Some("throttled") => "It waits, because the user has reached a limit",
        Some("broker") => "It waits for RabbitMQ",
        _ => "It waits for its time",
    }
}

fn suppressed(reason: Option<&str>) -> &'static str {
    match reason {
        Some("preference") => "Nothing, the recipient does not want it",
        Some("throttled") => "Nothing, the user had reached a limit",
        Some("user_gone") => "Nothing, the user is deleted",
        _ => "Nothing, it is not sent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_says_what_happens_next() {
        let at = Some(Timestamp::UNIX_EPOCH);
        let of = |status| StepFacts {
            status: Some(status),
            until: at,
            retry_at: at,
            ..StepFacts::default()
        };
        let code = |facts| next_step(facts).code;
        for (status, expected) in [
            (Status::Scheduled, "wait"),
            (Status::Pending, "queued"),
            (Status::Retrying, "retry"),
            (Status::Processed, "end"),
            (Status::Failed, "dead_letter"),
            (Status::Cancelled, "end"),
            (Status::Expired, "end"),
            (Status::Suppressed, "end"),
            (Status::Digested, "end"),
        ] {
            let step = next_step(of(status));
            assert_eq!(step.code, expected, "{status}");
            let has_time = matches!(expected, "wait" | "retry");
            assert_eq!(step.at.is_some(), has_time, "{status}");
        }
        for status in [Status::Pending, Status::Retrying] {
            let facts = StepFacts {
                is_deferred: true,
                ..of(status)
            };
            assert_eq!(code(facts), "deferred");
            let facts = StepFacts {
                is_stopped: true,
                ..facts
            };
            assert_eq!(code(facts), "stopped");
            let facts = StepFacts {
                is_sending: true,
                ..facts
            };
            assert_eq!(code(facts), "sending");
        }
        assert_eq!(code(StepFacts::default()), "unknown");
    }
}
