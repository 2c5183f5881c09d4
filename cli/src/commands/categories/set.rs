//! `tidings categories set`.

use anyhow::bail;
use serde_json::value::to_raw_value;
use tidings_db::categories::{self, MAX_CATEGORIES, NewCategory, PutResult};
use tidings_db::{Database, TransactionOptions};
use tidings_domain::category::{
    CategoryKind, CategoryName, MAX_DESCRIPTION, MAX_LABEL, QuietRule, Throttle,
};
use tidings_domain::notification::Channel;
use tidings_requests::values;

use super::{json_of, text_of};
use crate::operator::operator;
use crate::output::CommandOutput;

/// Arguments of `set`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name: 1 to 64 of a-z, 0-9, -, _ and ., beginning with a letter or a digit
    #[arg(value_name = "NAME")]
    name: CategoryName,
    /// critical, transactional or marketing
    #[arg(long, default_value = "transactional")]
    kind: CategoryKind,
    /// What users read instead of the name
    #[arg(long, value_parser = label)]
    label: Option<String>,
    /// What the category contains, for users
    #[arg(long, value_parser = description)]
    description: Option<String>,
    /// A channel by which users who have chosen nothing do not get the notifications; can be repeated
    #[arg(long = "default-off", value_name = "CHANNEL")]
    default_off: Vec<Channel>,
    /// How many of its notifications each user gets by a channel, such as 3/3600 for 3 in an hour
    #[arg(long, value_name = "LIMIT/SECS", value_parser = throttle)]
    throttle: Option<Throttle>,
    /// A member of the payload: each of its values has a limit of its own
    #[arg(long, value_name = "MEMBER", requires = "throttle", value_parser = key)]
    throttle_key: Option<String>,
    /// obey or ignore: whether the notifications wait for the end of quiet hours
    #[arg(long, default_value = "obey")]
    quiet: QuietRule,
    /// Hide the category from users
    #[arg(long)]
    unlisted: bool,
    /// Give the e-mails of a transactional category a link to unsubscribe
    #[arg(long)]
    unsubscribe: bool,
}

/// Creates a category or replaces its definition.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let name = args.name.clone();
    let new = definition(args);
    let origin = operator();
    let put = database
        .transaction(TransactionOptions::default(), async |transaction| {
            categories::put(transaction, &name, &new, &origin).await
        })
        .await?;
    match put {
        PutResult::Created(row) | PutResult::Updated(row) | PutResult::Unchanged(row) => {
            let json = json_of(&row);
            CommandOutput::new(text_of(&[row]), json)
        }
        PutResult::BuiltIn => bail!("the category {name} is built in: it cannot be changed"),
        PutResult::LimitReached => bail!("there are {MAX_CATEGORIES} categories already"),
    }
}

fn definition(args: Args) -> NewCategory {
    let off = args.default_off.into_iter().map(|channel| (channel, false));
    NewCategory {
        kind: args.kind,
        label: args.label,
        description: args.description,
        defaults: off.collect(),
        throttle: args.throttle.map(|throttle| Throttle {
            key: args.throttle_key,
            ..throttle
        }),
        quiet: args.quiet,
        listed: !args.unlisted,
        unsubscribe: args.unsubscribe,
    }
}

fn label(text: &str) -> Result<String, String> {
    line(text, MAX_LABEL)
}

fn description(text: &str) -> Result<String, String> {
    line(text, MAX_DESCRIPTION)
}

fn key(text: &str) -> Result<String, String> {
    line(text, Throttle::MAX_KEY)
}

/// Checks a text as the API does.
fn line(text: &str, max: usize) -> Result<String, String> {
    let value = to_raw_value(text).map_err(|error| error.to_string())?;
    values::nonblank(&value)?;
    values::line(max)(&value)
}

fn throttle(text: &str) -> Result<Throttle, String> {
    let number = |text: &str, max| {
        let number = text.parse::<u32>().ok();
        number.filter(|number| (1..=max).contains(number))
    };
    let parts = text.split_once('/').and_then(|(limit, window)| {
        let limit = number(limit, Throttle::MAX_LIMIT)?;
        Some((limit, number(window, Throttle::MAX_WINDOW_SECS)?))
    });
    let (limit, window_secs) = parts.ok_or_else(|| {
        format!(
            "must be a number from 1 to {}, a slash and the seconds, from 1 to {}",
            Throttle::MAX_LIMIT,
            Throttle::MAX_WINDOW_SECS
        )
    })?;
    Ok(Throttle {
        limit,
        window_secs,
        key: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_is_a_limit_and_its_seconds() {
        let read = throttle("3/3600").expect("right");
        assert_eq!((read.limit, read.window_secs, read.key), (3, 3600, None));
        for wrong in ["3", "3/", "0/60", "3/0", "10001/60", "3/2678401", "3/1h"] {
            assert!(throttle(wrong).is_err(), "{wrong}");
        }
        assert!(label(" ").is_err() && label(&"x".repeat(101)).is_err());
    }
}
