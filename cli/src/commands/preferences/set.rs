//! `tidings preferences set`.

use std::time::Duration;

use anyhow::bail;
use tidings_db::notifications::wait_for_claims;
use tidings_db::preferences::{self, SetResult};
use tidings_db::{Database, TransactionOptions, categories};
use tidings_domain::category::CategoryKind;
use tidings_domain::preference::{CategorySelector, NewChoice, PreferenceSource, stopped_channels};

use super::choices::ChoiceArg;
use super::{database, get, user_id};
use crate::operator::operator;
use crate::output::CommandOutput;

/// How long the command waits for claims that have not seen the choices. They take milliseconds.
const CLAIM_WAIT: Duration = Duration::from_secs(5);

/// Arguments of `set`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id, the e-mail address or the name of the user
    #[arg(value_name = "USER")]
    user: String,
    /// A choice: CATEGORY/CHANNEL=on, =off or =reset, such as newsletter/email=off. `*` stands for all categories or all
    /// channels, `*marketing` for all marketing categories
    #[arg(value_name = "CHOICE", required = true, num_args = 1..=200)]
    choices: Vec<ChoiceArg>,
}

/// Makes choices for a user.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let user = user_id(&database, &args.user).await?;
    let choices: Vec<NewChoice> = args.choices.into_iter().map(|ChoiceArg(one)| one).collect();
    check_categories(&database, &choices).await?;
    let origin = operator();
    let set = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let source = PreferenceSource::Admin;
            let set = preferences::set(transaction, user, &choices, source).await?;
            if set == SetResult::Changed {
                preferences::record_change(transaction, &origin, user, &choices).await?;
            }
            Ok(set)
        })
        .await?;
    if set == SetResult::UnknownUser {
        bail!("there is no user {user}");
    }
    // Also if nothing has changed: an earlier command may have failed while it waited.
    let ended = wait_for_claims(&database, &stopped_channels(&choices), CLAIM_WAIT).await?;
    if !ended {
        bail!(
            "the preferences are stored, but a worker that does not respond may still send what it was about to claim; repeat the command"
        );
    }
    get::show(&database, user).await
}

/// Fails for a category that does not exist, and for one about which no choice counts. A choice can always be taken back.
async fn check_categories(database: &Database, choices: &[NewChoice]) -> anyhow::Result<()> {
    let kinds = database
        .run(async |client| categories::kinds(client).await)
        .await?;
    for choice in choices.iter().filter(|choice| choice.enabled.is_some()) {
        let CategorySelector::One(name) = &choice.category else {
            continue;
        };
        match kinds.get(name) {
            None => bail!("there is no category {name}"),
            Some(CategoryKind::Critical) => {
                bail!("the category {name} is critical: its notifications are always sent")
            }
            Some(CategoryKind::Transactional | CategoryKind::Marketing) => {}
        }
    }
    Ok(())
}
