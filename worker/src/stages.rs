//! The stages that a process serves.

use tidings_domain::notification::DeliveredChannel;
use tidings_domain::providers::ChannelProviders;
use tidings_settings::{Reader, table};

/// `WORKER_CHANNELS`: a list of `intake`, `scheduler`, `events`, `email`, `sms`, `push` and `webhook`, separated by commas.
/// Default: the intake, the scheduler, events and every channel that has a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages {
    /// Whether this process records notifications.
    pub intake: bool,
    /// Whether this process publishes scheduled notifications.
    pub scheduler: bool,
    /// Whether this process translates the events of other programs.
    pub events: bool,
    /// The channels that this process delivers.
    pub channels: Vec<DeliveredChannel>,
}

impl Stages {
    /// Reads the section. A channel without a provider is a mistake.
    pub fn read(reader: &mut Reader, providers: &ChannelProviders) -> Self {
        let Some(text) = reader.text(table::WORKER_CHANNELS).map(ToOwned::to_owned) else {
            return Self {
                intake: true,
                scheduler: true,
                events: true,
                channels: providers.configured().collect(),
            };
        };
        let mut stages = Self {
            intake: false,
            scheduler: false,
            events: false,
            channels: Vec::new(),
        };
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match parse_stage(name, *providers) {
                Ok(Stage::Intake) => stages.intake = true,
                Ok(Stage::Scheduler) => stages.scheduler = true,
                Ok(Stage::Events) => stages.events = true,
                Ok(Stage::Channel(channel)) if stages.channels.contains(&channel) => {}
                Ok(Stage::Channel(channel)) => stages.channels.push(channel),
                Err(message) => reader.problem(table::WORKER_CHANNELS, message),
            }
        }
        if text.split(',').all(|name| name.trim().is_empty()) {
            reader.problem(table::WORKER_CHANNELS, "names nothing to do");
        }
        stages
    }
}

impl Stages {
    /// The names in `WORKER_CHANNELS`.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let stages = [
            (self.intake, "intake"),
            (self.scheduler, "scheduler"),
            (self.events, "events"),
        ];
        let served = stages.into_iter().filter(|(is_served, _)| *is_served);
        let channels = self.channels.iter().map(|channel| channel.as_str());
        served.map(|(_, name)| name).chain(channels).collect()
    }
}

/// What a name in `WORKER_CHANNELS` stands for.
enum Stage {
    Intake,
    Scheduler,
    Events,
    Channel(DeliveredChannel),
}

fn parse_stage(name: &str, providers: ChannelProviders) -> Result<Stage, String> {
    match name {
        "intake" => return Ok(Stage::Intake),
        "scheduler" => return Ok(Stage::Scheduler),
        "events" => return Ok(Stage::Events),
        _ => {}
    }
    let channel = DeliveredChannel::ALL
        .into_iter()
        .find(|channel| channel.as_str() == name)
        .ok_or_else(|| {
            format!("{name:?}: must be intake, scheduler, events, email, sms, push or webhook")
        })?;
    if providers.is_configured(channel) {
        Ok(Stage::Channel(channel))
    } else {
        let variable = ChannelProviders::variable(channel);
        Err(format!("{name} has no provider: set {variable}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Stages, String> {
        let development = ("APP_ENV", "development");
        let vars = vars.iter().chain([&development]);
        let mut reader = Reader::from_vars(vars.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let providers = tidings_settings::read_channel_providers(&mut reader);
        let stages = Stages::read(&mut reader, &providers);
        reader
            .finish(Some(stages))
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn by_default_a_worker_serves_all_stages_and_configured_channels() {
        let sms = ("SMS_PROVIDER", "sandbox");
        let all = read(&[sms, ("EMAIL_PROVIDER", "sandbox")]).expect("right");
        assert!(all.intake && all.scheduler && all.events);
        assert_eq!(
            all.channels,
            [DeliveredChannel::Email, DeliveredChannel::Sms]
        );
        let one = read(&[sms, ("WORKER_CHANNELS", " sms, sms ")]).expect("right");
        assert_eq!(
            (one.intake, one.scheduler, one.channels),
            (false, false, vec![DeliveredChannel::Sms])
        );
        let events = read(&[
            ("WORKER_CHANNELS", "events,email"),
            ("EMAIL_PROVIDER", "sandbox"),
        ]);
        let events = events.expect("right");
        assert!(events.events && !events.intake && !events.scheduler);
        let scheduler = read(&[("WORKER_CHANNELS", "scheduler")]).expect("right");
        assert!(scheduler.scheduler && !scheduler.intake && scheduler.channels.is_empty());
    }

    #[test]
    fn unknown_and_unconfigured_stages_are_mistakes() {
        for (channels, words) in [
            ("sms", "set SMS_PROVIDER"),
            ("in-app", "must be intake"),
            (",", "nothing to do"),
        ] {
            let mistake = read(&[("WORKER_CHANNELS", channels)]).expect_err(channels);
            assert!(mistake.contains(words), "{mistake}");
        }
    }
}
