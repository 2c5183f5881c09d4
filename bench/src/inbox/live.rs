//! Open streams: the memory that they need, and how soon notifications reach them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::ensure;
use tidings_domain::notification::MessageId;
use tokio::time::{Instant, sleep};

use super::InboxPlan;
use super::results::LiveResults;
use super::streams::{ReceivedNotification, Streams};
use crate::environment::Environment;
use crate::latency::Latencies;
use crate::load::{LoadPlan, PostedLoad};
use crate::process_usage::UsageMonitor;
use crate::programs::RunningProgram;
use crate::progress::bar;
use crate::test_users::TestUsers;

/// If nothing arrives for this long, the missing notifications are lost. Longer than the time between two looks.
const NO_PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);

/// Measures the API.
pub async fn measure(
    environment: &Environment,
    api: &RunningProgram,
    worker: &RunningProgram,
    plan: &InboxPlan,
) -> anyhow::Result<LiveResults> {
    let token = &plan.system.programs.token;
    let users = TestUsers::create_many(&environment.scratch.database, plan.streams).await?;
    let idle_mib = peak_mib(api);
    let opening = Instant::now();
    let streams = Streams::open(api.address, token, users.ids()).await?;
    let opened_in = opening.elapsed();
    sleep(plan.quiet).await;
    let open_mib = peak_mib(api);

    let processes = [
        &[api.watched(), worker.watched()][..],
        &plan.system.programs.servers,
    ];
    let usage = UsageMonitor::start(&processes.concat());
    let installation = environment.installation(api, token, Vec::new());
    let load = LoadPlan {
        count: u64::from(plan.rate) * plan.posting.as_secs(),
        connections: plan.system.connections,
        batch: 1,
        rate: Some(plan.rate.into()),
    };
    let posted = installation
        .post(load, plan.system.payload_bytes, &users)
        .await?;
    let missing = posted.refused + posted.unanswered;
    ensure!(missing == 0, "{missing} notifications were not accepted");
    wait(&streams, posted.accepted.len() as u64).await;
    let used = usage.stop();
    let (ended, resets) = (streams.ended(), streams.resets());
    let arrivals = Arrivals::of(&posted, &streams.take());
    Ok(LiveResults {
        streams: plan.streams,
        opened_in_seconds: opened_in.as_secs_f64(),
        idle_mib,
        open_mib,
        loaded_mib: peak_mib(api),
        posted: load.count,
        posted_in_seconds: posted.took.as_secs_f64(),
        arrived: arrivals.arrived,
        lost: arrivals.lost,
        repeated: arrivals.repeated,
        resets,
        ended,
        posted_ms: arrivals.posted.summary(),
        processed_ms: arrivals.processed.summary(),
        cpu_seconds: used
            .into_iter()
            .map(|(name, used)| (name, used.cpu_seconds))
            .collect(),
    })
}

/// The highest memory of a program since its start.
fn peak_mib(program: &RunningProgram) -> f64 {
    let used = UsageMonitor::start(&[program.watched()]).stop();
    used.values().map(|used| used.peak_mib).sum()
}

/// Waits until so many notifications have arrived, or none has for [`NO_PROGRESS_TIMEOUT`].
async fn wait(streams: &Streams, wanted: u64) {
    let progress = bar(wanted, "waiting for the streams");
    let (mut seen, mut since) = (streams.count(), Instant::now());
    while seen < wanted && since.elapsed() < NO_PROGRESS_TIMEOUT {
        sleep(Duration::from_millis(50)).await;
        let now = streams.count();
        progress.set_position(now);
        if now > seen {
            (seen, since) = (now, Instant::now());
        }
    }
    progress.finish_and_clear();
}

/// What has arrived of a load.
#[derive(Debug, Default)]
struct Arrivals {
    arrived: u64,
    lost: u64,
    repeated: u64,
    /// From when a request was due to the arrival.
    posted: Latencies,
    /// From `processedAt` to the arrival.
    processed: Latencies,
}

impl Arrivals {
    fn of(posted: &PostedLoad, received: &[ReceivedNotification]) -> Self {
        let accepted = posted.accepted.iter();
        let began: BTreeMap<MessageId, i64> = accepted.map(|one| (one.id, one.began)).collect();
        let (mut arrivals, mut known) = (Self::default(), HashSet::new());
        for one in received {
            let Some(began) = began.get(&one.id) else {
                continue;
            };
            if !known.insert(one.id) {
                arrivals.repeated += 1;
                continue;
            }
            arrivals.arrived += 1;
            arrivals.posted.record(micros(one.at - began));
            if let Some(processed) = one.processed {
                arrivals.processed.record(micros(one.at - processed));
            }
        }
        arrivals.lost = began.len() as u64 - arrivals.arrived;
        arrivals
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::AcceptedNotification;

    #[test]
    fn notifications_are_lost_repeated_or_have_a_latency() {
        let [one, two, other] = [(); 3].map(|()| MessageId::generate());
        let accepted = [one, two].map(|id| AcceptedNotification { id, began: 1000 });
        let posted = PostedLoad {
            accepted: accepted.to_vec(),
            ..PostedLoad::default()
        };
        let received = [(one, 6000), (one, 7000), (other, 8000)].map(|(id, at)| {
            let processed = Some(at - 2000);
            ReceivedNotification { id, at, processed }
        });
        let arrivals = Arrivals::of(&posted, &received);
        let Arrivals {
            arrived,
            lost,
            repeated,
            ..
        } = arrivals;
        assert_eq!((arrived, lost, repeated), (1, 1, 1));
        let (posted, processed) = (arrivals.posted.summary(), arrivals.processed.summary());
        let max = [posted, processed].map(|ms| ms.expect("recorded").max.to_string());
        assert_eq!(max, ["5", "2"]);
    }
}
