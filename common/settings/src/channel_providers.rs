use tidings_domain::providers::ChannelProviders;

use crate::{AppEnv, Reader, SettingProblem, table};

/// Reads the provider of each channel.
pub fn read_channel_providers(reader: &mut Reader) -> ChannelProviders {
    let production = AppEnv::reads_as_production(reader);
    let value_of = |name| reader.text(table::find(name)?);
    let (providers, mistakes) = ChannelProviders::parse(value_of, production);
    for mistake in mistakes {
        reader.note(SettingProblem {
            name: mistake.variable,
            message: mistake.message,
        });
    }
    providers
}
