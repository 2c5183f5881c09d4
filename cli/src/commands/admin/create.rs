//! `tidings admin create`.

use anyhow::bail;
use secrecy::SecretString;
use serde_json::Value;
use tidings_db::audit::AuditOrigin;
use tidings_db::users::{self, PutResult, SetRoleResult, UserProfile, UserRow};
use tidings_db::{Database, DatabaseSettings, DbError, Transaction, TransactionOptions};
use tidings_domain::access::Role;
use tidings_domain::content::EmailAddress;
use tidings_domain::user::Username;
use tidings_passwords::HashCost;

use crate::commands::users::{password, show};
use crate::new_password::PasswordSource;
use crate::operator::operator;
use crate::output::{CommandOutput, Text};
use crate::settings;

/// Arguments of `create`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The e-mail address of the user, who may exist already
    #[arg(long)]
    email: EmailAddress,
    /// The name of the user; an existing user must have it
    #[arg(long)]
    username: Username,
    /// Also set a password, which ends the sessions of an existing user
    #[arg(long)]
    password: bool,
    #[command(flatten)]
    source: PasswordSource,
}

/// What has happened to the user.
enum Outcome {
    Created(UserRow),
    Promoted(UserRow),
    WasAdmin(UserRow),
    /// The user with the address has another name.
    OtherName,
    /// Another user has the name.
    NameTaken,
}

/// Creates an admin.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let (settings, cost) = settings::read(|reader| {
        let cost = HashCost::read(reader);
        Some((DatabaseSettings::read(reader)?, cost))
    })?;
    let database = Database::new(&settings, "tidings admin")?;
    let hash = if args.password || args.source.is_given() {
        Some(args.source.clone().hash(cost).await?)
    } else {
        None
    };
    let origin = operator();
    // Not SERIALIZABLE: the role is only given, and one more admin leaves no decision about the last one wrong.
    let outcome = database
        .transaction(TransactionOptions::default(), async |transaction| {
            create(transaction, &origin, &args, hash.as_ref()).await
        })
        .await?;
    let (row, what) = match outcome {
        Outcome::Created(row) => (row, "Created an admin."),
        Outcome::Promoted(row) => (row, "The user is an admin now."),
        Outcome::WasAdmin(row) => (row, "The user was an admin already."),
        Outcome::OtherName => {
            bail!("nothing has changed: the user with this address has another name")
        }
        Outcome::NameTaken => bail!("nothing has changed: username is the name of another user"),
    };
    let json: Value = show::json(&row);
    let mut text: Text = show::text(&row);
    text.line(format_args!("\n{what}"));
    CommandOutput::new(text, json)
}

async fn create(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    args: &Args,
    hash: Option<&SecretString>,
) -> Result<Outcome, DbError> {
    let (row, is_new) = match users::find_by_email(transaction, &args.email).await? {
        Some(row) if row.username != args.username.as_str() => return Ok(Outcome::OtherName),
        Some(row) => (row, false),
        None => {
            let profile = UserProfile {
                username: args.username.clone(),
                email: Some(args.email.clone()),
                locale: None,
                timezone: None,
                phone_numbers: None,
            };
            let put = users::create(transaction, &profile).await?;
            users::record_put(transaction, origin, &put).await?;
            match put {
                PutResult::Created(row) | PutResult::Updated(row) | PutResult::Unchanged(row) => {
                    (row, true)
                }
                PutResult::Taken(_) | PutResult::Erased | PutResult::HasRole => {
                    return Ok(Outcome::NameTaken);
                }
            }
        }
    };
    if let Some(hash) = hash {
        password::set(transaction, origin, row.id, hash).await?;
    }
    Ok(
        match users::set_role(transaction, origin, row.id, Role::Admin).await? {
            SetRoleResult::Updated(row) if is_new => Outcome::Created(row),
            SetRoleResult::Updated(row) => Outcome::Promoted(row),
            SetRoleResult::Unchanged(row) => Outcome::WasAdmin(row),
            // The user was deleted at this moment; its role is not taken away here.
            SetRoleResult::UnknownUser | SetRoleResult::LastAdmin => Outcome::OtherName,
        },
    )
}
