//! The phases of a round: a full queue, load and delivery at once, and a quiet system.

use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::{Instant, sleep};

use super::DeliveryPlan;
use super::queue::{DeliveredMessages, DeliveryQueue};
use super::results::{DeliveryReport, LoadReport};
use super::transactions::{IdleTransactions, TransactionCounter};
use crate::latency::{Latencies, Summary};
use crate::load::{
    AcceptedNotification, ApiEndpoint, HttpConnection, LoadPlan, RequestBodies, post_one,
};
use crate::pipeline::{MeasuredInstallation, UsagePerThousand};
use crate::progress::bar;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// The pause after each message in a quiet system, so that recording one does not delay the next.
const QUIET_PAUSE: Duration = Duration::from_millis(5);

/// What all phases of a round use.
pub(super) struct Phases<'a> {
    pub(super) plan: &'a DeliveryPlan,
    pub(super) queue: DeliveryQueue<'a>,
    pub(super) transactions: &'a TransactionCounter,
    pub(super) idle: IdleTransactions,
}

impl Phases<'_> {
    /// Queues notifications for delivery while nothing delivers them, then starts the worker and measures it.
    pub(super) async fn full_queue(&self) -> anyhow::Result<DeliveryReport> {
        let users = self.users().await?;
        let accepted = self.queue.fill(&users, self.plan.count).await?;
        let count = accepted.len() as u64;
        let before = self.transactions.read_after_stop().await?;
        let began = Instant::now();
        // Idle, as in the measurement of the idle system.
        let api = self.queue.api().await?;
        let delivered = self.queue.drain(&users, count).await?;
        api.stop().await?;
        let after = self.transactions.read_after_stop().await?;
        let transactions = after.saturating_sub(before);
        Ok(DeliveryReport {
            delivered_per_second: delivered
                .rate_since(delivered.rows.count, delivered.ledger.first),
            transactions_each: self.idle.each_of(count, transactions, began.elapsed()),
            ..DeliveryReport::of(&accepted, delivered)
        })
    }

    /// Measures load and delivery at once, then single messages in a quiet system.
    pub(super) async fn load(&self) -> anyhow::Result<(LoadReport, Option<Summary>)> {
        let users = self.users().await?;
        let before = self.transactions.read_after_stop().await?;
        let began = Instant::now();
        let api = self.queue.api().await?;
        let worker = self.queue.worker().await?;
        let installation = self.queue.installation(&api);
        let watch = self.queue.watch(&[api.watched(), worker.watched()]);
        let load = LoadPlan {
            count: self.plan.count,
            connections: self.plan.system.connections,
            batch: 1,
            rate: None,
        };
        let posted = self.queue.post(&installation, load, &users).await?;
        let count = posted.accepted.len() as u64;
        let delivered = self.queue.wait(&users, count, watch).await?;
        let rate = delivered.rate_since(delivered.rows.count, posted.began);

        worker.stop().await?;
        api.stop().await?;
        let after = self.transactions.read_after_stop().await?;
        let transactions = after.saturating_sub(before);
        let each = self.idle.each_of(count, transactions, began.elapsed());
        let report = LoadReport {
            accepted_per_second: per_second(count, posted.took),
            delivery: DeliveryReport {
                delivered_per_second: rate,
                transactions_each: each,
                ..DeliveryReport::of(&posted.accepted, delivered)
            },
        };
        Ok((report, self.quiet(&users).await?))
    }

    /// What the programs do when they start and while they have nothing to do: one run that ends at once, and one that
    /// idles.
    pub(super) async fn idle(&self) -> anyhow::Result<IdleTransactions> {
        let progress = ProgressBar::new_spinner().with_message("measuring the idle system");
        progress.enable_steady_tick(Duration::from_millis(200));
        let start = self.idle_for(Duration::ZERO).await?;
        let both = self.idle_for(self.plan.idle).await?;
        progress.finish_and_clear();
        Ok(IdleTransactions {
            start,
            per_second: per_second(both.saturating_sub(start), self.plan.idle),
        })
    }

    /// The transactions of programs that start, have nothing to do for this long, and stop.
    async fn idle_for(&self, idle: Duration) -> anyhow::Result<u64> {
        let before = self.transactions.read_after_stop().await?;
        let api = self.queue.api().await?;
        let worker = self.queue.worker().await?;
        sleep(idle).await;
        worker.stop().await?;
        api.stop().await?;
        let after = self.transactions.read_after_stop().await?;
        Ok(after.saturating_sub(before))
    }

    /// Posts one message after another to programs that have nothing else to do.
    async fn quiet(&self, users: &TestUsers) -> anyhow::Result<Option<Summary>> {
        let api = self.queue.api().await?;
        let worker = self.queue.worker().await?;
        let installation = self.queue.installation(&api);
        let summary = self.one_by_one(&installation, self.queue.bodies(users));
        let summary = summary.await?;
        worker.stop().await?;
        api.stop().await?;
        Ok(summary)
    }

    async fn one_by_one(
        &self,
        installation: &MeasuredInstallation,
        bodies: RequestBodies,
    ) -> anyhow::Result<Option<Summary>> {
        let target = ApiEndpoint::new(installation.api, "/api/notifications", &installation.token)?;
        let mut connection = HttpConnection::open(&target).await?;
        let arrivals = self.queue.receiver.arrivals();
        let progress = bar(self.plan.quiet, "posting one by one");
        let mut latencies = Latencies::default();
        for number in 0..self.plan.quiet {
            let posted = post_one(&mut connection, bodies.single(number)).await?;
            let arrived = arrivals.wait_for(posted.id).await?;
            let micros = u64::try_from(arrived - posted.began).unwrap_or(0);
            latencies.record(Duration::from_micros(micros));
            progress.inc(1);
            sleep(QUIET_PAUSE).await;
        }
        progress.finish_and_clear();
        arrivals.take();
        Ok(latencies.summary())
    }

    async fn users(&self) -> anyhow::Result<TestUsers> {
        Ok(TestUsers::create(&self.queue.environment.scratch.database).await?)
    }
}

impl DeliveryReport {
    /// The counts. Rates and transactions are not measured.
    fn of(accepted: &[AcceptedNotification], delivered: DeliveredMessages) -> Self {
        let count = accepted.len() as u64;
        Self {
            count,
            arrived: delivered.ledger.times.len() as u64,
            recorded: delivered.rows.count,
            differences: delivered.ledger.compare(accepted),
            delivered_per_second: f64::NAN,
            transactions_each: f64::NAN,
            processes: UsagePerThousand::of(delivered.used, count),
        }
    }
}
