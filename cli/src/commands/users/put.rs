//! `tidings users put`.

use anyhow::bail;
use tidings_db::TransactionOptions;
use tidings_db::phone_numbers::MAX_PER_USER;
use tidings_db::users::{self, ContactRights, PutResult, UserProfile};
use tidings_domain::content::{EmailAddress, PhoneNumber};
use tidings_domain::notification::UserId;
use tidings_domain::time::Timezone;
use tidings_domain::user::Username;
use tidings_templates::Locale;

use super::show::{json, text};
use super::{database, taken, wait_for_claims};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `put`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user, who may not exist yet; without it, a user with a new id is created
    #[arg(value_name = "USER_ID")]
    id: Option<UserId>,
    /// The name, which no other user may have
    #[arg(long)]
    username: Username,
    /// The e-mail address; without it, the user has none
    #[arg(long)]
    email: Option<EmailAddress>,
    /// The language, such as de-AT; without it, none is known
    #[arg(long)]
    locale: Option<Locale>,
    /// The time zone, such as Europe/Vienna; without it, none is known
    #[arg(long)]
    timezone: Option<Timezone>,
    /// A phone number of the user, such as +436601234567; can be repeated. Text messages go to the first. Without it, the
    /// numbers stay as they are
    #[arg(long = "phone", value_name = "NUMBER")]
    phone_numbers: Vec<PhoneNumber>,
}

/// Creates or changes a user.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let Args {
        id,
        username,
        email,
        locale,
        timezone,
        phone_numbers,
    } = args;
    if i64::try_from(phone_numbers.len()).is_ok_and(|count| count > MAX_PER_USER) {
        bail!("a user has at most {MAX_PER_USER} phone numbers");
    }
    let profile = UserProfile {
        username,
        email,
        locale,
        timezone,
        phone_numbers: (!phone_numbers.is_empty()).then_some(phone_numbers),
    };
    let origin = operator();
    let database = database()?;
    let put = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let put = match id {
                Some(id) => users::put(transaction, id, &profile, ContactRights::All).await?,
                None => users::create(transaction, &profile).await?,
            };
            users::record_put(transaction, &origin, &put).await?;
            Ok(put)
        })
        .await?;
    match put {
        PutResult::Created(row) => CommandOutput::new(text(&row), json(&row)),
        PutResult::Updated(row) | PutResult::Unchanged(row) => {
            wait_for_claims(&database, &[row.id]).await?;
            CommandOutput::new(text(&row), json(&row))
        }
        PutResult::HasRole => bail!("nothing has changed: the user has a role"),
        PutResult::Erased => bail!("nothing has changed: the user with this id was deleted"),
        PutResult::Taken(fields) => {
            let problems: Vec<String> = taken(fields)
                .map(|(field, problem)| format!("{field} {problem}"))
                .collect();
            bail!("nothing has changed: {}", problems.join("; "))
        }
    }
}
