//! `tidings users update`.

use anyhow::bail;
use tidings_db::TransactionOptions;
use tidings_db::phone_numbers::MAX_PER_USER;
use tidings_db::users::{self, ContactRights, UpdateResult, UserChanges};
use tidings_domain::change::Change;
use tidings_domain::content::{EmailAddress, PhoneNumber};
use tidings_domain::time::Timezone;
use tidings_domain::user::Username;
use tidings_templates::Locale;

use super::show::{find, json, text};
use super::{database, taken, wait_for_claims};
use crate::operator::operator;
use crate::output::{CommandOutput, WrongUsage, printable};

/// What can be removed from a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Removable {
    /// The e-mail address
    Email,
    /// The language
    Locale,
    /// The time zone
    Timezone,
    /// All phone numbers
    Phone,
}

/// Arguments of `update`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id, the e-mail address or the name of the user
    #[arg(value_name = "USER")]
    user: String,
    /// The new name, which no other user may have
    #[arg(long)]
    username: Option<Username>,
    /// The new e-mail address
    #[arg(long)]
    email: Option<EmailAddress>,
    /// The new language, such as de-AT
    #[arg(long)]
    locale: Option<Locale>,
    /// The new time zone, such as Europe/Vienna
    #[arg(long)]
    timezone: Option<Timezone>,
    /// A phone number; can be repeated. These replace all numbers of before, and text messages go to the first
    #[arg(long = "phone", value_name = "NUMBER")]
    phone_numbers: Vec<PhoneNumber>,
    /// What the user has no more; can be repeated
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    remove: Vec<Removable>,
}

impl Args {
    fn changes(self) -> anyhow::Result<(String, UserChanges)> {
        let Self {
            user,
            username,
            email,
            locale,
            timezone,
            phone_numbers,
            remove,
        } = self;
        if i64::try_from(phone_numbers.len()).is_ok_and(|count| count > MAX_PER_USER) {
            bail!("a user has at most {MAX_PER_USER} phone numbers");
        }
        let numbers = (!phone_numbers.is_empty()).then_some(phone_numbers);
        let removes = |what| remove.contains(&what);
        let numbers = change(numbers, removes(Removable::Phone))?;
        let changes = UserChanges {
            username,
            email: change(email, removes(Removable::Email))?,
            locale: change(locale, removes(Removable::Locale))?,
            timezone: change(timezone, removes(Removable::Timezone))?,
            phone_numbers: match numbers {
                Change::Keep => None,
                Change::Set(numbers) => Some(numbers.unwrap_or_default()),
            },
        };
        if changes == UserChanges::default() {
            return Err(WrongUsage("nothing to change: see `tidings users update --help`").into());
        }
        Ok((user, changes))
    }
}

fn change<T>(new: Option<T>, is_removed: bool) -> Result<Change<T>, WrongUsage> {
    match (new, is_removed) {
        (Some(_), true) => Err(WrongUsage("--remove contradicts a new value")),
        (None, false) => Ok(Change::Keep),
        (new, _) => Ok(Change::Set(new)),
    }
}

/// Changes what is given about a user, and keeps the rest.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let (user, changes) = args.changes()?;
    let database = database()?;
    let Some(user) = find(&database, &user).await? else {
        bail!("there is no user {}", printable(&user));
    };
    let origin = operator();
    let updated = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let updated = users::update(transaction, user.id, &changes, ContactRights::All).await?;
            if let UpdateResult::Updated(row) = &updated {
                users::record_update(transaction, &origin, row).await?;
            }
            Ok(updated)
        })
        .await?;
    let row = match updated {
        UpdateResult::Updated(row) | UpdateResult::Unchanged(row) => row,
        UpdateResult::HasRole => bail!("nothing has changed: the user has a role"),
        UpdateResult::UnknownUser => bail!("there is no user {}", user.id),
        UpdateResult::Taken(fields) => {
            let problems: Vec<String> = taken(fields)
                .map(|(field, problem)| format!("{field} {problem}"))
                .collect();
            bail!("nothing has changed: {}", problems.join("; "))
        }
    };
    // Also if nothing has changed: an earlier command may have failed while it waited.
    if changes.timezone != Change::Keep {
        wait_for_claims(&database, &[row.id]).await?;
    }
    CommandOutput::new(text(&row), json(&row))
}
