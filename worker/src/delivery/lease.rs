use tidings_db::notifications::{self, LeaseToken};
use tidings_domain::notification::MessageId;

use super::{Delivery, DeliveryChannel};

/// Number of renewals in the time of one lease, so that a renewal that fails is repeated before the lease ends.
const RENEWALS_PER_LEASE: u32 = 3;

impl<C: DeliveryChannel> Delivery<C> {
    /// Runs `sends` and renews the claim meanwhile: a provider may take longer to answer than the lease lasts.
    pub(super) async fn renewing_lease<T>(
        &self,
        id: MessageId,
        token: LeaseToken,
        sends: impl Future<Output = T>,
    ) -> T {
        tokio::select! {
            biased;
            results = sends => results,
            never = self.renew_lease(id, token) => match never {},
        }
    }

    /// Renews the claim until it is lost. Never returns.
    async fn renew_lease(&self, id: MessageId, token: LeaseToken) -> std::convert::Infallible {
        let lease = self.settings.lease;
        loop {
            tokio::time::sleep(lease / RENEWALS_PER_LEASE).await;
            let renewed = self
                .database
                .run(async |client| notifications::renew_lease(client, id, token, lease).await)
                .await;
            match renewed {
                Ok(true) => {}
                // The message may have been sent, so its answer is still awaited and recorded.
                Ok(false) => {
                    tracing::warn!(message_id = %id, "the claim was lost during the send");
                    return std::future::pending().await;
                }
                Err(error) => {
                    tracing::warn!(%error, message_id = %id, "the claim was not renewed; trying again");
                }
            }
        }
    }
}
