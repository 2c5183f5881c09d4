//! Keeps the payloads of sensitive notifications out of errors: providers quote what they refuse.

use tidings_broker::Failure;
use tidings_db::delivery_attempts::AttemptOutcome;

use super::attempt::AttemptResult;
use super::deferral::Deferral;
use super::disposition::Disposition;
use super::unrecorded::AttemptRecord;

/// Stands for the text of a provider or of a template.
pub const WITHHELD: &str = "withheld, because the notification is sensitive";

/// Removes what others say about the content. What is left are texts of Tidings itself, and the stable codes.
pub(super) fn withhold(result: AttemptResult) -> AttemptResult {
    let quotes = matches!(&result.disposition,
        Disposition::Retry(failure) | Disposition::Reject(failure) | Disposition::AddressGone(failure)
            if failure.quoted);
    let record = match result.record {
        AttemptRecord::Sends {
            mut sends,
            gone_addresses,
            opt_outs,
        } => {
            // The text of a deferred send is our own.
            let quoting = sends
                .iter_mut()
                .filter(|send| send.outcome != AttemptOutcome::Deferred);
            for error in quoting.filter_map(|send| send.error.as_mut()) {
                WITHHELD.clone_into(error);
            }
            AttemptRecord::Sends {
                sends,
                gone_addresses,
                opt_outs,
            }
        }
        AttemptRecord::NotSent { template, .. } if quotes => AttemptRecord::NotSent {
            template,
            error: WITHHELD.to_owned(),
        },
        other => other,
    };
    AttemptResult {
        record,
        disposition: withhold_from(result.disposition),
        ..result
    }
}

fn withhold_from(disposition: Disposition) -> Disposition {
    let failure = |failure: Failure| {
        if failure.quoted {
            Failure::new(failure.reason, WITHHELD)
        } else {
            failure
        }
    };
    match disposition {
        Disposition::Retry(one) => Disposition::Retry(failure(one)),
        Disposition::Reject(one) => Disposition::Reject(failure(one)),
        Disposition::AddressGone(one) => Disposition::AddressGone(failure(one)),
        // The reason may quote a provider.
        Disposition::Defer(deferral) => Disposition::Defer(Deferral {
            reason: WITHHELD.to_owned(),
            ..deferral
        }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidings_broker::WaitTime;

    use super::*;
    use crate::delivery::unrecorded::FinishedSend;

    const QUOTE: &str = "550 your code 4711 is spam";

    fn result(record: AttemptRecord, disposition: Disposition) -> AttemptResult {
        AttemptResult {
            record,
            disposition,
            all_wait: false,
        }
    }

    fn sends(outcome: AttemptOutcome) -> AttemptRecord {
        AttemptRecord::Sends {
            sends: vec![FinishedSend {
                row: 1,
                contact: None,
                duration: Duration::ZERO,
                outcome,
                reference: None,
                error: Some(QUOTE.to_owned()),
            }],
            gone_addresses: Vec::new(),
            opt_outs: Vec::new(),
        }
    }

    fn error_of(record: &AttemptRecord) -> &str {
        match record {
            AttemptRecord::Sends { sends, .. } => sends[0].error.as_deref().unwrap_or_default(),
            AttemptRecord::NotSent { error, .. } => error,
            AttemptRecord::NotBegun => "",
        }
    }

    #[test]
    fn quotes_of_providers_and_templates_are_withheld() {
        for disposition in [
            Disposition::Retry(Failure::quoting("provider_failed", QUOTE)),
            Disposition::Reject(Failure::quoting("rejected_by_provider", QUOTE)),
            Disposition::AddressGone(Failure::quoting("address_gone", QUOTE)),
            Disposition::Defer(Deferral::wait(WaitTime::Second, QUOTE)),
        ] {
            let withheld = withhold(result(sends(AttemptOutcome::Failed), disposition));
            let text = format!("{:?}", withheld.disposition);
            assert!(!text.contains("4711") && text.contains(WITHHELD), "{text}");
            assert_eq!(error_of(&withheld.record), WITHHELD);
        }
        let not_sent = AttemptRecord::NotSent {
            template: None,
            error: QUOTE.to_owned(),
        };
        let failure = Failure::quoting("template_error", QUOTE);
        let withheld = withhold(result(not_sent, Disposition::Reject(failure)));
        assert_eq!(error_of(&withheld.record), WITHHELD);
    }

    #[test]
    fn texts_of_tidings_stay() {
        let own = Disposition::Reject(Failure::new("no_contact", "the user has no address"));
        let not_sent = AttemptRecord::NotSent {
            template: None,
            error: "the user has no address".to_owned(),
        };
        let kept = withhold(result(not_sent, own.clone()));
        assert_eq!(kept.disposition, own);
        assert_eq!(error_of(&kept.record), "the user has no address");
    }
}
