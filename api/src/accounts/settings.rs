use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::thread::available_parallelism;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use tidings_domain::providers::ChannelProviders;
use tidings_passwords::HashCost;
use tidings_settings::{AppEnv, Reader, read_public_url, table, weakness};

use super::notices::LoginNotifications;

/// The minimum length of `ACCOUNTS_SECRET`, in bytes.
const MIN_SECRET_LEN: usize = 32;

/// Who may create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Nobody.
    Off,
    /// The holders of an invitation.
    Invite,
    /// Everybody.
    Open,
}

/// The text is not one of the three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be off, invite or open")]
pub struct UnknownRegistration;

impl FromStr for Registration {
    type Err = UnknownRegistration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "invite" => Ok(Self::Invite),
            "open" => Ok(Self::Open),
            _ => Err(UnknownRegistration),
        }
    }
}

/// The accounts of users, if they are on.
#[derive(Clone)]
pub struct AccountSettings {
    /// `ACCOUNTS_SECRET`.
    pub secret: SecretString,
    /// `REGISTRATION`.
    pub registration: Registration,
    /// `ACCESS_TOKEN_SECS`.
    pub access_token_lifetime: Duration,
    /// `REFRESH_GRACE_SECS`.
    pub refresh_grace: Duration,
    /// `REFRESH_IDLE_SECS`.
    pub refresh_idle: Duration,
    /// `SESSION_MAX_SECS`.
    pub session_lifetime: Duration,
    /// The cost of a password's hash.
    pub hash_cost: HashCost,
    /// `ARGON2_CONCURRENCY`.
    pub hash_concurrency: usize,
    /// `PUBLIC_URL`, without a slash at its end.
    pub public_url: Option<String>,
    /// `LOGIN_NOTIFICATIONS`.
    pub login_notifications: LoginNotifications,
    /// Whether e-mails are sent.
    pub email_is_on: bool,
    /// Whether text messages are sent.
    pub sms_is_on: bool,
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSettings")
            .field("registration", &self.registration)
            .finish_non_exhaustive()
    }
}

impl AccountSettings {
    /// Reads the section. Returns `None` if accounts are off, or if the secret is missing.
    pub fn read(
        reader: &mut Reader,
        environment: AppEnv,
        providers: &ChannelProviders,
    ) -> Option<Self> {
        let secs = |reader: &mut Reader, setting| Duration::from_secs(reader.value(setting));
        let registration = reader.optional(table::REGISTRATION);
        let default = if environment.is_production() {
            Registration::Off
        } else {
            Registration::Open
        };
        let access_token_lifetime = secs(reader, table::ACCESS_TOKEN_SECS);
        let refresh_grace = secs(reader, table::REFRESH_GRACE_SECS);
        let refresh_idle = secs(reader, table::REFRESH_IDLE_SECS);
        let session_lifetime = secs(reader, table::SESSION_MAX_SECS);
        let hash_cost = HashCost::read(reader);
        let cores = || available_parallelism().map_or(1, usize::from);
        let hash_concurrency = reader
            .optional(table::ARGON2_CONCURRENCY)
            .unwrap_or_else(cores);
        let public_url = read_public_url(reader);
        let public_url = public_url.map(|url| url.as_str().trim_end_matches('/').to_owned());
        let login_notifications = reader.optional(table::LOGIN_NOTIFICATIONS);
        if reader.text(table::ACCOUNTS) != Some("on") {
            return None;
        }
        Some(Self {
            secret: read_secret(reader, environment)?,
            registration: registration.unwrap_or(default),
            access_token_lifetime,
            refresh_grace,
            refresh_idle,
            session_lifetime,
            hash_cost,
            hash_concurrency,
            public_url,
            login_notifications: login_notifications.unwrap_or(LoginNotifications::NewDevice),
            email_is_on: providers.email.is_some(),
            sms_is_on: providers.sms.is_some(),
        })
    }
}

/// Reads `TRUSTED_PROXIES`.
pub fn read_trusted_proxies(reader: &mut Reader) -> Vec<IpNet> {
    reader.list(table::TRUSTED_PROXIES, |text| {
        let network = text.parse::<IpNet>().ok();
        network
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
            .ok_or("must be an address or a network, such as 10.0.0.0/8")
    })
}

/// Reads `ACCOUNTS_SECRET`, which is required. Any environment needs 32 bytes, and production refuses a weak secret.
fn read_secret(reader: &mut Reader, environment: AppEnv) -> Option<SecretString> {
    let secret = reader.required_secret(table::ACCOUNTS_SECRET)?;
    let text = secret.expose_secret();
    let problem = if environment.is_production() {
        weakness(text, MIN_SECRET_LEN)
    } else {
        (text.len() < MIN_SECRET_LEN).then_some("is too short")
    };
    if let Some(problem) = problem {
        let message = format!(
            "{problem}: it must be a generated secret of at least {MIN_SECRET_LEN} bytes, for example the output of `openssl rand -hex {MIN_SECRET_LEN}`"
        );
        reader.problem(table::ACCOUNTS_SECRET, message);
    }
    Some(secret)
}
