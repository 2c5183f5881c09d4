//! Recipients who have told a provider to send nothing more.

use tidings_db::audit::{self, Action, ActorKind, AuditOrigin, TargetKind};
use tidings_db::preferences::SetResult;
use tidings_db::{
    DbError, Transaction, TransactionOptions, address_preferences, phone_numbers, preferences,
};
use tidings_domain::preference::{CategorySelector, ChannelSelector, NewChoice, PreferenceSource};

use super::unrecorded::{AttemptRecord, OptOut};
use super::{Delivery, DeliveryChannel};
use crate::consumer::ProcessError;

impl<C: DeliveryChannel> Delivery<C> {
    /// Records as a preference that recipients want nothing more by this channel, so that further notifications are
    /// suppressed and need not be refused. In a transaction of its own, because it locks the rows of users.
    pub(super) async fn record_opt_outs(&self, record: &AttemptRecord) -> Result<(), ProcessError> {
        let AttemptRecord::Sends { opt_outs, .. } = record else {
            return Ok(());
        };
        if opt_outs.is_empty() {
            return Ok(());
        }
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                for opt_out in opt_outs {
                    self.write_opt_out(transaction, *opt_out).await?;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    async fn write_opt_out(
        &self,
        transaction: &Transaction<'_>,
        opt_out: OptOut,
    ) -> Result<(), DbError> {
        let choice = NewChoice {
            category: CategorySelector::All,
            channel: ChannelSelector::One(Self::CHANNEL.into()),
            enabled: Some(false),
        };
        let (choices, source) = ([choice], PreferenceSource::Provider);
        match opt_out {
            OptOut::Address(address) => {
                address_preferences::set(transaction, address, &choices, source).await?;
            }
            OptOut::PhoneNumber(id) => {
                let Some(user) = phone_numbers::find_user(transaction, id).await? else {
                    return Ok(());
                };
                let result = preferences::set(transaction, user, &choices, source).await?;
                if result == SetResult::Changed {
                    let origin = AuditOrigin::new(ActorKind::System, "tidings-worker");
                    let entry = origin
                        .entry(Action::PreferencesUpdate)
                        .on(TargetKind::User, user)
                        .with("source", source.as_str())
                        .with("channel", Self::CHANNEL.as_str());
                    audit::record(transaction, &entry).await?;
                }
            }
        }
        tracing::info!(
            channel = Self::CHANNEL.as_str(),
            "a recipient has told the provider to send nothing more"
        );
        Ok(())
    }
}
