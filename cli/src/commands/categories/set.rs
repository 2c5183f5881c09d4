//! `tidings categories set`.

use anyhow::bail;
use serde_json::value::to_raw_value;
use tidings_db::categories::{self, MAX_CATEGORIES, NewCategory, PutResult};
use tidings_db::{Database, TransactionOptions};
use tidings_domain::category::{
    CategoryKind, CategoryName, MAX_DESCRIPTION, MAX_LABEL, QuietRule, Throttle,
};
use tidings_domain::digest::{DigestMode, DigestRule};
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
    /// How its notifications are collected to one message: off, daily, weekly, or a window of seconds such as window/600
    #[arg(long, value_name = "MODE", value_parser = digest)]
    digest: Option<DigestRule>,
    /// A digest with so many notifications is sent at once
    #[arg(long, value_name = "NUMBER", requires = "digest", value_parser = max_items)]
    digest_max_items: Option<u32>,
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
    if let Some((member, message)) = new.ineffective().first() {
        bail!("{member} {message}");
    }
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
        digest: args.digest.map(|rule| DigestRule {
            max_items: args.digest_max_items,
            ..rule
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

fn digest(text: &str) -> Result<DigestRule, String> {
    let (mode, window) = match text.split_once('/') {
        Some((mode, window)) => (mode, Some(window)),
        None => (text, None),
    };
    let seconds = |window: &str| {
        let seconds = window.parse::<u32>().ok();
        seconds.filter(|seconds| (1..=DigestRule::MAX_WINDOW_SECS).contains(seconds))
    };
    let rule = |mode, window_secs| DigestRule {
        mode,
        window_secs,
        max_items: None,
    };
    match (mode.parse(), window) {
        (Ok(DigestMode::Window), Some(window)) => {
            seconds(window).map(|seconds| rule(DigestMode::Window, Some(seconds)))
        }
        (Ok(DigestMode::Window) | Err(_), _) | (Ok(_), Some(_)) => None,
        (Ok(mode), None) => Some(rule(mode, None)),
    }
    .ok_or_else(|| {
        format!(
            "must be off, daily, weekly, or window, a slash and the seconds, from 1 to {}",
            DigestRule::MAX_WINDOW_SECS
        )
    })
}

fn max_items(text: &str) -> Result<u32, String> {
    let (min, max) = (DigestRule::MIN_MAX_ITEMS, DigestRule::MAX_ITEMS);
    let items = text.parse::<u32>().ok();
    let items = items.filter(|items| (min..=max).contains(items));
    items.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
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
        let read = digest("window/600").expect("right");
        assert_eq!(
            (read.mode, read.window_secs),
            (DigestMode::Window, Some(600))
        );
        assert_eq!(digest("weekly").expect("right").mode, DigestMode::Weekly);
        for wrong in ["window", "window/0", "window/86401", "daily/60", "hourly"] {
            assert!(digest(wrong).is_err(), "{wrong}");
        }
        assert!(max_items("1").is_err() && max_items("1001").is_err());
        assert_eq!(max_items("2"), Ok(2));
        assert!(label(" ").is_err() && label(&"x".repeat(101)).is_err());
    }
}
