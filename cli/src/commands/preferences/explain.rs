//! `tidings preferences explain`.

mod details;

use std::time::Duration;

use serde_json::{Map, Value, json};
use tidings_db::situation::{self, Facts, Question};
use tidings_db::{IsolationLevel, TransactionOptions};
use tidings_domain::category::CategoryName;
use tidings_domain::explanation::{Outcome, Rule};
use tidings_domain::notification::{Channel, UserId};
use tidings_domain::preference::{AddressHash, Recipient};
use tidings_domain::providers::ChannelProviders;
use tidings_domain::time::Timezone;
use tidings_domain::user_limit::UserLimit;
use tidings_settings::{Reader, read_channel_providers, read_user_limits, table};

use super::{choice_json, database, user_id};
use crate::output::{CommandOutput, Text, WrongUsage, table as table_of};
use crate::settings;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("recipient").args(["user", "to"]).required(true))]
pub struct Args {
    /// The id, the e-mail address or the name of the user
    #[arg(long)]
    user: Option<String>,
    /// The address of a recipient without an account: an e-mail address, phone number, device token or URL
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// The category; without it, a notification without a category
    #[arg(long, value_name = "NAME")]
    category: Option<CategoryName>,
    /// The channel: in-app, email, sms, push or webhook
    #[arg(long)]
    channel: Channel,
    /// The payload, a JSON object, if the `throttle` of the category has a `key`: the member with this name is looked at, and
    /// nothing else
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
}

/// The settings that decide.
struct DecidingSettings {
    providers: ChannelProviders,
    user_limit: Option<UserLimit>,
    default_timezone: Timezone,
    quiet_spread: Duration,
    makes_links: bool,
}

impl DecidingSettings {
    fn read(reader: &mut Reader, channel: Channel) -> Self {
        let limits = read_user_limits(reader);
        Self {
            providers: read_channel_providers(reader),
            user_limit: channel.delivered().and_then(|channel| *limits.get(channel)),
            default_timezone: reader.value(table::DEFAULT_TIMEZONE),
            quiet_spread: Duration::from_secs(reader.value(table::QUIET_SPREAD_SECS)),
            makes_links: reader.is_set(table::UNSUBSCRIBE_SECRETS)
                && reader.is_set(table::PUBLIC_URL),
        }
    }
}

/// Prints what would happen, and why.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let channel = args.channel;
    let settings = settings::read(|reader| Some(DecidingSettings::read(reader, channel)))?;
    let payload = args.payload.as_deref().map(payload).transpose()?;
    let database = database()?;
    let recipient = match (&args.user, &args.to) {
        (Some(user), _) => Recipient::User(user_id(&database, user).await?),
        (None, to) => Recipient::Address(address(channel, to.as_deref())?),
    };
    let question = Question {
        recipient,
        category: args.category,
        channel,
        payload,
        user_limit: settings.user_limit,
        default_timezone: settings.default_timezone.clone(),
        quiet_spread: settings.quiet_spread,
    };
    // All is read as of one moment.
    let options = TransactionOptions {
        isolation: IsolationLevel::RepeatableRead,
        ..TransactionOptions::default()
    };
    let mut facts = database
        .transaction(options, async |transaction| {
            situation::read(transaction, &question).await
        })
        .await?;
    let delivered = channel.delivered();
    facts.situation.is_configured =
        delivered.is_none_or(|channel| settings.providers.is_configured(channel));
    facts.situation.has_link = settings.makes_links;
    let json = json_of(&facts, &question);
    CommandOutput::new(text_of(&facts, &question), json)
}

fn address(channel: Channel, to: Option<&str>) -> anyhow::Result<AddressHash> {
    let payload = json!({ "to": to }).to_string();
    AddressHash::of_payload(channel, &payload)
        .ok_or_else(|| WrongUsage("--to is not an address of the channel").into())
}

/// The text of an argument is never repeated: it may contain secrets.
fn payload(json: &str) -> anyhow::Result<Map<String, Value>> {
    serde_json::from_str(json).map_err(|_| WrongUsage("--payload is not a JSON object").into())
}

/// The rules that say something about a notification that is not recorded yet, with what each of them says.
fn rules(facts: &Facts) -> impl Iterator<Item = (Rule, Option<Outcome>)> {
    // Its sender can neither have cancelled it, nor has it a time.
    let is_asked = |rule: &Rule| {
        !matches!(
            rule,
            Rule::Cancellation | Rule::ExpiresAt | Rule::SendAt | Rule::AcceptWithoutBroker
        )
    };
    let rules = Rule::ALL.into_iter().filter(is_asked);
    rules.map(|rule| (rule, facts.situation.outcome_of(rule, facts.now)))
}

fn json_of(facts: &Facts, question: &Question) -> Value {
    let (outcome, rule) = facts.situation.outcome(facts.now);
    let rules: Vec<Value> = rules(facts)
        .map(|(rule, outcome)| {
            let mut json = json!({
                "rule": rule.as_str(),
                "applies": outcome.is_some(),
                "outcome": outcome.map(Outcome::as_str),
                "reason": outcome.and_then(Outcome::reason),
                "until": outcome.and_then(Outcome::until),
                "detail": details::of(rule, facts, question),
            });
            if let (Rule::Preferences, Some(choice)) = (rule, details::choice(facts, question)) {
                json["choice"] = choice_json(choice);
            }
            json
        })
        .collect();
    json!({
        "at": facts.now,
        "outcome": outcome.as_str(),
        "reason": outcome.reason(),
        "rule": rule.map(Rule::as_str),
        "until": outcome.until(),
        "rules": rules,
    })
}

fn text_of(facts: &Facts, question: &Question) -> Text {
    let (outcome, decides) = facts.situation.outcome(facts.now);
    let mut text = Text::default();
    match decides {
        Some(rule) => text.line(format_args!("{outcome} (rule: {})\n", rule.as_str())),
        None => text.line(format_args!("{outcome}\n")),
    }
    let mut rows = vec![["", "RULE", "SAYS", "BECAUSE"].map(str::to_owned).to_vec()];
    for (rule, outcome) in rules(facts) {
        let mark = if decides == Some(rule) { ">" } else { "" };
        let says = outcome.map_or_else(|| "-".to_owned(), |outcome| outcome.to_string());
        rows.push(vec![
            mark.to_owned(),
            rule.as_str().to_owned(),
            says,
            details::of(rule, facts, question),
        ]);
    }
    text.lines(&table_of(&rows));
    text
}

/// The user, if there is one.
const fn user_of(question: &Question) -> Option<UserId> {
    match question.recipient {
        Recipient::User(user) => Some(user),
        Recipient::Address(_) => None,
    }
}
