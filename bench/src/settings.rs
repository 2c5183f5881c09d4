//! The settings of the installation to measure.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use anyhow::Context;
use jiff::Timestamp;
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;
use tidings_settings::{Reader, SettingProblems, Sources, table};

use crate::token::{self, SigningSettings};

/// The sources of all settings.
static SOURCES: LazyLock<Sources> = LazyLock::new(|| Sources::load(None));

/// Reads the environment, `.env` and the settings file that `TIDINGS_CONFIG` names. Call it before any
/// thread starts.
pub fn load() {
    LazyLock::force(&SOURCES);
}

/// Reads one section of the settings.
///
/// # Errors
///
/// Returns everything that is wrong in the section.
pub fn read<T>(section: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T, SettingProblems> {
    let mut reader = Reader::new(SOURCES.clone());
    let settings = section(&mut reader);
    reader.finish(settings)
}

/// How to reach RabbitMQ and PostgreSQL.
///
/// # Errors
///
/// Returns everything that is wrong in these settings.
pub fn servers() -> Result<(BrokerSettings, DatabaseSettings), SettingProblems> {
    read(|reader| {
        let broker = BrokerSettings::read(reader);
        broker.zip(DatabaseSettings::read(reader))
    })
}

/// The given address of the API, or `API_PORT` on this machine.
///
/// # Errors
///
/// Returns an error if `API_PORT` is wrong.
pub fn api_address(given: Option<SocketAddr>) -> Result<SocketAddr, SettingProblems> {
    if let Some(given) = given {
        return Ok(given);
    }
    let port = read(|reader| Some(reader.value(table::API_PORT)))?;
    Ok((Ipv4Addr::LOCALHOST, port).into())
}

/// The given token, or one that is signed with `JWT_SECRET`.
///
/// # Errors
///
/// Returns an error if the settings for the token are wrong.
pub fn api_token(given: Option<String>) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given);
    }
    let signing = read(SigningSettings::read).context("cannot sign a token for the API")?;
    token::sign(&signing, Timestamp::now())
}
